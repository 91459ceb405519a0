//! The figures of the documentation: the least and the most over all seeds.

use crate::simulation::history::History;
use crate::simulation::provider::Trouble;
use crate::simulation::scenarios::{QUICKEST, REQUESTS_PER_S, Scenario};
use crate::simulation::world::World;

const FROM_S: f64 = 60.0;
const FOR_EVER: f64 = f64::INFINITY;

/// Lines in Markdown.
pub(crate) fn table(worlds: &[World]) -> Vec<String> {
    let mut lines = Vec::new();
    rate_limited(worlds, &mut lines);
    slow(worlds, &mut lines);
    left(worlds, &mut lines);
    returning(worlds, &mut lines);
    lines
}

fn rate_limited(worlds: &[World], lines: &mut Vec<String>) {
    let head = "| it can serve, of the demand | is asked for, of what it can serve | in its worst minute | serves, of what it can | its 429s, of all requests |";
    lines.extend([head.to_owned(), "|---|---|---|---|---|".to_owned()]);
    for percent in [95, 90, 75, 70, 65, 60, 55, 40, 20] {
        let capacity = f64::from(percent) / 100.0 * REQUESTS_PER_S;
        let scenario = Scenario::new(32.0);
        let scenario = scenario.quickest_serves(f64::from(percent) / 100.0, FROM_S..FOR_EVER);
        let histories = play(worlds, &scenario);
        let (from_s, to_s) = (FROM_S + 60.0, scenario.lasts_s);
        let can = capacity * (to_s - from_s);
        let tally = |history: &History| history.tally(QUICKEST, from_s..to_s);
        let most = |history: &History| history.most_attempts(QUICKEST, from_s..to_s, 60.0);
        let columns = [
            percents(&histories, |history| {
                f64::from(tally(history).attempts) / can
            }),
            percents(&histories, |history| {
                f64::from(most(history)) / capacity / 60.0
            }),
            percents(&histories, |history| f64::from(tally(history).ok) / can),
            percents(&histories, |history| {
                f64::from(tally(history).rate_limited) / f64::from(history.requests(from_s..to_s))
            }),
        ];
        lines.push(format!("| {percent} % | {} |", columns.join(" | ")));
    }
}

fn slow(worlds: &[World], lines: &mut Vec<String>) {
    let head = "| it can serve, of the demand | is first left alone after | its attempts that time out | is tried first in the 30 min after that, of all requests |";
    lines.extend([
        String::new(),
        head.to_owned(),
        "|---|---|---|---|".to_owned(),
    ]);
    for percent in [95, 90, 75, 40] {
        let scenario = Scenario::new(40.0);
        let scenario = scenario.quickest_serves(f64::from(percent) / 100.0, FROM_S..FOR_EVER);
        let histories = play(worlds, &scenario.quickest_queues());
        // When it is first left alone for ten seconds.
        let left = |history: &History| {
            let is_left = |after: &f64| {
                let from_s = FROM_S + after;
                history.share(QUICKEST, from_s..from_s + 10.0) == 0.0
            };
            let mut seconds = (0..).map(f64::from);
            seconds.find(is_left).unwrap()
        };
        let later = |history: &History| {
            let from_s = FROM_S + left(history);
            history.share(QUICKEST, from_s..from_s + 1_800.0)
        };
        let failed = |history: &History| history.tally(QUICKEST, 0.0..FOR_EVER).failed;
        let columns = [
            range(&histories, left, |s| format!("{s:.0}")) + " s",
            range(
                &histories,
                |history| f64::from(failed(history)),
                |n| format!("{n:.0}"),
            ),
            percents(&histories, later),
        ];
        lines.push(format!("| {percent} % | {} |", columns.join(" | ")));
    }
}

