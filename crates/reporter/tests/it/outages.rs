//! Connections that break, and targets that are away.

use std::sync::Arc;
use std::time::Duration;

use sextant_reporter::error::ReporterError;
use sextant_reporter::options::Options;
use sextant_reporter::report::DropReason;
use sextant_reporter::transport::{Lost, Ready, Transport};
use sextant_wire::answer::BatchRefusalReason as Reason;
use tokio::time::{Instant, sleep};

use crate::collector::{Collector, Reaction};
use crate::fake::Fake;
use crate::kit::{LONG, ms, observation, options, send, send_all, start};

#[tokio::test(start_paused = true)]
async fn what_was_under_way_is_sent_again_as_it_was() {
    let collector = Collector::new(|it| match it.nth {
        4 | 9 => Reaction::Break,
        6 => Reaction::TakeAndBreak,
        _ => Reaction::Take,
    });
    let report = send_all(options(), Arc::new(Fake::new(&collector)), 200, LONG).await;
    assert!(report.is_complete());
    assert!(report.retries >= 3);
    assert_eq!(collector.links(), 4);
    collector.assert_holds_once(200);
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_that_is_lost_brings_the_same_batch_again() {
    let collector = Collector::new(|it| match (it.identity.sequence, it.repeats) {
        (2, 0) => Reaction::TakeAndSayNothing,
        _ => Reaction::Take,
    });
    let report = send_all(options(), Arc::new(Fake::new(&collector)), 40, LONG).await;
    let log = collector.log();
    let tries: Vec<_> = log.iter().filter(|it| it.identity.sequence == 2).collect();
    assert_eq!(tries.len(), 2);
    assert_eq!(tries[0].identity, tries[1].identity);
    assert_eq!(tries[0].content, tries[1].content);
    assert!(tries[1].at - tries[0].at >= Duration::from_secs(15));
    assert!(report.is_complete());
    collector.assert_holds_once(40);
}

#[tokio::test(start_paused = true)]
async fn p2_what_may_have_been_taken_gets_no_other_number_when_the_target_takes_less() {
    let collector = Collector::new(|it| match it.nth {
        0 => Reaction::TakeAndBreak,
        _ => Reaction::Take,
    });
    let fake = Fake {
        hellos: vec![Ready::default(), five_at_most()],
        ..Fake::new(&collector)
    };
    let options = Options {
        in_flight_max: 1,
        ..options()
    };
    let report = send_all(options, Arc::new(fake), 20, LONG).await;
    // Ten were taken, though the sender can't know, and ten came in fives.
    assert_eq!(collector.sequences(), [1, 2, 3]);
    collector.assert_holds_once(20);
    assert_eq!(report.acknowledged, 10);
    assert_eq!(report.dropped.get(&DropReason::Unacknowledged), Some(&10));
    let given_up = &report.drops[0];
    assert_eq!((given_up.sequence, given_up.observations), (1, 10));
}

#[tokio::test(start_paused = true)]
async fn p2_what_may_have_been_taken_is_not_split_when_it_is_refused_as_too_large() {
    let collector = Collector::new(|it| match it.nth {
        0 => Reaction::TakeAndBreak,
        _ if it.names.len() > 5 => Reaction::Refuse(Reason::TooLarge, None),
        _ => Reaction::Take,
    });
    let options = Options {
        in_flight_max: 1,
        ..options()
    };
    let report = send_all(options, Arc::new(Fake::new(&collector)), 20, LONG).await;
    assert_eq!(collector.sequences(), [1, 1, 2, 3]);
    collector.assert_holds_once(20);
    assert_eq!(report.acknowledged, 10);
    assert_eq!(report.dropped.get(&DropReason::Unacknowledged), Some(&10));
    assert_eq!(report.drops[0].message, "no");
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_for_now_is_sent_in_smaller_batches_when_the_target_takes_less() {
    let collector = Collector::new(|it| match it.nth {
        0 => Reaction::Refuse(Reason::Load, None),
        1 => Reaction::Break,
        _ => Reaction::Take,
    });
    let fake = Fake {
        hellos: vec![Ready::default(), five_at_most()],
        ..Fake::new(&collector)
    };
    let mut delays = [50, 60].into_iter();
    *fake.delays.lock().unwrap() = Box::new(move || ms(delays.next().unwrap_or(0)));
    let report = send_all(options(), Arc::new(fake), 20, LONG).await;
    // The first had an answer and so has other numbers, the second had none.
    assert_eq!(collector.sequences(), [1, 2, 3, 4]);
    assert_eq!(report.acknowledged, 10);
    assert_eq!(report.drops[0].sequence, 2);
    assert_eq!(collector.missing(20), 10);
}

fn five_at_most() -> Ready {
    Ready {
        batch_observations_max: Some(5),
        ..Ready::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_away_for_minutes_gets_everything_when_it_is_back() {
    let collector = Collector::obliging();
    let fake = Fake::new(&collector);
    let began = Instant::now();
    let away = Duration::from_mins(10);
    *fake.doors.lock().unwrap() = Box::new(move |_| {
        if began.elapsed() < away {
            Err(Lost::new("connection refused"))
        } else {
            Ok(Duration::ZERO)
        }
    });
    let fake = Arc::new(fake);
    let report = send_all(
        options(),
        Arc::clone(&fake) as Arc<dyn Transport>,
        100,
        LONG,
    )
    .await;
    assert!(report.is_complete());
    collector.assert_holds_once(100);
    // Every 5 to 10 seconds once the waits have stopped growing.
    assert!((60..150).contains(&fake.tries()), "{} tries", fake.tries());
}

#[tokio::test(start_paused = true)]
async fn a_target_that_never_says_hello_is_left() {
    let collector = Collector::obliging();
    let fake = Fake::new(&collector);
    *fake.doors.lock().unwrap() = Box::new(|nth| match nth {
        0 => Ok(LONG),
        _ => Ok(Duration::ZERO),
    });
    let began = Instant::now();
    let report = send_all(options(), Arc::new(fake), 10, LONG).await;
    assert!(report.is_complete());
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn a_time_to_reconnect_is_kept() {
    let collector = Collector::obliging();
    let fake = Fake::new(&collector);
    *fake.doors.lock().unwrap() = Box::new(|nth| match nth {
        0 => Err(Lost {
            retry_after: Some(Duration::from_secs(40)),
            ..Lost::new("busy")
        }),
        _ => Ok(Duration::ZERO),
    });
    let began = Instant::now();
    send_all(options(), Arc::new(fake), 10, LONG).await;
    assert!(collector.log()[0].at - began >= Duration::from_secs(40));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_good_ends_the_sender_with_the_reason() {
    let fake = Fake::new(&Collector::obliging());
    *fake.doors.lock().unwrap() = Box::new(|_| Err(Lost::for_good("no such service")));
    let sender = start(options(), Arc::new(fake));
    sleep(ms(10)).await;
    assert_eq!(
        sender.send(observation(0)).await,
        Err(ReporterError::Stopped)
    );
    let report = sender.finish(LONG).await;
    let refused = ReporterError::Refused("no such service".to_owned());
    assert_eq!(report.failure, Some(refused));
}

#[tokio::test(start_paused = true)]
async fn patience_ends_when_nothing_is_acknowledged_for_so_long() {
    let collector = Collector::new(|it| match it.nth {
        0..3 => Reaction::Take,
        _ => Reaction::Refuse(Reason::Load, None),
    });
    let options = Options {
        patience: Some(Duration::from_mins(1)),
        ..options()
    };
    let began = Instant::now();
    let report = send_all(options, Arc::new(Fake::new(&collector)), 50, LONG).await;
    assert!((60..62).contains(&began.elapsed().as_secs()));
    assert_eq!(report.acknowledged, 30);
    assert_eq!(report.dropped.get(&DropReason::Unacknowledged), Some(&20));
    let gave_up = ReporterError::GaveUp {
        waited: Duration::from_mins(1),
        last: "load: no".to_owned(),
    };
    assert_eq!(report.failure, Some(gave_up));
}

#[tokio::test(start_paused = true)]
async fn patience_does_not_end_while_there_is_nothing_to_acknowledge() {
    let collector = Collector::obliging();
    let options = Options {
        patience: Some(Duration::from_mins(1)),
        ..options()
    };
    let sender = start(options, Arc::new(Fake::new(&collector)));
    send(&sender, 5).await;
    sleep(Duration::from_mins(10)).await;
    sender.send(observation(5)).await.unwrap();
    let report = sender.finish(LONG).await;
    assert!(report.is_complete() && report.failure.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_it_and_what_has_no_answer_is_told() {
    let collector = Collector::new(|it| match it.nth {
        0 => Reaction::Take,
        _ => Reaction::SayNothing,
    });
    let sender = start(options(), Arc::new(Fake::new(&collector)));
    let counters = sender.counters();
    send(&sender, 35).await;
    let began = Instant::now();
    let report = sender.finish(Duration::from_secs(3)).await;
    assert_eq!(began.elapsed().as_secs(), 3);
    assert_eq!((report.recorded, report.acknowledged), (35, 10));
    assert_eq!(report.dropped.get(&DropReason::Unacknowledged), Some(&25));
    assert!(matches!(report.failure, Some(ReporterError::Deadline(_))));
    assert_eq!(counters.borrow().dropped, 25);
}
