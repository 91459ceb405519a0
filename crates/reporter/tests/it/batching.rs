//! How observations become numbered batches.

use std::sync::Arc;
use std::time::Duration;

use sextant_reporter::error::ReporterError;
use sextant_reporter::options::Options;
use sextant_reporter::sender::Sender;
use sextant_reporter::transport::{Ready, Transport};
use tokio::time::{Instant, sleep, timeout};

use crate::collector::{Collector, Reaction};
use crate::fake::{Fake, OBSERVATION_BYTES};
use crate::kit::{LONG, TestClock, ms, observation, options, send, send_all, start};

#[tokio::test(start_paused = true)]
async fn full_batches_go_at_once_and_the_rest_when_it_has_waited() {
    let collector = Collector::obliging();
    let began = Instant::now();
    let sender = start(options(), Arc::new(Fake::new(&collector)));
    send(&sender, 25).await;
    sleep(ms(500)).await;
    let sizes: Vec<_> = collector.log().iter().map(|it| it.names.len()).collect();
    assert_eq!(sizes, [10, 10, 5]);
    let waits: Vec<_> = collector.log().iter().map(|it| it.at - began).collect();
    assert!(waits[1] < ms(5), "{waits:?}");
    assert!((ms(200)..ms(210)).contains(&waits[2]), "{waits:?}");
    let report = sender.finish(LONG).await;
    assert_eq!((report.recorded, report.acknowledged), (25, 25));
    assert_eq!((report.batches, report.retries), (3, 0));
    assert!(report.is_complete() && report.deduplicated && report.failure.is_none());
    collector.assert_holds_once(25);
}

#[tokio::test(start_paused = true)]
async fn numbers_count_up_from_one_in_one_epoch() {
    let collector = Collector::obliging();
    let options = Options {
        epoch: 77,
        ..options()
    };
    send_all(options, Arc::new(Fake::new(&collector)), 30, LONG).await;
    assert_eq!(collector.sequences(), [1, 2, 3]);
    for delivery in collector.log() {
        assert_eq!(delivery.identity.epoch, 77);
        assert_eq!(delivery.identity.agent.as_str(), "tester");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_full_by_its_bytes_too() {
    let collector = Collector::obliging();
    let options = Options {
        batch_bytes_max: 4 * OBSERVATION_BYTES,
        ..options()
    };
    send_all(options, Arc::new(Fake::new(&collector)), 9, LONG).await;
    let sizes: Vec<_> = collector.log().iter().map(|it| it.names.len()).collect();
    assert_eq!(sizes, [4, 4, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_targets_bounds_hold_from_the_first_batch_on() {
    let collector = Collector::obliging();
    let fake = Fake {
        hellos: vec![Ready {
            batch_observations_max: Some(3),
            ..Ready::default()
        }],
        ..Fake::new(&collector)
    };
    send_all(options(), Arc::new(fake), 20, LONG).await;
    assert!(collector.log().iter().all(|it| it.names.len() <= 3));
    collector.assert_holds_once(20);
}

#[tokio::test(start_paused = true)]
async fn a_tighter_bound_after_a_reconnect_gives_new_numbers() {
    let collector = Collector::new(|it| match it.link {
        1 => Reaction::Break,
        _ => Reaction::Take,
    });
    let fake = Fake {
        hellos: vec![Ready {
            message_bytes_max: Some(4_096 + 5 * OBSERVATION_BYTES),
            ..Ready::default()
        }],
        ..Fake::new(&collector)
    };
    send_all(options(), Arc::new(fake), 20, LONG).await;
    assert!(collector.log().iter().all(|it| it.names.len() <= 5));
    collector.assert_holds_once(20);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_the_hello() {
    let collector = Collector::obliging();
    let fake = Fake::new(&collector);
    *fake.doors.lock().unwrap() = Box::new(|_| Ok(Duration::from_secs(10)));
    let began = Instant::now();
    send_all(options(), Arc::new(fake), 25, LONG).await;
    assert_eq!(collector.links(), 1);
    assert!(collector.log()[0].at - began >= Duration::from_secs(10));
    collector.assert_holds_once(25);
}

#[tokio::test(start_paused = true)]
async fn definitions_are_sent_once_and_again_after_a_reconnect() {
    // `Known` fails the test if an id is defined twice or used before it is defined.
    let collector = Collector::new(|it| match it.nth {
        3 => Reaction::TakeAndBreak,
        _ => Reaction::Take,
    });
    let report = send_all(options(), Arc::new(Fake::new(&collector)), 200, LONG).await;
    assert!(report.is_complete());
    assert_eq!(collector.links(), 2);
    collector.assert_holds_once(200);
}

#[tokio::test(start_paused = true)]
async fn in_flight_is_bounded_and_the_caller_waits() {
    let collector = Collector::new(|_| Reaction::SayNothing);
    let options = Options {
        in_flight_max: 4,
        queue_observations_max: 7,
        ..options()
    };
    let sender = start(options, Arc::new(Fake::new(&collector)));
    let sent = timeout(ms(1_000), send(&sender, 1_000)).await;
    assert!(sent.is_err(), "the sender took more than it may hold");
    assert_eq!(collector.sequences(), [1, 2, 3, 4]);
    // Four batches in flight and one that fills; the queue's seven are not counted yet.
    let counters = *sender.counters().borrow();
    assert_eq!((counters.recorded, counters.sent), (50, 40));
    let report = sender.finish(Duration::ZERO).await;
    assert_eq!(report.recorded, 57);
    assert_eq!(report.dropped.values().sum::<u64>(), 57);
}

#[tokio::test(start_paused = true)]
async fn the_newest_number_stays_within_1024_of_the_oldest_without_an_answer() {
    let collector = Collector::new(|it| match it.identity.sequence {
        1 => Reaction::SayNothing,
        _ => Reaction::Take,
    });
    let options = Options {
        in_flight_max: 1_024,
        batch_observations_max: 1,
        answer_timeout: LONG,
        ..options()
    };
    let sender = start(options, Arc::new(Fake::new(&collector)));
    let sending = timeout(ms(1_000), send(&sender, 20_000)).await;
    assert!(sending.is_err(), "the sender should have waited");
    assert_eq!(collector.sequences().into_iter().max(), Some(1_024));
}

#[tokio::test(start_paused = true)]
async fn a_bound_that_no_sender_could_work_with_is_refused() {
    let fake = Arc::new(Fake::new(&Collector::obliging()));
    for in_flight_max in [0, 1_025] {
        let options = Options {
            in_flight_max,
            ..options()
        };
        let error = Sender::start(
            options,
            Arc::clone(&fake) as Arc<dyn Transport>,
            TestClock::new(),
        );
        let wanted = ReporterError::Option {
            option: "in_flight_max",
            wanted: "from 1 to 1024",
        };
        assert_eq!(error.err(), Some(wanted));
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_is_dropped_stops() {
    let collector = Collector::obliging();
    let sender = start(options(), Arc::new(Fake::new(&collector)));
    let mut counters = sender.counters();
    sender.send(observation(0)).await.unwrap();
    drop(sender);
    // The figures' other end goes with the task.
    while counters.changed().await.is_ok() {}
    sleep(ms(1_000)).await;
    assert!(collector.log().is_empty());
}
