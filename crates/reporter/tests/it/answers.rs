//! What each answer of a target does.

use std::sync::Arc;
use std::time::Duration;

use sextant_reporter::options::Options;
use sextant_reporter::report::DropReason;
use sextant_wire::answer::BatchRefusalReason as Reason;
use tokio::time::Instant;

use crate::collector::{Collector, Reaction};
use crate::fake::Fake;
use crate::kit::{LONG, ms, observation, options, send, send_all, start};

#[tokio::test(start_paused = true)]
async fn acknowledgements_may_come_in_any_order() {
    let collector = Collector::new(|it| match it.nth % 3 {
        2 => Reaction::Take,
        _ => Reaction::TakeAndSayLater,
    });
    let report = send_all(options(), Arc::new(Fake::new(&collector)), 90, LONG).await;
    assert!(report.is_complete());
    assert_eq!(report.retries, 0);
    collector.assert_holds_once(90);
}

#[tokio::test(start_paused = true)]
async fn repeated_and_unasked_acknowledgements_change_nothing() {
    let collector = Collector::new(|it| match it.nth % 2 {
        0 => Reaction::TakeAndSayTwice,
        _ => Reaction::TakeAfterNonsense,
    });
    let sender = start(options(), Arc::new(Fake::new(&collector)));
    let counters = sender.counters();
    send(&sender, 40).await;
    let report = sender.finish(LONG).await;
    assert_eq!((report.recorded, report.acknowledged), (40, 40));
    assert_eq!(counters.borrow().answers_ignored, 4);
    collector.assert_holds_once(40);
}

#[tokio::test(start_paused = true)]
async fn observations_that_are_refused_are_counted_and_told() {
    let collector = Collector::new(|it| match it.identity.sequence {
        2 => Reaction::TakeExcept(vec![3, 9]),
        _ => Reaction::Take,
    });
    let report = send_all(options(), Arc::new(Fake::new(&collector)), 30, LONG).await;
    assert_eq!((report.acknowledged, report.refused), (28, 2));
    assert!(!report.is_complete());
    let told: Vec<_> = report.refusals.iter().map(|it| it.ordinal).collect();
    assert_eq!(told, [13, 19]);
    assert_eq!(report.refusals[0].observation, observation(13));
    assert_eq!(report.refusals[0].reason, "why");
}

#[tokio::test(start_paused = true)]
async fn the_list_of_refused_observations_is_bounded_and_their_number_is_not() {
    let collector = Collector::new(|_| Reaction::TakeExcept((0..10).collect()));
    let report = send_all(options(), Arc::new(Fake::new(&collector)), 500, LONG).await;
    assert_eq!((report.refused, report.refusals.len()), (500, 100));
}

#[tokio::test(start_paused = true)]
async fn a_time_to_retry_is_kept_by_all_batches() {
    let wait = Duration::from_secs(30);
    let collector = Collector::new(move |it| match it.nth {
        0 => Reaction::Refuse(Reason::Rate, Some(wait)),
        _ => Reaction::Take,
    });
    let options = Options {
        in_flight_max: 1,
        ..options()
    };
    let began = Instant::now();
    let report = send_all(options, Arc::new(Fake::new(&collector)), 30, LONG).await;
    let log = collector.log();
    assert_eq!(collector.sequences(), [1, 1, 2, 3]);
    assert!(log[1].at - began >= wait, "{:?}", log[1].at - began);
    assert!(log[1].at - began < wait + ms(50), "{:?}", log[1].at - began);
    assert_eq!(log[0].content, log[1].content);
    assert_eq!(report.retries, 1);
    collector.assert_holds_once(30);
}

#[tokio::test(start_paused = true)]
async fn refused_for_load_is_tried_again_at_growing_intervals() {
    let collector = Collector::new(|it| match it.nth {
        0..5 => Reaction::Refuse(Reason::Load, None),
        _ => Reaction::Take,
    });
    let options = Options {
        in_flight_max: 1,
        ..options()
    };
    let report = send_all(options, Arc::new(Fake::new(&collector)), 10, LONG).await;
    let times: Vec<_> = collector.log().iter().map(|it| it.at).collect();
    for (index, pair) in times.windows(2).enumerate() {
        let wanted = ms(100) * (1 << index);
        let wait = pair[1] - pair[0];
        assert!(wait >= wanted && wait <= wanted * 2 + ms(5), "{wait:?}");
    }
    assert_eq!((times.len(), report.retries), (6, 5));
    assert!(report.is_complete());
    collector.assert_holds_once(10);
}

