//! One agent, and what its clocks do.

use std::time::Duration;

use sextant_measure::time::Timestamp;

use super::super::scheduler::What;
use super::super::{Finished, Limits, Now, Scheduler, Skip, View};
use super::world::{PLENTY, START_US, at, of_hosts, s, scheduler};

const DAY: u64 = 86_400;

/// Steps once, answers at once, and gives when which target was asked.
fn turn(scheduler: &mut Scheduler, now: Now, results: &mut Vec<Finished>) -> (Vec<usize>, u64) {
    let mut paused = 0;
    let mut asked = Vec::new();
    for decision in scheduler.step(now, &View::Alone, &std::mem::take(results)) {
        match decision.what {
            What::Ask { is_blind } => {
                assert!(!is_blind);
                asked.push(decision.target);
                results.push(Finished {
                    target: decision.target,
                    counts: true,
                    tokens: Some(10),
                    retry_after: None,
                });
            }
            What::Skip(skip) => {
                assert_eq!(skip, Skip::Budget);
                paused += 1;
            }
        }
    }
    (asked, paused)
}

fn run(scheduler: &mut Scheduler, seconds: impl Iterator<Item = u64>) -> Vec<(u64, usize)> {
    let (mut asked, mut results) = (Vec::new(), Vec::new());
    for second in seconds {
        let (now, _) = turn(scheduler, at(second), &mut results);
        asked.extend(now.into_iter().map(|target| (second, target)));
    }
    asked
}

