//! What a compacted topic promises. Superseded records may still be read: a log may take its time.

use std::collections::BTreeMap;

use bytes::Bytes;
use sextant_eventlog::{EventLog, LogError, Offset, Record, StoredRecord};

use super::{Harness, compacted, offsets, open_with, read_all};

/// Whoever reads from the start and keeps the last record of each key knows what was appended
/// last for it.
pub async fn reading_from_the_start_yields_the_latest_record_of_each_key_in_order(
    harness: &dyn Harness,
) {
    let topic = harness.topic("states");
    let log = open_with(harness, &compacted(topic.clone(), 2)).await;
    let mut latest = Latest::new();
    for number in 0..60 {
        let (partition, key) = (number % 2, format!("key {}", number % 7));
        let record = Record::new(key.clone(), format!("value {number}"));
        let appended = log
            .append(&topic, partition, vec![record.clone()])
            .await
            .unwrap();
        latest.insert((partition, Bytes::from(key)), (appended.last, record));
    }
    assert_latest(&*log, &topic, &latest).await;
    drop(log);
    assert_latest(&*harness.reopen().await, &topic, &latest).await;
}

/// A tombstone supersedes, and is read like any record until its retention is over.
pub async fn a_tombstone_is_read_as_the_latest_of_its_key(harness: &dyn Harness) {
    let topic = harness.topic("removals");
    let log = open_with(harness, &compacted(topic.clone(), 1)).await;
    let records = vec![
        Record::new("stays", "1"),
        Record::new("goes", "2"),
        Record::tombstone("goes"),
        Record::new("comes again", "3"),
        Record::tombstone("comes again"),
        Record::new("comes again", "4"),
    ];
    for record in &records {
        log.append(&topic, 0, vec![record.clone()]).await.unwrap();
    }
    let latest = last_of_each_key(read_all(&*log, &topic, 0).await);
    let expected = [(0, "stays"), (2, "goes"), (5, "comes again")].map(|(offset, key)| {
        (
            Bytes::from(key),
            (
                Offset(offset),
                records[usize::try_from(offset).unwrap()].clone(),
            ),
        )
    });
    assert_eq!(latest, BTreeMap::from(expected));
}

/// Offsets are neither moved nor given again because records went away.
pub async fn compaction_leaves_offsets_as_they_are(harness: &dyn Harness) {
    let topic = harness.topic("worn");
    let spec = compacted(topic.clone(), 1);
    let log = open_with(harness, &spec).await;
    for number in 0..20 {
        let record = Record::new("the only key", format!("value {number}"));
        let appended = log.append(&topic, 0, vec![record]).await.unwrap();
        assert_eq!(appended.first, Offset(number));
    }
    drop(log);
    let log = harness.reopen().await;
    assert_eq!(
        log.bounds(&topic, 0).await.unwrap().high_watermark,
        Offset(20)
    );
    assert_eq!(
        read_all(&*log, &topic, 0).await.last().unwrap().offset,
        Offset(19)
    );
    let appended = log
        .append(&topic, 0, vec![Record::new("another key", "")])
        .await
        .unwrap();
    assert_eq!(appended.first, Offset(20));
}

/// A record without a key could never be superseded.
pub async fn a_record_without_a_key_is_refused(harness: &dyn Harness) {
    let topic = harness.topic("keyless");
    let log = open_with(harness, &compacted(topic.clone(), 1)).await;
    let keyless = Record {
        value: Some("value".into()),
        ..Record::default()
    };
    let records = vec![Record::new("key", "value"), keyless];
    let refusal = log.append(&topic, 0, records).await.unwrap_err();
    assert!(matches!(refusal, LogError::Invalid { .. }), "{refusal}");
    assert_eq!(read_all(&*log, &topic, 0).await, []);
}

/// The last record of a key in one append is its latest.
pub async fn one_append_may_supersede_itself(harness: &dyn Harness) {
    let topic = harness.topic("hasty");
    let log = open_with(harness, &compacted(topic.clone(), 1)).await;
    let records: Vec<_> = (0..6)
        .map(|number| Record::new(format!("key {}", number % 2), format!("{number}")))
        .collect();
    let appended = log.append(&topic, 0, records.clone()).await.unwrap();
    assert_eq!((appended.first, appended.last), (Offset(0), Offset(5)));
    let latest = last_of_each_key(read_all(&*log, &topic, 0).await);
    let expected = [
        (Bytes::from("key 0"), (Offset(4), records[4].clone())),
        (Bytes::from("key 1"), (Offset(5), records[5].clone())),
    ];
    assert_eq!(latest, BTreeMap::from(expected));
}

/// The last record of each key, by partition and key.
type Latest = BTreeMap<(u32, Bytes), (Offset, Record)>;

async fn assert_latest(log: &dyn EventLog, topic: &str, latest: &Latest) {
    for partition in 0..2 {
        let stored = read_all(log, topic, partition).await;
        assert!(offsets(&stored).is_sorted_by(|one, other| one < other));
        let expected = latest.iter().filter(|((held, _), _)| *held == partition);
        let expected: BTreeMap<_, _> = expected
            .map(|((_, key), latest)| (key.clone(), latest.clone()))
            .collect();
        assert_eq!(last_of_each_key(stored), expected);
    }
}

fn last_of_each_key(stored: Vec<StoredRecord>) -> BTreeMap<Bytes, (Offset, Record)> {
    let keyed = stored.into_iter().map(|stored| {
        (
            stored.record.key.clone().unwrap(),
            (stored.offset, stored.record),
        )
    });
    keyed.collect()
}
