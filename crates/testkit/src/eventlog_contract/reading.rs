//! What a read promises.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sextant_eventlog::{LogError, Offset, ReadLimit, Record};
use tokio::time::{Instant, sleep, timeout};

use super::{ALL, Harness, by_age, numbered, offsets, open_with, read_all};

/// Keys, values and headers come back byte for byte, and nothing is not the same as empty.
pub async fn records_are_read_as_they_were_appended(harness: &dyn Harness) {
    let topic = harness.topic("exact");
    let log = open_with(harness, &by_age(topic.clone(), 1)).await;
    let every_byte: Bytes = (0..=255).collect::<Vec<u8>>().into();
    let records = vec![
        Record::default(),
        Record {
            key: Some(Bytes::new()),
            value: Some(Bytes::new()),
            headers: Vec::new(),
        },
        Record {
            key: Some(every_byte.clone()),
            value: Some(every_byte),
            headers: Vec::new(),
        },
        Record::tombstone("gone"),
        Record {
            key: None,
            value: Some(vec![9; 30_000].into()),
            headers: vec![
                (Cow::Borrowed("epoch"), Bytes::from_static(&[0, 1, 255])),
                (Cow::Borrowed("epoch"), Bytes::new()),
                (
                    Cow::Borrowed("µ"),
                    Bytes::from_static(b"twice the name is fine"),
                ),
            ],
        },
    ];
    log.append(&topic, 0, records.clone()).await.unwrap();
    let stored = read_all(&*log, &topic, 0).await;
    let read: Vec<_> = stored.into_iter().map(|stored| stored.record).collect();
    assert_eq!(read, records);
}

/// Each partition has offsets and records of its own.
pub async fn partitions_are_apart(harness: &dyn Harness) {
    let topic = harness.topic("apart");
    let log = open_with(harness, &by_age(topic.clone(), 3)).await;
    for (partition, number) in [(0, 1), (2, 2), (0, 3), (2, 4), (2, 5)] {
        log.append(&topic, partition, vec![numbered(number)])
            .await
            .unwrap();
    }
    for (partition, numbers) in [(0, vec![1, 3]), (1, vec![]), (2, vec![2, 4, 5])] {
        let stored = read_all(&*log, &topic, partition).await;
        let read: Vec<_> = stored.iter().map(|stored| stored.record.clone()).collect();
        assert_eq!(read, numbers.into_iter().map(numbered).collect::<Vec<_>>());
        assert_eq!(
            offsets(&stored),
            (0..stored.len() as u64).map(Offset).collect::<Vec<_>>()
        );
    }
}

/// A read stops at its number of records and of bytes, and goes on from there.
pub async fn a_read_keeps_to_its_limits(harness: &dyn Harness) {
    let topic = harness.topic("limited");
    let log = open_with(harness, &by_age(topic.clone(), 1)).await;
    let hundred_bytes = Record {
        value: Some(vec![1; 100].into()),
        ..Record::default()
    };
    log.append(&topic, 0, vec![hundred_bytes; 10])
        .await
        .unwrap();
    let read = async |from, records, bytes| {
        let limit = ReadLimit { records, bytes };
        log.read(&topic, 0, Offset(from), limit, Duration::ZERO)
            .await
            .unwrap()
    };
    for (from, records, bytes) in [
        (0, 4, 1_000_000),
        (3, 4, 1_000_000),
        (0, 100, 250),
        (5, 2, 350),
    ] {
        let fetched = read(from, records, bytes).await;
        assert!(!fetched.records.is_empty());
        assert!(
            fetched.records.len() <= records.min(bytes / 100),
            "{from} {records} {bytes}"
        );
        let expected: Vec<_> = (from..from + fetched.records.len() as u64)
            .map(Offset)
            .collect();
        assert_eq!(offsets(&fetched.records), expected);
        assert_eq!(fetched.next.0, from + expected.len() as u64);
        assert_eq!(fetched.high_watermark, Offset(10));
    }
}

