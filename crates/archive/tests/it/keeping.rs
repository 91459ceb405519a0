//! What is kept of what is read.

use sextant_eventlog::Record;
use sextant_measure::observation::Tier;
use sextant_measure::time::Timestamp;
use sextant_store::{AttemptKey, StoreError};
use sextant_wire::part::Part;

use crate::rig::{Rig, attempt, batch, columns, part, series};

const HOUR_US: i64 = 3_600_000_000;

#[tokio::test(start_paused = true)]
async fn each_attempt_is_kept_as_it_was_recorded() {
    let mut rig = Rig::new().await;
    let measurements: Vec<_> = (0..40)
        .map(|n| attempt(n, rig.now().plus_micros(-i64::from(n) * 1_000)))
        .collect();
    let sent = part(7, &measurements);
    rig.append(sent.clone()).await;
    rig.start();
    rig.settle().await;
    let rows = rig.shelf.rows();
    assert_eq!(rows.len(), 40);
    for (n, (row, measurement)) in (0_u32..).zip(rows.iter().zip(&measurements)) {
        assert_eq!(
            row.key,
            AttemptKey {
                agent: sent.identity.agent.clone(),
                epoch: 1,
                sequence: 7,
                partition: 0,
                content_hash: 7,
                index: n,
            }
        );
        assert_eq!(row.measurement, *measurement);
        assert_eq!(row.series, series(if n % 2 == 0 { "eu" } else { "us" }));
        assert_eq!(row.tier, (n % 2 == 0).then_some(Tier::Batch));
        assert_eq!(row.operation.is_some(), n % 3 == 0);
        assert_eq!(row.request_id.is_some(), n % 4 == 0);
        assert_eq!(
            (row.received_at, row.appended_at),
            (sent.received_at, rig.now())
        );
        assert_eq!(row.weight.get(), 1);
    }
    rig.assert_balanced();
    assert_eq!(rig.metric("sextant_archive_sent_observations_total"), 40);
    assert_eq!(rig.metric("sextant_archive_lag_records"), 0);
}

/// A sender that tries again may meet a collector with another clock, region and catalog.
fn stamped_anew(part: &Part, n: i64) -> Part {
    let rows = part.columns.rows().map(Result::unwrap);
    let measurements: Vec<_> = rows
        .map(|row| {
            let mut measurement = row.measurement;
            measurement.completed_at = measurement.completed_at.plus_micros(-n * 1_000);
            measurement
        })
        .collect();
    Part {
        received_at: part.received_at.plus_micros(n * 1_000),
        series: vec![series("local"), series("us")],
        columns: columns(&measurements),
        ..part.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn p2_batches_that_come_three_times_and_shuffled_change_nothing() {
    let mut rig = Rig::new().await;
    rig.config.observations_per_second_max = 5.try_into().unwrap();
    rig.start();
    let batches: Vec<_> = (0..20).map(|n| batch(&rig, n, 30)).collect();
    for batch in &batches {
        rig.append(batch.clone()).await;
    }
    rig.settle().await;
    let once = rig.shelf.rows();
    for (turn, step) in [(1, 7), (2, 13)] {
        for n in 0..batches.len() {
            let again = stamped_anew(&batches[n * step % batches.len()], turn);
            rig.append(again).await;
            rig.skip_us(100_000);
        }
    }
    rig.settle().await;
    assert_eq!(rig.shelf.rows(), once);
    assert_eq!(rig.dropped("repeated"), 2 * 20 * 30);
    rig.assert_balanced();
}

/// Fault 13: what two senders with one id send was acknowledged to both.
#[tokio::test(start_paused = true)]
async fn attempts_of_two_senders_that_share_an_id_are_all_kept() {
    let mut rig = Rig::new().await;
    rig.start();
    let one = batch(&rig, 3, 10);
    let mut other = one.clone();
    other.content_hash = 99;
    for part in [&one, &other, &other, &one] {
        rig.append(part.clone()).await;
    }
    rig.settle().await;
    assert_eq!(rig.shelf.rows().len(), 20);
    assert_eq!(rig.dropped("repeated"), 20);
}

/// Windows count them as late; here they are.
#[tokio::test(start_paused = true)]
async fn late_attempts_are_kept_unless_the_store_would_not_keep_them() {
    let mut rig = Rig::new().await;
    rig.start();
    let ages_us = [
        0,
        HOUR_US,
        24 * HOUR_US - 1,
        24 * HOUR_US,
        400 * 24 * HOUR_US,
    ];
    let ages = ages_us.map(|age_us| attempt(0, rig.now().plus_micros(-age_us)));
    rig.append(part(1, &ages)).await;
    // Ahead of the log's clock: it completed when the log took it, at the latest.
    let ahead = attempt(0, rig.now().plus_micros(HOUR_US));
    rig.append(part(2, &[ahead])).await;
    rig.settle().await;
    let rows = rig.shelf.rows();
    let completed: Vec<Timestamp> = rows.iter().map(|it| it.measurement.completed_at).collect();
    let expected = [ages[0], ages[1], ages[2]].map(|it| it.completed_at);
    assert_eq!(completed[..3], expected);
    assert_eq!(completed[3..], [rig.now()]);
    assert_eq!(rig.dropped("too_old"), 2);
    rig.assert_balanced();
}

/// Fault 10: the aggregator buries them; here they are passed by.
#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_decoded_is_passed_by_and_counted() {
    let mut rig = Rig::new().await;
    rig.append(batch(&rig, 1, 5)).await;
    rig.append_record(Record::new("key", vec![0xff; 30])).await;
    rig.append_record(Record::tombstone("key")).await;
    rig.append(batch(&rig, 2, 5)).await;
    rig.start();
    rig.settle().await;
    assert_eq!(rig.shelf.rows().len(), 10);
    assert_eq!(rig.metric("sextant_archive_undecodable_records_total"), 2);
    rig.assert_balanced();
}

/// Rows that no store takes would otherwise be tried for good, or end the process again and again.
#[tokio::test(start_paused = true)]
async fn what_the_store_will_never_take_is_given_up_and_counted() {
    let mut rig = Rig::new().await;
    rig.shelf.fail(Some(StoreError::Invalid {
        row: "an attempt".into(),
        reason: "no column holds it",
    }));
    rig.append(batch(&rig, 1, 5)).await;
    rig.start();
    rig.settle().await;
    assert_eq!(rig.dropped("refused"), 5);
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn a_batch_without_an_identity_of_its_own_is_kept_under_its_collectors() {
    let mut rig = Rig::new().await;
    let mut anonymous = batch(&rig, 1, 5);
    anonymous.anonymous = true;
    rig.append(anonymous.clone()).await;
    anonymous.identity.sequence = 2;
    rig.append(anonymous).await;
    rig.start();
    rig.settle().await;
    assert_eq!(rig.shelf.rows().len(), 10);
}
