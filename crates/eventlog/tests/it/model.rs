//! Any run of calls against a model that keeps everything in vectors.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use sextant_eventlog::sqlite::SqliteLog;
use sextant_eventlog::{EventLog, LogError, Offset, Position, ReadLimit, Record, StoredRecord};

use crate::harness::{BY_AGE, BY_KEY, Bench, HOUR_US};

const PARTITIONS: u32 = 2;
const RETENTION_US: i64 = 2 * HOUR_US;
const TOMBSTONE_RETENTION_US: i64 = HOUR_US;

#[derive(Debug, Clone)]
enum Call {
    Append {
        topic: &'static str,
        partition: u32,
        records: Vec<Record>,
    },
    MoveClock {
        by_us: i64,
    },
    Read {
        topic: &'static str,
        partition: u32,
        part: f64,
        limit: ReadLimit,
    },
    FindTime {
        topic: &'static str,
        partition: u32,
        part: f64,
    },
    Commit {
        partition: u32,
        position: Position,
    },
    Retain,
    Reopen,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_the_model(calls in prop::collection::vec(call(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(calls))?;
    }
}

fn call() -> impl Strategy<Value = Call> {
    let topic = prop_oneof![Just(BY_AGE), Just(BY_KEY)];
    let place = || (topic.clone(), 0..PARTITIONS);
    prop_oneof![
        8 => (place(), prop::collection::vec(record(), 1..5)).prop_map(
            |((topic, partition), records)| Call::Append { topic, partition, records }
        ),
        3 => (-HOUR_US..2 * HOUR_US).prop_map(|by_us| Call::MoveClock { by_us }),
        4 => (place(), 0.0..1.0, 0..6_usize, 0..4_000_usize).prop_map(
            |((topic, partition), part, records, bytes)| {
                Call::Read { topic, partition, part, limit: ReadLimit { records, bytes } }
            }
        ),
        2 => (place(), 0.0..1.0).prop_map(
            |((topic, partition), part)| Call::FindTime { topic, partition, part }
        ),
        1 => (0..PARTITIONS, 0..100_u64, any::<i64>()).prop_map(|(partition, offset, time_us)| {
            Call::Commit { partition, position: Position { offset: Offset(offset), time_us } }
        }),
        1 => Just(Call::Retain),
        1 => Just(Call::Reopen),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let value = prop::option::weighted(0.8, prop::collection::vec(any::<u8>(), 0..3_000));
    let headers = prop::collection::vec(
        ("[a-z]{0,4}", prop::collection::vec(any::<u8>(), 0..9)),
        0..3,
    );
    (0..6_u8, value, headers).prop_map(|(key, value, headers)| Record {
        key: Some(vec![key].into()),
        value: value.map(Bytes::from),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
    })
}

/// What was appended, and since when nothing of it may be missing.
#[derive(Default)]
struct Model {
    appended: BTreeMap<(&'static str, u32), Vec<StoredRecord>>,
    positions: BTreeMap<u32, Position>,
    /// The latest time at which retention may have been looked at.
    latest_us: i64,
}

impl Model {
    fn of(&self, topic: &'static str, partition: u32) -> &[StoredRecord] {
        self.appended
            .get(&(topic, partition))
            .map_or(&[], Vec::as_slice)
    }

    /// The records that a reader from the start must find at least, and may find at most.
    fn expected(
        &self,
        topic: &'static str,
        partition: u32,
    ) -> (Vec<&StoredRecord>, Vec<&StoredRecord>) {
        let all = self.of(topic, partition);
        if topic == BY_AGE {
            let is_young =
                |record: &&StoredRecord| record.appended_at_us > self.latest_us - RETENTION_US;
            return (all.iter().filter(is_young).collect(), all.iter().collect());
        }
        let latest: BTreeMap<_, _> = all
            .iter()
            .map(|record| (&record.record.key, record))
            .collect();
        let mut latest: Vec<_> = latest.into_values().collect();
        latest.sort_by_key(|record| record.offset);
        let oldest_us = self.latest_us - TOMBSTONE_RETENTION_US;
        let stays = |record: &&&StoredRecord| {
            record.record.value.is_some() || record.appended_at_us >= oldest_us
        };
        (latest.iter().filter(stays).copied().collect(), latest)
    }
}

async fn run(calls: Vec<Call>) -> Result<(), TestCaseError> {
    let bench = Bench::new();
    let mut log = bench.open_with_topics(PARTITIONS).await;
    let mut model = Model {
        latest_us: bench.clock.now_us(),
        ..Model::default()
    };
    for call in calls {
        match call {
            Call::Append {
                topic,
                partition,
                records,
            } => {
                append(&log, &bench, &mut model, topic, partition, records).await?;
            }
            Call::MoveClock { by_us } => {
                bench.clock.advance(by_us);
                model.latest_us = model.latest_us.max(bench.clock.now_us());
            }
            Call::Read {
                topic,
                partition,
                part,
                limit,
            } => {
                read(&log, &model, topic, partition, part, limit).await?;
            }
            Call::FindTime {
                topic,
                partition,
                part,
            } => {
                find_time(&log, &model, topic, partition, part).await?;
            }
            Call::Commit {
                partition,
                position,
            } => {
                log.commit("group", BY_AGE, partition, position)
                    .await
                    .unwrap();
                model.positions.insert(partition, position);
            }
            Call::Retain => log.enforce_retention(bench.clock.now_us()).await.unwrap(),
            Call::Reopen => {
                log.close().await.unwrap();
                log = bench.open();
            }
        }
    }
    compare(&log, &model).await
}

async fn append(
    log: &SqliteLog,
    bench: &Bench,
    model: &mut Model,
    topic: &'static str,
    partition: u32,
    records: Vec<Record>,
) -> Result<(), TestCaseError> {
    let appended = log.append(topic, partition, records.clone()).await.unwrap();
    let held = model.appended.entry((topic, partition)).or_default();
    prop_assert_eq!(appended.first, Offset(held.len() as u64));
    prop_assert!(appended.appended_at_us >= bench.clock.now_us());
    if let Some(last) = held.last() {
        prop_assert!(appended.appended_at_us >= last.appended_at_us);
    }
    for record in records {
        let offset = Offset(held.len() as u64);
        held.push(StoredRecord {
            offset,
            appended_at_us: appended.appended_at_us,
            record,
        });
    }
    prop_assert_eq!(appended.last.following(), Offset(held.len() as u64));
    Ok(())
}

async fn read(
    log: &SqliteLog,
    model: &Model,
    topic: &'static str,
    partition: u32,
    part: f64,
    limit: ReadLimit,
) -> Result<(), TestCaseError> {
    let (bounds, from, fetched) = loop {
        let bounds = log.bounds(topic, partition).await.unwrap();
        let from = Offset(between(bounds.earliest.0, bounds.high_watermark.0, part));
        match log
            .read(topic, partition, from, limit, Duration::ZERO)
            .await
        {
            Ok(fetched) => break (bounds, from, fetched),
            // The log may look at its retention in between.
            Err(LogError::OutOfRange { earliest, .. }) if earliest > from => {}
            Err(error) => panic!("{error}"),
        }
    };
    prop_assert_eq!(&fetched.corrupt, &[]);
    prop_assert!(fetched.records.len() <= limit.records.max(1));
    let bytes: usize = fetched
        .records
        .iter()
        .map(|record| record.record.bytes())
        .sum();
    prop_assert!(bytes <= limit.bytes || fetched.records.len() == 1);
    let all = model.of(topic, partition);
    for record in &fetched.records {
        prop_assert!(record.offset >= from && record.offset < fetched.next);
        prop_assert_eq!(record, &all[usize::try_from(record.offset.0).unwrap()]);
    }
    prop_assert!(
        fetched
            .records
            .is_sorted_by(|one, other| one.offset < other.offset)
    );
    prop_assert!(fetched.next > from || from == bounds.high_watermark);
    let (at_least, _) = model.expected(topic, partition);
    let due = at_least
        .iter()
        .filter(|held| held.offset >= from && held.offset < fetched.next);
    for held in due {
        prop_assert!(
            fetched.records.contains(held),
            "{:?} was stepped over",
            held.offset
        );
    }
    Ok(())
}

async fn find_time(
    log: &SqliteLog,
    model: &Model,
    topic: &'static str,
    partition: u32,
    part: f64,
) -> Result<(), TestCaseError> {
    let all = model.of(topic, partition);
    let Some(chosen) = all.get(usize::try_from(between(0, all.len() as u64, part)).unwrap()) else {
        return Ok(());
    };
    let time_us = chosen.appended_at_us;
    let found = log.offset_at(topic, partition, time_us).await.unwrap();
    let (at_least, at_most) = model.expected(topic, partition);
    let first = |held: Vec<&StoredRecord>| {
        let first = held.into_iter().find(|held| held.appended_at_us >= time_us);
        first.map_or(Offset(all.len() as u64), |held| held.offset)
    };
    prop_assert!(found >= first(at_most) && found <= first(at_least));
    Ok(())
}

async fn compare(log: &SqliteLog, model: &Model) -> Result<(), TestCaseError> {
    for partition in 0..PARTITIONS {
        for topic in [BY_AGE, BY_KEY] {
            let bounds = log.bounds(topic, partition).await.unwrap();
            let high_watermark = Offset(model.of(topic, partition).len() as u64);
            prop_assert_eq!(bounds.high_watermark, high_watermark);
            let stored = read_all(log, topic, partition, bounds.earliest).await;
            let (at_least, at_most) = model.expected(topic, partition);
            for held in at_least {
                prop_assert!(
                    stored.contains(held),
                    "{topic} {partition}: {held:?} is missing"
                );
            }
            for held in &stored {
                prop_assert!(
                    at_most.contains(&held),
                    "{topic} {partition}: {held:?} is too much"
                );
            }
        }
        let position = log.committed("group", BY_AGE, partition).await.unwrap();
        prop_assert_eq!(position, model.positions.get(&partition).copied());
    }
    Ok(())
}

async fn read_all(
    log: &SqliteLog,
    topic: &str,
    partition: u32,
    mut from: Offset,
) -> Vec<StoredRecord> {
    let limit = ReadLimit {
        records: 7,
        bytes: 1 << 20,
    };
    let mut stored = Vec::new();
    loop {
        let fetched = match log
            .read(topic, partition, from, limit, Duration::ZERO)
            .await
        {
            Err(LogError::OutOfRange { earliest, .. }) if earliest > from => {
                from = earliest;
                continue;
            }
            read => read.unwrap(),
        };
        stored.extend(fetched.records);
        from = fetched.next;
        if from >= fetched.high_watermark {
            return stored;
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a choice among few"
)]
fn between(low: u64, high: u64, part: f64) -> u64 {
    low + ((high - low + 1) as f64 * part) as u64
}
