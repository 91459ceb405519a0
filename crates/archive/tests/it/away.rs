//! Stores and logs that are away, and what an archive does meanwhile.

use std::time::Duration;

use sextant_eventlog::LogError;
use sextant_store::StoreError;

use crate::rig::{Rig, batch};

/// Fault 7: the log is the buffer.
#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_nothing_more_is_read_and_afterwards_all_is_there() {
    let mut rig = Rig::new().await;
    rig.config.read_bytes_max = 1;
    rig.start();
    rig.append(batch(&rig, 0, 5)).await;
    rig.settle().await;
    rig.shelf.leave();
    for n in 1..=10 {
        rig.append(batch(&rig, n, 5)).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let received = rig.metric("sextant_archive_received_observations_total");
    assert!(received < 55, "{received} observations were read");
    assert!(rig.metric("sextant_archive_lag_records") > 0);
    let calls = rig.shelf.calls();
    tokio::time::sleep(Duration::from_secs(100)).await;
    let again = rig.shelf.calls() - calls;
    assert!((5..20).contains(&again), "tried {again} times in 100 s");
    rig.shelf.fail(None);
    rig.settle().await;
    assert_eq!(rig.shelf.rows().len(), 55);
    assert_eq!(rig.metric("sextant_archive_lag_records"), 0);
    rig.assert_balanced();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_someone_must_mend_is_waited_for_and_one_that_stopped_is_not() {
    let mut rig = Rig::new().await;
    rig.shelf.fail(Some(StoreError::Refused {
        store: "the store".into(),
        reason: "a password".into(),
    }));
    rig.append(batch(&rig, 0, 5)).await;
    rig.start();
    tokio::time::sleep(Duration::from_mins(1)).await;
    rig.shelf.fail(None);
    rig.settle().await;
    assert_eq!(rig.shelf.rows().len(), 5);
    let reason = "its disk failed".to_owned();
    rig.shelf.fail(Some(StoreError::Stopped { reason }));
    rig.append(batch(&rig, 1, 5)).await;
    let error = rig.ended().await.unwrap_err();
    assert!(error.to_string().contains("its disk failed"), "{error}");
}

/// What is under way may take as long as a process has for its end, and no longer.
#[tokio::test(start_paused = true)]
async fn an_end_waits_for_a_silent_store_for_seconds_only() {
    let mut rig = Rig::new().await;
    rig.shelf.hang();
    rig.append(batch(&rig, 0, 5)).await;
    rig.start();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(rig.shelf.calls(), 1);
    let begun = tokio::time::Instant::now();
    rig.stop().await;
    assert!(begun.elapsed() <= Duration::from_secs(4));
    assert_eq!(rig.committed().await, None);
}

/// What was read before stays in hand, and reading goes on behind it.
#[tokio::test(start_paused = true)]
async fn a_log_that_is_away_is_waited_for() {
    let mut rig = Rig::new().await;
    rig.config.write_interval_ms = 60_000;
    rig.start();
    rig.append(batch(&rig, 0, 5)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let reason = "no broker".to_owned();
    let topic = sextant_wire::topics::OBSERVATIONS;
    rig.log
        .refuse_reads(topic, LogError::Unavailable { reason });
    rig.append(batch(&rig, 1, 5)).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(rig.metric("sextant_archive_received_observations_total"), 5);
    assert_eq!(rig.shelf.calls(), 0);
    rig.log.allow_reads(topic);
    rig.settle().await;
    assert_eq!(rig.shelf.rows().len(), 10);
    assert_eq!(rig.shelf.calls(), 1);
    rig.assert_balanced();
}
