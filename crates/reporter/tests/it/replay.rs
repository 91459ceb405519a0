//! Observations from a file.

use std::io::{BufReader, Cursor, Read};
use std::sync::Arc;
use std::time::Duration;

use sextant_reporter::error::ReporterError;
use sextant_reporter::replay::lines::{LINE_BYTES_MAX, Lines};
use sextant_reporter::replay::schedule::{Pace, Schedule, Speed};
use sextant_reporter::replay::{BAD_LINES_MAX, Survey, replay};
use sextant_wire::json;
use tokio::time::Instant;

use crate::collector::{Collector, Reaction};
use crate::fake::Fake;
use crate::kit::{LONG, START, ms, observation, options, start};

#[test]
fn each_line_is_an_observation_or_has_a_reason() {
    let good = line(3);
    let text = format!("{good}\r\n\n  \n{{\"model\":1}}\nnone\n[{good}]\n{good}");
    let told: Vec<_> = lines(&text)
        .map(|it| it.unwrap().map_err(|bad| bad.to_string()))
        .collect();
    let object = "not a JSON object with the fields of an observation";
    assert_eq!(
        told,
        [
            Ok(observation(3)),
            Err(
                "line 4: model must be author/slug, each of letters, digits, '.', '_', '-' or \
                 ':', at most 128 bytes in all"
                    .to_owned()
            ),
            Err(format!("line 5: {object}")),
            Err(format!("line 6: {object}")),
            Ok(observation(3)),
        ]
    );
}

#[test]
fn a_line_past_the_bound_is_passed_over_whatever_the_readers_pieces_are() {
    let long = "x".repeat(LINE_BYTES_MAX + 1);
    let fits = format!("{}{}", " ".repeat(LINE_BYTES_MAX - line(1).len()), line(1));
    for text in [
        format!("{}\n{long}\n{fits}\n", line(0)),
        format!("{}\n{fits}\n{long}", line(0)),
    ] {
        for piece in [1, 7, 4_096, 1 << 20] {
            let reader = BufReader::with_capacity(piece, Cursor::new(&text));
            let told: Vec<_> = Lines::new(reader).map(Result::unwrap).collect();
            assert_eq!(told.len(), 3);
            assert_eq!(told.iter().filter(|it| it.is_ok()).count(), 2);
            let bad = told.iter().find_map(|it| it.as_ref().err()).unwrap();
            assert_eq!(bad.reason, "longer than 65536 bytes");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_a_bad_line() {
    let mut bytes = b"\xff\xfe\n".to_vec();
    bytes.extend(line(0).as_bytes());
    let told: Vec<_> = Lines::new(&bytes[..]).map(Result::unwrap).collect();
    assert_eq!(told[0].as_ref().unwrap_err().line, 1);
    assert_eq!(told[1], Ok(observation(0)));
}

#[test]
fn a_reader_that_fails_ends_it_with_the_line() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let text = format!("{}\n", line(0));
    let reader = BufReader::new(Cursor::new(text).chain(Broken));
    let told: Vec<_> = Lines::new(reader).collect();
    let failed = ReporterError::Input {
        line: 2,
        reason: "the disk is gone".to_owned(),
    };
    assert_eq!(told.len(), 2);
    assert_eq!(told[1], Err(failed));
}

#[test]
fn a_survey_finds_the_earliest_and_the_latest_in_any_order() {
    let text = format!("{}\n{}\nbad\n{}\n", line(50), line(90), line(20));
    let survey = Survey::of(lines(&text)).unwrap();
    assert_eq!((survey.observations, survey.bad_lines), (3, 1));
    assert_eq!(survey.first, Some(START.plus_micros(20_000)));
    assert_eq!(survey.last, Some(START.plus_micros(90_000)));
    assert_eq!(Survey::of(lines("")).unwrap(), Survey::default());
}

#[test]
fn rebasing_moves_the_last_to_now_and_keeps_the_distances() {
    let survey = survey(20_000, 90_000);
    let now = START.plus_micros(1_000_000_000);
    let schedule = Schedule::new(Pace::AtOnce, &survey).rebased(&survey, now);
    assert_eq!(schedule.moved(START.plus_micros(90_000)), now);
    assert_eq!(
        schedule.moved(START.plus_micros(20_000)),
        now.plus_micros(-70_000)
    );
    let unmoved = Schedule::new(Pace::AtOnce, &survey);
    assert_eq!(unmoved.moved(START), START);
}

#[test]
fn a_schedule_divides_the_distances_by_the_speed() {
    let survey = survey(0, 60_000_000);
    let due = |factor: f64, us: i64| {
        let pace = Pace::Speed(Speed::new(factor).unwrap());
        Schedule::new(pace, &survey)
            .due(START.plus_micros(us))
            .unwrap()
    };
    assert_eq!(due(1.0, 60_000_000), Duration::from_mins(1));
    assert_eq!(due(10.0, 60_000_000), Duration::from_secs(6));
    assert_eq!(due(0.5, 1_000_000), Duration::from_secs(2));
    assert_eq!(due(1.0, -5), Duration::ZERO);
    assert_eq!(
        due(f64::MIN_POSITIVE, i64::MAX / 2).as_secs(),
        u64::from(u32::MAX)
    );
    assert_eq!(Schedule::new(Pace::AtOnce, &survey).due(START), None);
    for factor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Speed::new(factor), None);
    }
}