#[tokio::test(start_paused = true)]
async fn after_an_acknowledgement_the_next_wait_is_a_first_one() {
    let collector = Collector::new(|it| match it.nth {
        0..=4 | 6 => Reaction::Refuse(Reason::Load, None),
        _ => Reaction::Take,
    });
    let options = Options {
        in_flight_max: 1,
        ..options()
    };
    send_all(options, Arc::new(Fake::new(&collector)), 20, LONG).await;
    let log = collector.log();
    let wait = log[7].at - log[6].at;
    assert!(wait >= ms(100) && wait <= ms(205), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_batch_that_is_not_under_way_is_not_believed() {
    let collector = Collector::new(|it| match it.nth {
        0 => Reaction::RefuseAndContradict(ms(500)),
        _ => Reaction::Take,
    });
    let fake = Fake::new(&collector);
    let mut delays = [0, 50, 60].into_iter();
    *fake.delays.lock().unwrap() = Box::new(move || ms(delays.next().unwrap_or(0)));
    let sender = start(options(), Arc::new(fake));
    let counters = sender.counters();
    send(&sender, 10).await;
    let report = sender.finish(LONG).await;
    assert_eq!((report.acknowledged, report.retries), (10, 1));
    assert_eq!(counters.borrow().answers_ignored, 2);
    collector.assert_holds_once(10);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_is_split_under_new_numbers() {
    let collector = Collector::new(|it| {
        if it.names.len() > 3 {
            Reaction::Refuse(Reason::TooLarge, None)
        } else {
            Reaction::Take
        }
    });
    let report = send_all(options(), Arc::new(Fake::new(&collector)), 40, LONG).await;
    assert!(report.is_complete());
    collector.assert_holds_once(40);
    // What has been learnt from the first refusals holds for what follows.
    let refused = collector
        .log()
        .iter()
        .filter(|it| it.names.len() > 3)
        .count();
    assert!(refused <= 6, "{refused} batches were too large");
}

#[tokio::test(start_paused = true)]
async fn an_observation_that_is_too_large_alone_is_dropped_and_told() {
    let collector = Collector::new(|it| {
        if it.names.iter().any(|name| name == "r7") {
            Reaction::Refuse(Reason::TooLarge, None)
        } else {
            Reaction::Take
        }
    });
    let report = send_all(options(), Arc::new(Fake::new(&collector)), 20, LONG).await;
    assert_eq!(report.acknowledged, 19);
    assert_eq!(report.dropped.get(&DropReason::TooLarge), Some(&1));
    assert_eq!(report.drops[0].message, "no");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_never_passes_is_dropped_and_told_and_the_rest_goes_on() {
    let collector = Collector::new(|it| match it.identity.sequence {
        2 => Reaction::Refuse(Reason::Invalid, None),
        _ => Reaction::Take,
    });
    let report = send_all(options(), Arc::new(Fake::new(&collector)), 30, LONG).await;
    assert_eq!((report.recorded, report.acknowledged), (30, 20));
    assert_eq!(report.dropped.get(&DropReason::Invalid), Some(&10));
    let drop = &report.drops[0];
    assert_eq!((drop.sequence, drop.observations), (2, 10));
    assert_eq!(collector.sequences(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_reason_that_is_not_known_is_retried_if_the_target_says_when() {
    let collector = Collector::new(|it| match it.nth {
        0 => Reaction::Refuse(Reason::Invalid, Some(ms(300))),
        _ => Reaction::Take,
    });
    let report = send_all(options(), Arc::new(Fake::new(&collector)), 10, LONG).await;
    assert!(report.is_complete());
    collector.assert_holds_once(10);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_takes_no_more_definitions_is_renewed() {
    let collector = Collector::obliging();
    let fake = Fake {
        definitions_max: 4,
        ..Fake::new(&collector)
    };
    let options = Options {
        // Three endpoints a batch.
        batch_observations_max: 3,
        ..options()
    };
    let report = send_all(options, Arc::new(fake), 60, LONG).await;
    assert!(report.is_complete());
    assert!(collector.links() > 2);
    collector.assert_holds_once(60);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_may_have_been_taken_keeps_its_number_when_its_definitions_are_refused() {
    let collector = Collector::new(|it| match it.nth {
        0 => Reaction::TakeAndBreak,
        1 | 2 => Reaction::Refuse(Reason::Definitions, Some(ms(500))),
        _ => Reaction::Take,
    });
    let report = send_all(options(), Arc::new(Fake::new(&collector)), 10, LONG).await;
    assert!(report.is_complete());
    assert_eq!(collector.sequences(), [1, 1, 1, 1]);
    collector.assert_holds_once(10);
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_too_many_definitions_of_its_own_is_split() {
    let collector = Collector::obliging();
    let fake = Fake {
        definitions_max: 2,
        ..Fake::new(&collector)
    };
    let report = send_all(options(), Arc::new(fake), 40, LONG).await;
    assert!(report.is_complete());
    collector.assert_holds_once(40);
}
