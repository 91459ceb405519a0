//! P1: an acknowledgement means durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sextant_eventlog::LogError;
use sextant_wire::answer::BatchRefusalReason as Reason;
use sextant_wire::v1::report_response::Message as Answer;
use tokio_util::task::TaskTracker;

use crate::faulty_log::{Fate, unavailable};
use crate::harness::{Conversation, collector, until};
use crate::sample::{batch, columns, measurement, row, spread};

#[tokio::test]
async fn no_acknowledgement_comes_before_every_part_is_durable() {
    let harness = Arc::new(collector().await);
    harness.log.hold();
    let submitting = Arc::clone(&harness);
    let tasks = TaskTracker::new();
    let answer = tasks.spawn(async move { submitting.submit(batch(1, spread(100, 40))).await });
    until("all parts are on their way at once", || {
        harness.log.appends() == 4
    })
    .await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!answer.is_finished(), "acknowledged before the log");
    assert_eq!(harness.metric("sent_batches_total"), 0);
    harness.log.release();
    assert_eq!(answer.await.unwrap().unwrap().accepted, 100);
    assert_eq!(harness.log.parts().await.len(), 4);
}

#[tokio::test]
async fn one_part_that_fails_refuses_the_batch_and_the_retry_brings_the_same_parts() {
    let harness = collector().await;
    harness.log.plan(|number, _| match number {
        2 => Fate::Refused(unavailable()),
        _ => Fate::Appended,
    });
    let refusal = harness.submit(batch(1, spread(100, 40))).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::Unavailable);
    assert!(refusal.retry_after.is_some());
    assert_eq!(harness.log.parts().await.len(), 3);
    harness.submit(batch(1, spread(100, 40))).await.unwrap();
    let parts = harness.log.parts().await;
    let distinct: BTreeSet<_> = parts
        .iter()
        .map(|(partition, part)| (*partition, part.content_hash))
        .collect();
    assert_eq!(
        (parts.len(), distinct.len()),
        (7, 4),
        "repeats are recognisable"
    );
}

#[tokio::test]
async fn a_full_log_asks_to_come_again_and_one_that_takes_no_such_record_does_not() {
    let harness = collector().await;
    let full = LogError::Full {
        reason: "a fault was asked for".to_owned(),
    };
    let too_large = LogError::TooLarge { bytes: 2, max: 1 };
    for (error, reason, is_retried) in [
        (full, Reason::Unavailable, true),
        (LogError::Closed, Reason::Unavailable, true),
        (too_large, Reason::TooLarge, false),
    ] {
        let fate = Fate::Refused(error);
        harness.log.plan(move |_, _| fate.clone());
        let refusal = harness.submit(batch(1, spread(1, 1))).await.unwrap_err();
        assert_eq!(refusal.reason, reason);
        assert_eq!(refusal.retry_after.is_some(), is_retried);
    }
    // None of them is the end.
    harness.log.plan(|_, _| Fate::Appended);
    harness.submit(batch(1, spread(1, 1))).await.unwrap();
}

#[tokio::test]
async fn after_a_log_has_stopped_nothing_is_acknowledged_and_the_process_is_told() {
    let harness = collector().await;
    let stopped = LogError::Stopped {
        reason: "EIO at /secret/path".to_owned(),
    };
    let fate = Fate::Refused(stopped.clone());
    harness.log.plan(move |_, _| fate.clone());
    let refusal = harness.submit(batch(1, spread(1, 1))).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::Unavailable);
    assert!(!refusal.message.contains("secret"), "{refusal}");
    assert_eq!(harness.collector.failed().await, stopped);
    harness.log.plan(|_, _| Fate::Appended);
    let before = harness.log.appends();
    let refusal = harness.submit(batch(2, spread(1, 1))).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::Unavailable);
    assert_eq!(harness.log.appends(), before);
}

/// Batches in flight together over a log that fails and loses answers at random; what is refused
/// is sent again. In the end every observation is in the log, and once only by identity and hash.
#[tokio::test]
async fn what_is_acknowledged_has_been_appended_under_any_faults() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let fates: Vec<Fate> = (0..4_096)
        .map(|_| match random.random_range(0..10) {
            0 | 1 => Fate::Refused(unavailable()),
            2 => Fate::AnswerLost,
            _ => Fate::Appended,
        })
        .collect();
    let harness = collector().await;
    harness.log.plan(move |number, _| {
        let at = usize::try_from(number).unwrap();
        fates[at % fates.len()].clone()
    });
    let mut client = harness.client().await;
    let (mut conversation, _) = Conversation::open(&mut client).await;
    conversation.define(0..8).await;

    let numbered = |sequence: u64| {
        let one = |n: u64| {
            row(
                u32::try_from(n % 8).unwrap(),
                measurement(sequence * 100 + n),
            )
        };
        batch(sequence, columns((0..20).map(one)))
    };
    let mut unacknowledged: BTreeSet<u64> = (1..=50).collect();
    for sequence in &unacknowledged {
        conversation.send(numbered(*sequence)).await;
    }
    let mut refusals = 0;
    while !unacknowledged.is_empty() {
        match conversation.answer().await {
            Answer::Acknowledgement(answer) => {
                assert!(unacknowledged.remove(&answer.sequence), "answered twice");
                let durable = durable(&harness.log.parts().await, answer.sequence);
                let all: Vec<_> = (0..20).map(|n| answer.sequence * 100 + n).collect();
                assert_eq!(durable, all, "acknowledged before it was durable");
            }
            Answer::Refusal(refusal) => {
                assert!(refusal.retry_after_ms.is_some());
                refusals += 1;
                conversation.send(numbered(refusal.sequence)).await;
            }
            Answer::Hello(_) => panic!("a second hello"),
        }
    }
    assert!(
        refusals > 20,
        "only {refusals} refusals: the faults tried nothing"
    );
}

/// The durations under a sequence, each part counted once by its content hash.
fn durable(parts: &[(u32, sextant_wire::part::Part)], sequence: u64) -> Vec<u64> {
    let of_batch = parts
        .iter()
        .filter(|(_, part)| part.identity.sequence == sequence);
    let distinct: BTreeMap<_, _> = of_batch
        .map(|(partition, part)| ((*partition, part.content_hash), part))
        .collect();
    let rows = distinct.values().flat_map(|part| part.columns.rows());
    let mut durations: Vec<u64> = rows
        .map(|row| row.unwrap().measurement.duration_us.unwrap())
        .collect();
    durations.sort_unstable();
    durations
}