/// A limit below the first record's size doesn't keep a reader from going on.
pub async fn a_read_always_returns_something_if_there_is_something(harness: &dyn Harness) {
    let topic = harness.topic("progress");
    let log = open_with(harness, &by_age(topic.clone(), 1)).await;
    log.append(&topic, 0, vec![numbered(0), numbered(1)])
        .await
        .unwrap();
    for limit in [
        ReadLimit {
            records: 1,
            bytes: 0,
        },
        ReadLimit {
            records: 0,
            bytes: 1,
        },
    ] {
        let fetched = log
            .read(&topic, 0, Offset(0), limit, Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(offsets(&fetched.records), [Offset(0)]);
        assert_eq!(fetched.next, Offset(1));
    }
}

/// A read at the end returns as soon as a record is appended, long before its wait is over.
pub async fn a_waiting_read_wakes_when_a_record_comes(harness: &dyn Harness) {
    let topic = harness.topic("woken");
    let log = open_with(harness, &by_age(topic.clone(), 2)).await;
    let reader = {
        let (log, topic) = (Arc::clone(&log), topic.clone());
        async move {
            log.read(&topic, 1, Offset(0), ALL, Duration::from_mins(5))
                .await
                .unwrap()
        }
    };
    let appender = async {
        sleep(Duration::from_millis(50)).await;
        // A record of another partition is none of the reader's.
        log.append(&topic, 0, vec![numbered(0)]).await.unwrap();
        log.append(&topic, 1, vec![numbered(1)]).await.unwrap();
    };
    let both = async { tokio::join!(reader, appender).0 };
    let fetched = timeout(Duration::from_mins(1), both).await.unwrap();
    assert_eq!(fetched.records.len(), 1);
    assert_eq!(fetched.records[0].record, numbered(1));
    assert_eq!(
        (fetched.next, fetched.high_watermark),
        (Offset(1), Offset(1))
    );
}

/// A read at the end waits as long as it was asked to, and returns nothing.
pub async fn a_read_with_nothing_to_come_ends_with_its_wait(harness: &dyn Harness) {
    let topic = harness.topic("silent");
    let log = open_with(harness, &by_age(topic.clone(), 1)).await;
    log.append(&topic, 0, vec![numbered(0)]).await.unwrap();
    let wait = Duration::from_millis(60);
    let begun = Instant::now();
    let fetched = log.read(&topic, 0, Offset(1), ALL, wait).await.unwrap();
    assert!(begun.elapsed() >= wait);
    assert_eq!(fetched.records, []);
    assert_eq!(
        (fetched.next, fetched.high_watermark),
        (Offset(1), Offset(1))
    );
}

/// A reader that is ahead of the log reads another log than it thinks, and must know.
pub async fn an_offset_past_the_high_watermark_is_refused(harness: &dyn Harness) {
    let topic = harness.topic("ahead");
    let log = open_with(harness, &by_age(topic.clone(), 1)).await;
    log.append(&topic, 0, vec![numbered(0)]).await.unwrap();
    let refusal = log
        .read(&topic, 0, Offset(2), ALL, Duration::ZERO)
        .await
        .unwrap_err();
    let expected = LogError::OutOfRange {
        earliest: Offset(0),
        high_watermark: Offset(1),
    };
    assert_eq!(refusal, expected);
}

/// A time finds the first record that was appended then or later.
pub async fn records_are_found_by_time(harness: &dyn Harness) {
    let topic = harness.topic("dated");
    let log = open_with(harness, &by_age(topic.clone(), 1)).await;
    for number in 0..30 {
        log.append(&topic, 0, vec![numbered(number), numbered(number)])
            .await
            .unwrap();
        // A log may count in whole milliseconds.
        sleep(Duration::from_millis(2)).await;
    }
    let stored = read_all(&*log, &topic, 0).await;
    let first_since = |time_us| {
        let found = stored
            .iter()
            .find(|record| record.appended_at_us >= time_us);
        found.map_or(Offset(60), |record| record.offset)
    };
    let times = stored.iter().map(|record| record.appended_at_us);
    let last_us = times.clone().max().unwrap();
    for time_us in times.chain([0, last_us + 1_000, i64::MAX / 2]) {
        let found = log.offset_at(&topic, 0, time_us).await.unwrap();
        assert_eq!(found, first_since(time_us), "at {time_us}");
    }
}
