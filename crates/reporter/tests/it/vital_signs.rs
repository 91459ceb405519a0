//! Heartbeats, totals and clocks.

use std::sync::Arc;
use std::time::Duration;

use sextant_reporter::options::Options;
use sextant_reporter::sender::Sender;
use sextant_wire::answer::BatchRefusalReason as Reason;
use tokio::time::sleep;

use crate::collector::{Collector, Reaction};
use crate::fake::Fake;
use crate::kit::{LONG, START, TestClock, ms, observation, options, send, send_all, start};

#[tokio::test(start_paused = true)]
async fn an_idle_sender_says_every_ten_seconds_that_it_lives() {
    let collector = Collector::obliging();
    let sender = start(options(), Arc::new(Fake::new(&collector)));
    send(&sender, 10).await;
    sleep(Duration::from_secs(35)).await;
    let heartbeats = collector.heartbeats();
    assert_eq!(heartbeats.len(), 3);
    assert_eq!(
        (heartbeats[0].recorded, heartbeats[0].acknowledged),
        (10, 10)
    );
}

#[tokio::test(start_paused = true)]
async fn a_busy_sender_needs_no_heartbeat() {
    let collector = Collector::obliging();
    let sender = start(options(), Arc::new(Fake::new(&collector)));
    for n in 0..30 {
        sender.send(observation(n)).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    assert!(collector.heartbeats().is_empty());
    sender.finish(LONG).await;
    assert_eq!(collector.heartbeats().len(), 1, "the last word");
}

#[tokio::test(start_paused = true)]
async fn the_last_heartbeat_tells_how_it_all_ended() {
    let collector = Collector::new(|it| match it.identity.sequence {
        1 => Reaction::TakeExcept(vec![0]),
        2 => Reaction::Refuse(Reason::Invalid, None),
        _ => Reaction::Take,
    });
    send_all(options(), Arc::new(Fake::new(&collector)), 30, LONG).await;
    let heartbeats = collector.heartbeats();
    let last = heartbeats.last().unwrap();
    assert_eq!(
        (last.recorded, last.acknowledged, last.refused),
        (30, 19, 1)
    );
    assert_eq!(last.dropped.get("invalid"), Some(&10));
}

#[tokio::test(start_paused = true)]
async fn each_batch_tells_the_totals_before_it() {
    let collector = Collector::obliging();
    let options = Options {
        in_flight_max: 1,
        ..options()
    };
    send_all(options, Arc::new(Fake::new(&collector)), 30, LONG).await;
    let totals: Vec<_> = collector
        .log()
        .iter()
        .map(|it| it.totals.acknowledged)
        .collect();
    assert_eq!(totals, [0, 10, 20]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_is_learnt_and_told_with_every_batch() {
    for skew_us in [300_000_000, -300_000_000] {
        let collector = Collector::obliging();
        let fake = Fake::new(&collector);
        *fake.delays.lock().unwrap() = Box::new(|| ms(4));
        let clock = TestClock::wrong_by(skew_us);
        let sender = Sender::start(options(), Arc::new(fake), clock).unwrap();
        send(&sender, 10).await;
        sleep(ms(500)).await;
        sender.send(observation(10)).await.unwrap();
        sender.finish(LONG).await;
        for delivery in collector.log() {
            let wrong_us = delivery.clock_offset_us + skew_us;
            assert!(wrong_us.abs() <= 5_000, "off by {wrong_us}");
        }
        let began = collector.log()[0].sent_at.micros_since(START);
        assert!((began - skew_us).abs() < 100_000, "stamps are the sender's");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_right_is_left_alone() {
    let collector = Collector::obliging();
    let fake = Fake::new(&collector);
    // A slow way there and none back looks like a clock that is behind.
    *fake.doors.lock().unwrap() = Box::new(|_| Ok(ms(100)));
    send_all(options(), Arc::new(fake), 30, LONG).await;
    assert!(collector.log().iter().all(|it| it.clock_offset_us == 0));
}
