//! Recording never waits and never fails, and what finds no place is told.

use std::sync::atomic::Ordering;

use sextant_measure::outcome::Outcome;
use sextant_reporter::options::Options;
use sextant_reporter::report::DropReason;
use tokio::time::sleep;

use super::catcher::{Catcher, about};
use crate::kit::{ms, observation, options};

#[tokio::test(start_paused = true)]
async fn what_finds_no_place_is_dropped_and_told_upstream() {
    let catcher = Catcher::with(Options {
        queue_observations_max: 8,
        in_flight_max: 1,
        ..options()
    });
    catcher.caught().is_away.store(true, Ordering::Relaxed);
    let recorder = catcher.recorder();
    // The runtime never gets a turn meanwhile: recording waits for nothing.
    for n in 0..100 {
        recorder.record(observation(n));
    }
    assert_eq!(recorder.dropped(DropReason::QueueFull), 92);
    let mut wrong = observation(0);
    wrong.measurement.attempt = 0;
    recorder.record(wrong);
    assert_eq!(recorder.dropped(DropReason::Invalid), 1);
    catcher.caught().is_away.store(false, Ordering::Relaxed);
    sleep(ms(15_000)).await;
    let totals = catcher.totals();
    assert_eq!((totals.recorded, totals.acknowledged), (101, 8));
    assert_eq!(totals.dropped["queue_full"], 92);
    assert_eq!(totals.dropped["invalid"], 1);
    let report = catcher.finish().await;
    assert_eq!((report.recorded, report.acknowledged), (101, 8));
    assert_eq!(report.dropped[&DropReason::QueueFull], 92);
    assert_eq!(
        report.dropped.values().sum::<u64>() + report.acknowledged,
        101
    );
}

#[tokio::test(start_paused = true)]
async fn a_sender_ends_though_there_are_recorders_and_they_go_on_harmlessly() {
    let catcher = Catcher::start();
    let recorder = catcher.recorder();
    let mut attempt = recorder.attempt(about());
    attempt.dispatched();
    recorder.record(observation(1));
    let report = catcher.finish().await;
    assert_eq!((report.recorded, report.acknowledged), (1, 1));
    attempt.end(Outcome::Ok);
    recorder.record(observation(2));
    assert_eq!(recorder.dropped(DropReason::Ended), 2);
}

#[tokio::test(start_paused = true)]
async fn many_threads_record_at_once_and_every_observation_is_accounted_for() {
    let catcher = Catcher::with(Options {
        queue_observations_max: 500,
        ..options()
    });
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let recorder = catcher.recorder();
            scope.spawn(move || (0..500).for_each(|n| recorder.record(observation(n))));
        }
    });
    let dropped = catcher.recorder().dropped(DropReason::QueueFull);
    let report = catcher.finish().await;
    assert_eq!(report.recorded, 2_000);
    assert_eq!(report.acknowledged + dropped, 2_000);
}
