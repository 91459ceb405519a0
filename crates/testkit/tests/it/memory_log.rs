//! The log in memory: the contract, and the faults that it brings on.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sextant_eventlog::{
    Cleanup, EventLog, LogError, Offset, RECORD_BYTES_MAX, ReadLimit, Record, TopicSpec,
};
use sextant_testkit::eventlog_contract::Harness;
use sextant_testkit::memory_log::MemoryLog;

const ALL: ReadLimit = ReadLimit {
    records: 1_000,
    bytes: 1 << 20,
};

struct MemoryHarness(Mutex<MemoryLog>);

impl MemoryHarness {
    fn new() -> Self {
        // A clock that steps back now and then.
        let ticks = AtomicI64::new(0);
        let log = MemoryLog::new(Arc::new(move || {
            let tick = ticks.fetch_add(1, Relaxed);
            1_790_000_000_000_000 + tick * 700 - (tick % 3) * 1_500
        }));
        Self(Mutex::new(log))
    }
}

#[async_trait]
impl Harness for MemoryHarness {
    async fn open(&self) -> Arc<dyn EventLog> {
        Arc::new(self.0.lock().unwrap().clone())
    }

    async fn reopen(&self) -> Arc<dyn EventLog> {
        let mut log = self.0.lock().unwrap();
        *log = log.reopen();
        Arc::new(log.clone())
    }

    fn record_bytes_max(&self) -> usize {
        RECORD_BYTES_MAX
    }
}

sextant_testkit::eventlog_contract!(MemoryHarness::new());

const HOUR_US: i64 = 3_600_000_000;

/// A log whose clock is in the test's hands, with one topic of each kind.
async fn manual() -> (MemoryLog, Arc<AtomicI64>) {
    let now_us = Arc::new(AtomicI64::new(100 * HOUR_US));
    let clock = Arc::clone(&now_us);
    let log = MemoryLog::new(Arc::new(move || clock.load(Relaxed)));
    let hour = Duration::from_hours(1);
    let topics = [
        TopicSpec {
            name: "by-age".to_owned(),
            partitions: 1,
            cleanup: Cleanup::Delete { retention: hour },
        },
        TopicSpec {
            name: "by-key".to_owned(),
            partitions: 1,
            cleanup: Cleanup::Compact {
                tombstone_retention: hour,
            },
        },
    ];
    log.prepare(&topics).await.unwrap();
    (log, now_us)
}

async fn offsets(log: &MemoryLog, topic: &str) -> Vec<u64> {
    let earliest = log.bounds(topic, 0).await.unwrap().earliest;
    let fetched = log
        .read(topic, 0, earliest, ALL, Duration::ZERO)
        .await
        .unwrap();
    fetched
        .records
        .iter()
        .map(|record| record.offset.0)
        .collect()
}

#[tokio::test]
async fn a_failed_append_leaves_nothing_and_the_next_one_succeeds() {
    let (log, _) = manual().await;
    let full = LogError::Full {
        reason: "as told".to_owned(),
    };
    log.fail_next_append(full.clone());
    let records = vec![Record::new("key", "value")];
    assert_eq!(log.append("by-age", 0, records.clone()).await, Err(full));
    assert_eq!(
        log.append("by-age", 0, records).await.unwrap().first,
        Offset(0)
    );
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_stands() {
    let (log, _) = manual().await;
    log.lose_next_answer();
    let lost = log
        .append("by-age", 0, vec![Record::new("key", "value")])
        .await
        .unwrap_err();
    assert!(matches!(lost, LogError::Unavailable { .. }));
    assert_eq!(offsets(&log, "by-age").await, [0]);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_append_takes_that_long() {
    let (log, _) = manual().await;
    log.delay_appends(Duration::from_secs(7));
    let begun = tokio::time::Instant::now();
    log.append("by-age", 0, vec![Record::new("key", "value")])
        .await
        .unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(7));
}

#[tokio::test]
async fn a_damaged_record_is_skipped_and_named() {
    let (log, _) = manual().await;
    log.append("by-age", 0, vec![Record::new("key", "value"); 3])
        .await
        .unwrap();
    assert!(log.damage("by-age", 0, Offset(1)));
    assert!(!log.damage("by-age", 0, Offset(3)));
    let fetched = log
        .read("by-age", 0, Offset(0), ALL, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(fetched.corrupt, [Offset(1)]);
    assert_eq!(fetched.next, Offset(3));
    assert_eq!(offsets(&log, "by-age").await, [0, 2]);
}

#[tokio::test]
async fn cleaning_drops_what_is_superseded_and_tombstones_after_their_retention() {
    let (log, now_us) = manual().await;
    let records = vec![
        Record::new("stays", "1"),
        Record::new("goes", "2"),
        Record::tombstone("goes"),
    ];
    log.append("by-key", 0, records).await.unwrap();
    assert_eq!(
        offsets(&log, "by-key").await,
        [0, 1, 2],
        "nothing goes before it is told to"
    );
    log.clean(now_us.load(Relaxed) + HOUR_US);
    assert_eq!(offsets(&log, "by-key").await, [0, 2]);
    log.clean(now_us.load(Relaxed) + HOUR_US + 1);
    assert_eq!(offsets(&log, "by-key").await, [0]);
    let appended = log
        .append("by-key", 0, vec![Record::new("new", "3")])
        .await
        .unwrap();
    assert_eq!(appended.first, Offset(3));
}

#[tokio::test]
async fn cleaning_drops_what_is_older_than_the_retention_and_nothing_younger() {
    let (log, now_us) = manual().await;
    log.append("by-age", 0, vec![Record::new("old", "1")])
        .await
        .unwrap();
    now_us.fetch_add(1, Relaxed);
    log.append("by-age", 0, vec![Record::new("young", "2")])
        .await
        .unwrap();
    log.clean(now_us.load(Relaxed) + HOUR_US);
    assert_eq!(offsets(&log, "by-age").await, [1]);
    let refusal = log
        .read("by-age", 0, Offset(0), ALL, Duration::ZERO)
        .await
        .unwrap_err();
    let expected = LogError::OutOfRange {
        earliest: Offset(1),
        high_watermark: Offset(2),
    };
    assert_eq!(refusal, expected);
}

#[tokio::test]
async fn a_closed_handle_refuses_and_wakes_its_readers() {
    let (log, _) = manual().await;
    let reader = log.read("by-age", 0, Offset(0), ALL, Duration::from_mins(5));
    let closer = async {
        tokio::task::yield_now().await;
        log.close();
    };
    let (read, ()) = tokio::join!(reader, closer);
    assert_eq!(read, Err(LogError::Closed));
    assert_eq!(log.bounds("by-age", 0).await, Err(LogError::Closed));
}
