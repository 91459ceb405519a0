//! Sizes, quotas, rates and room: what refuses a batch as a whole.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use sextant_collector::Config;
use sextant_intake::PeerKey;
use sextant_wire::answer::{BatchRefusal, BatchRefusalReason as Reason};
use sextant_wire::batch::Batch;

use crate::harness::{collector, collector_with, until};
use crate::sample::{anonymous, batch, columns, identity, measurement, row, spread};

fn limit(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

fn token(name: &str) -> PeerKey {
    PeerKey::Token(Arc::from(name))
}

fn of_sender(epoch: u64, sequence: u64) -> Batch {
    Batch {
        identity: Some(identity("agent", epoch, sequence)),
        ..batch(sequence, spread(1, 1))
    }
}

#[track_caller]
fn assert_refused<T>(answer: Result<T, BatchRefusal>, reason: Reason) -> Option<Duration> {
    let refusal = answer.err().expect("a refusal");
    assert_eq!(refusal.reason, reason, "{refusal}");
    refusal.retry_after
}

#[tokio::test]
async fn a_batch_past_the_size_is_refused_whole_and_never_passes() {
    let harness = collector_with(Config {
        observations_max: limit(10),
        ..Config::default()
    })
    .await;
    assert_eq!(
        harness
            .submit(batch(1, spread(10, 3)))
            .await
            .unwrap()
            .accepted,
        10
    );
    let answer = harness.submit(batch(2, spread(11, 3))).await;
    assert_eq!(assert_refused(answer, Reason::TooLarge), None);
    let kept: usize = harness
        .log
        .parts()
        .await
        .iter()
        .map(|(_, p)| p.columns.len())
        .sum();
    assert_eq!(kept, 10);
}

#[tokio::test]
async fn a_record_past_the_size_is_found_before_any_part_is_appended() {
    let harness = collector_with(Config {
        record_bytes_max: limit(2_000),
        ..Config::default()
    })
    .await;
    // One partition's share is far larger than the others'.
    let one = |n: u32| row(if n < 40 { n } else { 0 }, measurement(n.into()));
    let answer = harness.submit(batch(1, columns((1..400).map(one)))).await;
    assert_eq!(assert_refused(answer, Reason::TooLarge), None);
    assert_eq!(harness.log.appends(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_introduces_so_many_senders_in_a_minute_and_others_are_not_kept_from_it() {
    let harness = collector().await;
    for epoch in 0..64 {
        harness
            .submit_from(&token("a"), of_sender(epoch, 1))
            .await
            .unwrap();
    }
    let answer = harness.submit_from(&token("a"), of_sender(64, 1)).await;
    let wait = assert_refused(answer, Reason::NewSenders).expect("a time to retry");
    assert!(wait <= Duration::from_mins(1), "{wait:?}");
    // Known ones, anonymous ones and other peers' go on.
    harness
        .submit_from(&token("a"), of_sender(63, 2))
        .await
        .unwrap();
    harness
        .submit_from(&token("a"), anonymous(1, spread(1, 1)))
        .await
        .unwrap();
    harness
        .submit_from(&token("b"), of_sender(64, 1))
        .await
        .unwrap();
    tokio::time::advance(wait).await;
    harness
        .submit_from(&token("a"), of_sender(65, 1))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rate_belongs_to_its_peer_and_says_when_to_come_again() {
    let harness = collector_with(Config {
        observations_max: limit(100),
        observations_per_second_max: limit(100),
        ..Config::default()
    })
    .await;
    harness
        .submit_from(&token("a"), batch(1, spread(100, 3)))
        .await
        .unwrap();
    let answer = harness
        .submit_from(&token("a"), batch(2, spread(30, 3)))
        .await;
    let wait = assert_refused(answer, Reason::Rate).expect("a time to retry");
    harness
        .submit_from(&token("b"), batch(2, spread(100, 3)))
        .await
        .unwrap();
    tokio::time::advance(wait).await;
    harness
        .submit_from(&token("a"), batch(2, spread(30, 3)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_collector_refuses_before_it_appends_and_one_peer_fills_only_half() {
    let harness = Arc::new(
        collector_with(Config {
            in_flight_bytes_max: limit(8_000),
            ..Config::default()
        })
        .await,
    );
    harness.log.hold();
    let flood = Arc::clone(&harness);
    let flooding = tokio_util::task::TaskTracker::new();
    let waiting = flooding.spawn(async move {
        flood
            .submit_from(&token("a"), batch(1, spread(100, 2)))
            .await
    });
    until("the batch has reached the log", || {
        harness.log.appends() > 0
    })
    .await;
    let before = harness.log.appends();
    let answer = harness
        .submit_from(&token("a"), batch(2, spread(100, 2)))
        .await;
    assert!(assert_refused(answer, Reason::Load).is_some());
    assert_eq!(harness.log.appends(), before);
    let other = Arc::clone(&harness);
    let others = flooding.spawn(async move {
        other
            .submit_from(&token("b"), batch(1, spread(100, 2)))
            .await
    });
    until("the other's batch is there too", || {
        harness.log.appends() > before
    })
    .await;
    harness.log.release();
    assert_eq!(waiting.await.unwrap().unwrap().accepted, 100);
    assert_eq!(others.await.unwrap().unwrap().accepted, 100);
    harness
        .submit_from(&token("a"), batch(2, spread(100, 2)))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_more_than_a_peer_ever_may_hold_is_not_told_to_try_again() {
    let harness = collector_with(Config {
        in_flight_bytes_max: limit(2_000),
        ..Config::default()
    })
    .await;
    let answer = harness.submit(batch(1, spread(500, 2))).await;
    assert_eq!(assert_refused(answer, Reason::TooLarge), None);
}

#[tokio::test]
async fn too_many_peers_to_tell_apart_are_refused_for_a_while() {
    let harness = collector_with(Config {
        peers_max: limit(1),
        ..Config::default()
    })
    .await;
    harness
        .submit_from(&token("a"), batch(1, spread(1, 1)))
        .await
        .unwrap();
    let answer = harness
        .submit_from(&token("b"), batch(1, spread(1, 1)))
        .await;
    assert!(assert_refused(answer, Reason::Load).is_some());
}

#[tokio::test]
async fn an_empty_batch_is_acknowledged_without_the_log() {
    let harness = collector().await;
    let acknowledgement = harness.submit(batch(5, spread(0, 1))).await.unwrap();
    assert_eq!((acknowledgement.sequence, acknowledgement.accepted), (5, 0));
    assert!(acknowledgement.deduplicated);
    assert_eq!(harness.log.appends(), 0);
}

#[tokio::test]
async fn an_anonymous_batch_gets_an_identity_of_its_own_and_is_told_so() {
    let harness = collector().await;
    for _ in 0..2 {
        let answer = harness.submit(anonymous(41, spread(1, 1))).await.unwrap();
        assert_eq!(answer.sequence, 41, "answered under the sender's number");
        assert!(!answer.deduplicated);
    }
    let parts = harness.log.parts().await;
    let found: Vec<_> = parts
        .iter()
        .map(|(_, part)| {
            assert!(part.anonymous);
            part.identity.clone()
        })
        .collect();
    let own = [
        identity("collector-1", 99, 0),
        identity("collector-1", 99, 1),
    ];
    assert_eq!(found, own);
}

#[tokio::test]
async fn after_shutdown_nothing_new_is_taken_and_what_is_in_flight_is_answered() {
    let harness = Arc::new(collector().await);
    harness.log.hold();
    let submitting = Arc::clone(&harness);
    let tasks = tokio_util::task::TaskTracker::new();
    let pending = tasks.spawn(async move { submitting.submit(batch(1, spread(3, 1))).await });
    until("the batch has reached the log", || {
        harness.log.appends() > 0
    })
    .await;
    harness.shutdown.cancel();
    let answer = harness.submit(batch(2, spread(3, 1))).await;
    assert!(assert_refused(answer, Reason::Unavailable).is_some());
    harness.log.release();
    harness.collector.drained().await;
    assert_eq!(pending.await.unwrap().unwrap().accepted, 3);
}