fn left(worlds: &[World], lines: &mut Vec<String>) {
    let head = "| what alder does | is left after its first failure was seen | is tried again, of the requests of the next 20 min | in the worst minute | for the last time after |";
    lines.extend([
        String::new(),
        head.to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ]);
    for (name, trouble) in [
        ("server errors", Trouble::Errors),
        ("silence, until a timeout of 10 s", Trouble::Silence),
    ] {
        let mut left_s = Vec::new();
        for place in 0..10 {
            let from_s = FROM_S + f64::from(place);
            let scenario = Scenario::new(2.0).quickest_has(trouble, from_s..FOR_EVER);
            for history in play(worlds, &scenario) {
                let first_s = history.first_failure(QUICKEST, from_s).unwrap();
                let last_s = history.last_first(QUICKEST, first_s..first_s + 45.0);
                left_s.push(last_s.unwrap() - first_s);
            }
        }
        left_s.sort_by(f64::total_cmp);
        let scenario = Scenario::new(22.0).quickest_has(trouble, FROM_S..FOR_EVER);
        let histories = play(worlds, &scenario);
        let again = FROM_S + 30.0;
        let last_s =
            |history: &History| history.last_first(QUICKEST, FROM_S..FOR_EVER).unwrap() - FROM_S;
        let columns = [
            format!(
                "{:.1} to {:.1} s, in the median {:.1} s",
                left_s[0],
                left_s[left_s.len() - 1],
                left_s[left_s.len() / 2]
            ),
            percents(&histories, |history| {
                history.share(QUICKEST, again..again + 1_200.0)
            }),
            percents(&histories, |history| {
                f64::from(history.most_attempts(QUICKEST, again..FOR_EVER, 60.0))
                    / REQUESTS_PER_S
                    / 60.0
            }),
            range(&histories, last_s, minutes_and_seconds) + " min",
        ];
        lines.push(format!("| {name} | {} |", columns.join(" | ")));
    }
}

fn returning(worlds: &[World], lines: &mut Vec<String>) {
    let head = "| server errors for | has 90 % of all requests again, from its last error on | from its recovery on |";
    lines.extend([String::new(), head.to_owned(), "|---|---|---|".to_owned()]);
    for minutes in [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 45.0] {
        // Each time at another moment of a minute.
        let recovers = |place: u32| FROM_S + minutes * 60.0 + f64::from(place) * 6.0;
        let returns = (0..).zip(worlds).map(|(place, world)| {
            let to_s = recovers(place);
            let scenario = Scenario::new(minutes + 50.0);
            let scenario = scenario.quickest_has(Trouble::Errors, FROM_S..to_s);
            let history = play(std::slice::from_ref(world), &scenario).remove(0);
            let back_s = history.back_after(QUICKEST, to_s..scenario.lasts_s);
            let last_s = history.last_first(QUICKEST, 0.0..to_s);
            let back_s = to_s + f64::from(back_s.unwrap());
            (back_s - last_s.unwrap(), back_s - to_s)
        });
        let returns: Vec<_> = returns.collect();
        let columns = [
            range(&returns, |(after_last, _)| *after_last, minutes_and_seconds),
            range(&returns, |(_, after)| *after, minutes_and_seconds),
        ];
        lines.push(format!(
            "| {minutes} min | {} min |",
            columns.join(" min | ")
        ));
    }
}

/// All requests are served in each of them.
fn play(worlds: &[World], scenario: &Scenario) -> Vec<History> {
    let histories: Vec<_> = worlds.iter().map(|world| world.play(scenario)).collect();
    for history in &histories {
        assert_eq!(history.unserved(0.0..FOR_EVER), 0);
    }
    histories
}

fn minutes_and_seconds(s: f64) -> String {
    format!("{:.0}:{:02.0}", (s / 60.0).floor(), (s % 60.0).floor())
}

fn percents(histories: &[History], of: impl Fn(&History) -> f64) -> String {
    range(histories, of, |part| format!("{:.1}", part * 100.0)) + " %"
}

/// The least and the most, if they differ.
fn range<T>(of_all: &[T], of: impl Fn(&T) -> f64, shown: impl Fn(f64) -> String) -> String {
    let mut all: Vec<_> = of_all.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    let (least, most) = (shown(all[0]), shown(all[all.len() - 1]));
    if least == most {
        least
    } else {
        format!("{least} to {most}")
    }
}
