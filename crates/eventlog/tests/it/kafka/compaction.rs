//! What is left when a broker has compacted or deleted.

use std::collections::HashMap;
use std::time::Duration;

use sextant_eventlog::kafka::{Compression, KafkaLog};
use sextant_eventlog::{EventLog, LogError, Offset, ReadLimit, Record};

use super::admin::Admin;
use super::harness::{ALL, KafkaHarness, by_age, by_key, numbered, read_all, until};

const TOPIC: &str = "windows";
/// Compaction as soon as it can be, tombstones kept for as long as it says.
const QUICK: [(&str, &str); 5] = [
    ("segment.ms", "100"),
    ("min.compaction.lag.ms", "0"),
    ("max.compaction.lag.ms", "500"),
    ("min.cleanable.dirty.ratio", "0.01"),
    ("cleanup.policy", "compact"),
];

/// A compacted topic with 40 numbered keys written three times, the even ones then deleted.
async fn filled(log: &KafkaLog, admin: &Admin) {
    log.prepare(&[by_key(TOPIC, 1)]).await.unwrap();
    admin.alter(TOPIC, &QUICK).await;
    for round in 0..3 {
        for number in 0..40 {
            let record = Record::new(format!("key {number}"), format!("{round}"));
            log.append(TOPIC, 0, vec![record]).await.unwrap();
        }
    }
    let even = (0..40).step_by(2);
    let gone = even.map(|number| Record::tombstone(format!("key {number}")));
    log.append(TOPIC, 0, gone.collect()).await.unwrap();
}

/// Waits until compaction has gone over what was there, which takes newer records.
async fn compacted(log: &KafkaLog) {
    until(async || {
        log.append(TOPIC, 0, vec![Record::new("roll", "on")])
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
        let (records, _) = read_all(log, TOPIC, Offset(0)).await;
        // Of three rounds only the odd keys of the last are left.
        let values = records.iter().filter(|record| record.offset < Offset(120));
        match values.count() {
            20 => Ok(()),
            left => Err(left),
        }
    })
    .await;
}

#[tokio::test]
async fn a_reader_steps_over_what_compaction_has_taken() {
    let harness = KafkaHarness::new();
    let (log, admin) = (harness.instance("test"), Admin::new(&harness.config));
    filled(&log, &admin).await;
    compacted(&log).await;
    let (records, corrupt) = read_all(&log, TOPIC, Offset(0)).await;
    assert_eq!(corrupt, Vec::<u64>::new());
    assert!(records.is_sorted_by_key(|record| record.offset));
    let latest: HashMap<_, _> = records
        .iter()
        .map(|record| {
            (
                record.record.key.clone().unwrap(),
                record.record.value.clone(),
            )
        })
        .collect();
    for number in 0..40 {
        let found = latest.get(format!("key {number}").as_bytes());
        let expected = (number % 2 == 1).then(|| "2".into());
        assert_eq!(found, Some(&expected), "key {number}, tombstones included");
    }
    assert_eq!(log.bounds(TOPIC, 0).await.unwrap().earliest, Offset(0));
}

#[tokio::test]
async fn a_reader_may_begin_at_an_offset_that_compaction_has_taken() {
    let harness = KafkaHarness::new();
    let (log, admin) = (harness.instance("test"), Admin::new(&harness.config));
    filled(&log, &admin).await;
    compacted(&log).await;
    let few = ReadLimit {
        records: 3,
        bytes: 1 << 20,
    };
    // The first odd key of the last round; those of the even ones were superseded.
    for from in [0, 17, 79, 80, 81] {
        let read = log.read(TOPIC, 0, Offset(from), few, Duration::ZERO).await;
        let fetched = read.unwrap();
        let offsets: Vec<_> = fetched
            .records
            .iter()
            .map(|record| record.offset.0)
            .collect();
        assert_eq!(offsets, [81, 83, 85], "from {from}");
        assert_eq!(fetched.next, Offset(86));
    }
}

#[tokio::test]
async fn a_reader_whose_place_was_deleted_is_told_from_where_it_can_read() {
    let mut harness = KafkaHarness::new();
    harness.config.fetch_bytes_max = 1 << 20;
    harness.config.compression = Compression::None;
    let (log, admin) = (harness.instance("test"), Admin::new(&harness.config));
    log.prepare(&[by_age(TOPIC, 1)]).await.unwrap();
    let large = |number: u64| Record::new(format!("{number}"), vec![7; 100_000]);
    for number in 0..200 {
        log.append(TOPIC, 0, vec![large(number)]).await.unwrap();
    }
    let one = ReadLimit {
        records: 1,
        bytes: 1 << 20,
    };
    let standing = log
        .read(TOPIC, 0, Offset(0), one, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(standing.next, Offset(1));
    admin.delete_below(TOPIC, 190).await;
    let expected = LogError::OutOfRange {
        earliest: Offset(190),
        high_watermark: Offset(200),
    };
    let elsewhere = log.read(TOPIC, 0, Offset(5), one, Duration::ZERO).await;
    assert_eq!(elsewhere.unwrap_err(), expected);
    // It may still be given what had been read ahead of it, but nothing else.
    let mut from = standing.next;
    let refusal = loop {
        match log.read(TOPIC, 0, from, one, Duration::ZERO).await {
            Ok(fetched) => {
                let offset = fetched.records.first().map(|record| record.offset);
                assert_eq!(offset, Some(from), "{fetched:?}");
                from = fetched.next;
            }
            Err(refusal) => break refusal,
        }
    };
    assert!(from < Offset(150), "20 MB were read ahead: {from}");
    assert_eq!(refusal, expected);
    let rest = log
        .read(TOPIC, 0, Offset(190), ALL, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(rest.records[0].offset, Offset(190));
}

#[tokio::test]
async fn a_reader_of_a_log_that_was_made_anew_is_told() {
    let harness = KafkaHarness::new();
    let (log, admin) = (harness.instance("test"), Admin::new(&harness.config));
    log.prepare(&[by_age(TOPIC, 1)]).await.unwrap();
    log.append(TOPIC, 0, (0..10).map(numbered).collect())
        .await
        .unwrap();
    let at_end = log
        .read(TOPIC, 0, Offset(0), ALL, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(at_end.next, Offset(10));
    admin.delete(TOPIC).await;
    let plain = [("message.timestamp.type", "LogAppendTime")];
    tokio::time::sleep(Duration::from_millis(300)).await;
    admin.create(TOPIC, &plain).await;
    let told = until(async || {
        match log
            .read(TOPIC, 0, Offset(10), ALL, Duration::from_millis(300))
            .await
        {
            Err(LogError::OutOfRange { high_watermark, .. }) => Ok(high_watermark),
            other => Err(other),
        }
    });
    assert_eq!(told.await, Offset(0));
}