#[test]
fn first_requests_are_spread_over_an_interval_and_all_others_keep_to_theirs() {
    let mut scheduler = scheduler(300, 0, 1, PLENTY);
    let asked = run(&mut scheduler, 0..1_800);
    let first = |target| asked.iter().find(|(_, it)| *it == target).unwrap().0;
    let firsts: Vec<u64> = (0..300).map(first).collect();
    for quarter in 0..4 {
        let within = (quarter * 15)..=(quarter * 15 + 15_u64);
        let count = firsts.iter().filter(|at| within.contains(*at)).count();
        assert!((40..=120).contains(&count), "{count} in a quarter");
    }
    for target in 0..300 {
        let of = asked.iter().filter(|(_, it)| *it == target);
        let times: Vec<_> = of.map(|(at, _)| *at).collect();
        assert!(times.len() >= 20, "{} in half an hour", times.len());
        for pair in times.windows(2) {
            let gap = pair[1] - pair[0];
            assert!((53..=70).contains(&gap), "{gap} s");
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_choices() {
    let asked = |seed| run(&mut scheduler(20, 0, seed, PLENTY), 0..3_600);
    assert_eq!(asked(7), asked(7));
    assert_ne!(asked(7), asked(8));
}

#[test]
fn a_budget_is_kept_to_the_request_and_begins_again_at_midnight() {
    let limits = Limits {
        requests: 100,
        tokens: 1_000_000,
    };
    let mut scheduler = scheduler(5, 0, 3, limits);
    let (mut results, mut asked, mut paused) = (Vec::new(), [0; 3], 0);
    for second in 0..2 * DAY + DAY / 2 {
        let (now, pauses) = turn(&mut scheduler, at(second), &mut results);
        asked[usize::try_from(second / DAY).unwrap()] += now.len();
        paused += pauses;
        if second == DAY - 1 {
            assert_eq!(paused, 5, "each pause is told once");
        }
    }
    assert_eq!(asked, [500, 500, 500]);
}

#[test]
fn tokens_are_a_budget_too() {
    let limits = Limits {
        requests: 1_000_000,
        tokens: 1_000,
    };
    let asked = run(&mut scheduler(1, 0, 4, limits), 0..DAY);
    // Each takes ten, and may take 80.
    assert_eq!(asked.len(), 93);
}

#[test]
fn a_jump_of_the_clock_moves_no_interval_and_gives_no_budget_twice() {
    let limits = Limits {
        requests: 50,
        tokens: 1_000_000,
    };
    let mut scheduler = scheduler(1, 0, 5, limits);
    let (mut results, mut times) = (Vec::new(), Vec::new());
    for second in 0..4 * 3_600 {
        // By turns a day ahead and right, an hour each.
        let ahead = if second / 3_600 % 2 == 1 { DAY } else { 0 };
        let wall = START_US + i64::try_from(second + ahead).unwrap() * 1_000_000;
        let now = Now {
            since_start: s(second),
            wall: Timestamp::from_micros(wall),
        };
        if !turn(&mut scheduler, now, &mut results).0.is_empty() {
            times.push(second);
        }
    }
    assert_eq!(times.len(), 100, "fifty of each day");
    let first_hour: Vec<_> = times.iter().filter(|at| **at < 3_600).collect();
    assert!(first_hour.windows(2).all(|pair| pair[1] - pair[0] <= 70));
}

#[test]
fn after_a_long_sleep_all_is_spread_again() {
    // Few enough that the bound on what is under way alone would let all of them out at once.
    let mut scheduler = scheduler(32, 0, 6, PLENTY);
    let asked = run(&mut scheduler, (0..600).chain(10_000..10_120));
    let asked: Vec<_> = asked.into_iter().filter(|(at, _)| *at >= 10_000).collect();
    let early = asked.iter().filter(|(at, _)| *at < 10_015).count();
    assert!((1..=16).contains(&early), "{early} in the first quarter");
    let within_interval = asked.iter().filter(|(at, _)| *at <= 10_065);
    let mut targets: Vec<_> = within_interval.map(|(_, target)| *target).collect();
    targets.sort_unstable();
    targets.dedup();
    assert_eq!(targets.len(), 32);
}

#[test]
fn no_more_is_under_way_than_may_be_and_the_longest_due_comes_first() {
    let mut scheduler = scheduler(100, 0, 7, PLENTY);
    let now = at(1);
    assert!(scheduler.step(now, &View::Alone, &[]).len() <= 8);
    let mut under_way = Vec::new();
    let mut asked = Vec::new();
    for second in 2..60 {
        for decision in scheduler.step(at(second), &View::Alone, &[]) {
            under_way.push(decision.target);
        }
    }
    assert!(under_way.len() <= 8);
    // What waited is asked as places come free, and says how long it waited.
    for second in 60..200 {
        let results: Vec<_> = under_way
            .drain(..)
            .map(|target| Finished {
                target,
                counts: true,
                tokens: None,
                retry_after: None,
            })
            .collect();
        for decision in scheduler.step(at(second), &View::Alone, &results) {
            under_way.push(decision.target);
            asked.push(decision);
        }
        assert!(under_way.len() <= 8);
    }
    assert!(asked[0].lag >= s(40), "{:?}", asked[0].lag);
    assert!(asked.len() >= 200);
}

#[test]
fn a_silent_host_holds_up_its_own_targets_and_no_others() {
    // Forty targets at one that answers nothing for half a minute, ten at one that answers at once.
    let hosts = (0..50).map(|target| usize::from(target >= 40));
    let mut scheduler = of_hosts(hosts, 0, 9, PLENTY);
    let (mut under_way, mut last) = (Vec::new(), [0; 50]);
    for second in 0..3_600 {
        let ended = under_way.extract_if(.., |(end, _)| *end <= second);
        let results: Vec<_> = ended
            .map(|(_, target)| Finished {
                target,
                counts: true,
                tokens: None,
                retry_after: None,
            })
            .collect();
        for decision in scheduler.step(at(second), &View::Alone, &results) {
            let target = decision.target;
            let is_silent = target < 40;
            if !is_silent {
                assert!(decision.lag <= s(2), "{decision:?}");
            }
            let gap = second - std::mem::replace(&mut last[target], second);
            assert!(is_silent || gap <= 70, "{target} after {gap} s");
            under_way.push((second + if is_silent { 30 } else { 1 }, target));
        }
        let silent = under_way.iter().filter(|(_, target)| *target < 40);
        assert!(silent.count() <= 4 && under_way.len() <= 8);
        // Who waits for a full host wakes nobody before its time.
        assert!(scheduler.wake_at() > s(second));
    }
    assert!(
        last.iter().all(|at| *at > 3_600 - 400),
        "all are asked: {last:?}"
    );
}

#[test]
fn an_outage_is_observed_however_long_the_provider_wants_to_be_left_alone() {
    let mut scheduler = scheduler(1, 0, 10, PLENTY);
    let (mut times, mut results) = (Vec::new(), Vec::new());
    for second in 0..1_860 {
        let (asked, _) = turn(&mut scheduler, at(second), &mut results);
        if !asked.is_empty() {
            times.push(second);
            results[0].retry_after = Some(Duration::from_mins(10));
        }
    }
    let half_an_hour = times.iter().filter(|at| (60..1_860).contains(*at)).count();
    assert!(half_an_hour >= 20, "{half_an_hour}: {times:?}");
    assert!(
        times.windows(2).all(|pair| pair[1] - pair[0] >= 88),
        "{times:?}"
    );
}

#[test]
fn a_provider_that_wants_to_be_left_alone_is() {
    let mut scheduler = scheduler(1, 0, 8, PLENTY);
    let (mut first, mut results) = (None, Vec::new());
    let mut second = 0;
    while second < 3_600 {
        let (now, _) = turn(&mut scheduler, at(second), &mut results);
        if !now.is_empty() {
            match first {
                None => first = Some(second),
                Some(first) => {
                    assert!(second - first >= 300, "{first} {second}");
                    return;
                }
            }
            results[0].counts = false;
            results[0].retry_after = Some(Duration::from_mins(5));
        }
        second += 1;
    }
    panic!("it is asked no more");
}