#[tokio::test(start_paused = true)]
async fn observations_are_sent_as_far_apart_as_they_completed() {
    let collector = Collector::obliging();
    let text = [0, 1_000, 2_000].map(line).join("\n");
    let survey = Survey::of(lines(&text)).unwrap();
    let sender = start(options(), Arc::new(Fake::new(&collector)));
    let schedule = Schedule::new(Pace::Speed(Speed::new(2.0).unwrap()), &survey);
    let began = Instant::now();
    let replayed = replay(lines(&text), &schedule, &sender).await.unwrap();
    assert_eq!(began.elapsed(), ms(1_000));
    assert_eq!((replayed.observations, replayed.bad_lines), (3, 0));
    let report = sender.finish(LONG).await;
    assert!(report.is_complete());
    let times: Vec<_> = collector.log().iter().map(|it| it.at - began).collect();
    // Half a second apart, after the batch's wait; the last is not held back.
    for (time, wanted) in times.iter().zip([ms(200), ms(700), ms(1_000)]) {
        assert!(time.abs_diff(wanted) < ms(5), "{times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_once_everything_goes_and_bad_lines_are_told_up_to_a_bound() {
    let collector = Collector::obliging();
    let text: Vec<_> = (0..500).map(|n| format!("{}\nbad {n}", line(n))).collect();
    let text = text.join("\n");
    let sender = start(options(), Arc::new(Fake::new(&collector)));
    let schedule = Schedule::new(Pace::AtOnce, &Survey::default());
    let replayed = replay(lines(&text), &schedule, &sender).await.unwrap();
    assert_eq!((replayed.observations, replayed.bad_lines), (500, 500));
    assert_eq!(replayed.first_bad_lines.len(), BAD_LINES_MAX);
    assert_eq!(replayed.first_bad_lines[1].line, 4);
    assert!(sender.finish(LONG).await.is_complete());
    collector.assert_holds_once(500);
}

#[tokio::test(start_paused = true)]
async fn a_rebased_replay_says_the_new_times() {
    let survey = survey(0, 2_000);
    let now = START.plus_micros(5_002_000);
    let schedule = Schedule::new(Pace::AtOnce, &survey).rebased(&survey, now);
    let text = [0, 1, 2].map(line).join("\n");
    let collector = Collector::new(|_| Reaction::TakeExcept(vec![0, 1, 2]));
    let sender = start(options(), Arc::new(Fake::new(&collector)));
    replay(lines(&text), &schedule, &sender).await.unwrap();
    // What is refused is told as it was sent.
    let report = sender.finish(LONG).await;
    let told = report.refusals.iter();
    let times: Vec<_> = told
        .map(|it| it.observation.measurement.completed_at)
        .collect();
    let wanted = [-2_000, -1_000, 0].map(|us| now.plus_micros(us));
    assert_eq!(times, wanted);
}

fn survey(first_us: i64, last_us: i64) -> Survey {
    Survey {
        observations: 2,
        bad_lines: 0,
        first: Some(START.plus_micros(first_us)),
        last: Some(START.plus_micros(last_us)),
    }
}

fn lines(text: &str) -> Lines<&[u8]> {
    Lines::new(text.as_bytes())
}

fn line(n: u64) -> String {
    json::to_json(&observation(n)).to_string()
}
