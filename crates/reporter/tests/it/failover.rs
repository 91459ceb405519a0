//! Targets that stand for each other.

use std::sync::Arc;
use std::time::Duration;

use sextant_reporter::transport::failover::Failover;
use sextant_reporter::transport::{Lost, Transport};
use tokio::time::{Instant, sleep};

use crate::collector::{Collector, Reaction};
use crate::fake::Fake;
use crate::kit::{LONG, ms, observation, options, send_all, start};

fn between(fakes: &[Arc<Fake>]) -> Arc<dyn Transport> {
    let named = fakes.iter().enumerate().map(|(n, fake)| {
        let fake = Arc::clone(fake) as Arc<dyn Transport>;
        (format!("target {n}"), fake)
    });
    Arc::new(Failover::new(named.collect()))
}

fn closed(collector: &Arc<Collector>) -> Arc<Fake> {
    let fake = Fake::new(collector);
    let hour = Duration::from_hours(1);
    *fake.doors.lock().unwrap() = Box::new(move |_| {
        Err(Lost {
            is_final: true,
            retry_after: Some(hour),
            ..Lost::new("not for you")
        })
    });
    Arc::new(fake)
}

#[tokio::test(start_paused = true)]
async fn what_one_refuses_for_good_the_next_takes_and_nobody_waits_for_the_first() {
    // Whichever is drawn first.
    for _ in 0..16 {
        let collector = Collector::obliging();
        let fakes = [closed(&collector), Arc::new(Fake::new(&collector))];
        let began = Instant::now();
        let report = send_all(options(), between(&fakes), 30, LONG).await;
        assert!(report.is_complete(), "{report:?}");
        assert!(began.elapsed() < Duration::from_secs(2));
        assert!(fakes[0].tries() <= 1);
        collector.assert_holds_once(30);
    }
}

#[tokio::test(start_paused = true)]
async fn one_alone_is_tried_again_when_it_says() {
    let collector = Collector::obliging();
    let fake = Fake::new(&collector);
    *fake.doors.lock().unwrap() = Box::new(|nth| match nth {
        0 => Err(Lost {
            retry_after: Some(Duration::from_mins(2)),
            ..Lost::new("full")
        }),
        _ => Ok(ms(1)),
    });
    let began = Instant::now();
    let report = send_all(options(), between(&[Arc::new(fake)]), 10, LONG).await;
    assert!(report.is_complete());
    assert!(began.elapsed() >= Duration::from_mins(2));
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_taken_by_one_goes_to_the_next_under_its_number() {
    // They share their log, as collectors do.
    let collector = Collector::new(|it| match it.nth {
        0 | 3 => Reaction::TakeAndBreak,
        _ => Reaction::Take,
    });
    let fakes = [(); 3].map(|()| Arc::new(Fake::new(&collector)));
    let report = send_all(options(), between(&fakes), 60, LONG).await;
    assert!(report.is_complete());
    assert_eq!(fakes.iter().map(|it| it.tries()).max(), Some(1));
    collector.assert_holds_once(60);
}

#[tokio::test(start_paused = true)]
async fn many_senders_spread_over_all() {
    let collectors = [(); 3].map(|()| Collector::obliging());
    for _ in 0..60 {
        let fakes: Vec<_> = collectors
            .iter()
            .map(|it| Arc::new(Fake::new(it)))
            .collect();
        send_all(options(), between(&fakes), 1, LONG).await;
    }
    let links: Vec<_> = collectors.iter().map(|it| it.links()).collect();
    // A fair draw leaves one with fewer than 3 once in 10^8 runs.
    assert!(links.iter().all(|links| *links >= 3), "{links:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_was_away_gets_its_share_again() {
    let hour = Duration::from_hours(1);
    let collector = Collector::obliging();
    let began = Instant::now();
    let away = Fake::new(&collector);
    *away.doors.lock().unwrap() = Box::new(move |_| {
        if began.elapsed() < hour {
            Err(Lost::new("away"))
        } else {
            Ok(ms(1))
        }
    });
    let (away, here) = (Arc::new(away), Arc::new(Fake::new(&collector)));
    let sender = start(options(), between(&[Arc::clone(&away), Arc::clone(&here)]));
    let mut tries = Vec::new();
    for n in 0..180 {
        sender.send(observation(n)).await.unwrap();
        sleep(Duration::from_mins(1)).await;
        tries.push((away.tries(), here.tries()));
    }
    let report = sender.finish(LONG).await;
    assert!(report.is_complete());
    assert_eq!(report.retries, 0, "nothing was on its way");
    collector.assert_holds_once(180);
    // From the second hour on every other connection of ten minutes is to the one that was away.
    let (before, after) = (tries[60], tries[179]);
    assert!(
        (5..=7).contains(&(after.0 - before.0)),
        "{before:?} {after:?}"
    );
    assert!(
        (5..=7).contains(&(after.1 - before.1)),
        "{before:?} {after:?}"
    );
}
