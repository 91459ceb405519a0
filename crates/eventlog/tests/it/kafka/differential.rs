//! The same calls on the embedded log and on Kafka have the same answers.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use sextant_eventlog::{EventLog, LogError, Offset, Position, ReadLimit, Record, StoredRecord};

use super::harness::{ALL, KafkaHarness, by_age, by_key, until};
use crate::harness::Bench;

const TOPICS: [&str; 2] = ["aged", "keyed"];

#[derive(Debug, Clone)]
enum Call {
    Append {
        place: (usize, u32),
        records: Vec<Record>,
    },
    Read {
        place: (usize, u32),
        from: u64,
        limit: ReadLimit,
    },
    FindTime {
        place: (usize, u32),
        of: usize,
    },
    Commit {
        place: (usize, u32),
        position: Position,
    },
    Committed {
        place: (usize, u32),
    },
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn kafka_answers_as_the_embedded_log_does(calls in prop::collection::vec(call(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(calls))?;
    }
}

fn call() -> impl Strategy<Value = Call> {
    // The third partition does not exist.
    let place = || (0..TOPICS.len(), 0..3_u32);
    let limit =
        (0..6_usize, 0..300_usize).prop_map(|(records, bytes)| ReadLimit { records, bytes });
    let position = (0..90_u64, any::<i64>()).prop_map(|(offset, time_us)| Position {
        offset: Offset(offset),
        time_us,
    });
    prop_oneof![
        4 => (place(), prop::collection::vec(record(), 0..6))
            .prop_map(|(place, records)| Call::Append { place, records }),
        4 => (place(), 0..20_u64, limit).prop_map(|(place, from, limit)| Call::Read { place, from, limit }),
        1 => (place(), 0..20_usize).prop_map(|(place, of)| Call::FindTime { place, of }),
        1 => (place(), position).prop_map(|(place, position)| Call::Commit { place, position }),
        1 => place().prop_map(|place| Call::Committed { place }),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let bytes = |most| prop::option::weighted(0.9, prop::collection::vec(any::<u8>(), 0..most));
    let header = ("[a-z]{1,8}", prop::collection::vec(any::<u8>(), 0..9));
    (bytes(3), bytes(200), prop::collection::vec(header, 0..3)).prop_map(|(key, value, headers)| {
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Record {
            key: key.map(Into::into),
            value: value.map(Into::into),
            headers: headers.collect(),
        }
    })
}

async fn run(calls: Vec<Call>) -> Result<(), TestCaseError> {
    let (bench, harness) = (Bench::new(), KafkaHarness::new());
    let (embedded, kafka) = (bench.open(), harness.instance("test"));
    let logs: [&dyn EventLog; 2] = [&embedded, &*kafka];
    for log in logs {
        log.prepare(&[by_age(TOPICS[0], 2), by_key(TOPICS[1], 2)])
            .await
            .unwrap();
        lead(log).await;
    }
    for call in calls {
        bench.clock.advance(1_000);
        let mut answers = Vec::new();
        for log in logs {
            answers.push(answer(log, &call).await);
        }
        prop_assert_eq!(&answers[0], &answers[1], "{:?}", call);
    }
    for place in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let [expected, found] = [stored(logs[0], place).await, stored(logs[1], place).await];
        let (expected, found) = (latest(place, &expected), latest(place, &found));
        prop_assert_eq!(expected, found);
    }
    Ok(())
}

/// Waits until every partition answers: Kafka has a topic a moment before its partitions have
/// leaders.
async fn lead(log: &dyn EventLog) {
    for topic in TOPICS {
        for partition in 0..2 {
            until(async || log.bounds(topic, partition).await).await;
        }
    }
}

/// What a log says to a call, as far as every log must say the same.
async fn answer(log: &dyn EventLog, call: &Call) -> String {
    let said = match call {
        Call::Append { place, records } => {
            let appended = log.append(TOPICS[place.0], place.1, records.clone()).await;
            appended.map(|appended| format!("{} to {}", appended.first, appended.last))
        }
        Call::Read { place, from, limit } => {
            let read = log
                .read(
                    TOPICS[place.0],
                    place.1,
                    Offset(*from),
                    *limit,
                    Duration::ZERO,
                )
                .await;
            read.map(|fetched| {
                // How many come is the log's own business, and compaction's.
                let is_some = !fetched.records.is_empty() || *from >= fetched.high_watermark.0;
                let is_near = fetched
                    .records
                    .iter()
                    .all(|record| record.offset >= Offset(*from));
                format!(
                    "{is_some} {is_near} {} {:?}",
                    fetched.high_watermark, fetched.corrupt
                )
            })
        }
        Call::FindTime { place, of } => match log.bounds(TOPICS[place.0], place.1).await {
            Ok(_) => Ok(finds_times(log, *place, *of).await.to_string()),
            Err(error) => Err(error),
        },
        Call::Commit { place, position } => {
            let committed = log
                .commit("group", TOPICS[place.0], place.1, *position)
                .await;
            committed.map(|()| "committed".to_owned())
        }
        Call::Committed { place } => {
            let position = log.committed("group", TOPICS[place.0], place.1).await;
            position.map(|position| format!("{position:?}"))
        }
    };
    match said {
        Ok(said) => said,
        // A topic has another name in Kafka, and its own words for what it breaks.
        Err(LogError::Invalid { .. }) => "invalid".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Whether a record's time finds the first record of that time. Times are each log's own.
async fn finds_times(log: &dyn EventLog, place: (usize, u32), of: usize) -> bool {
    let stored = stored(log, place).await;
    let Some(time_us) = stored.get(of).map(|record| record.appended_at_us) else {
        return true;
    };
    let first = stored
        .iter()
        .find(|record| record.appended_at_us >= time_us);
    let found = log.offset_at(TOPICS[place.0], place.1, time_us).await;
    found.ok() == first.map(|record| record.offset)
}

async fn stored(log: &dyn EventLog, (topic, partition): (usize, u32)) -> Vec<StoredRecord> {
    let (mut from, mut stored) = (Offset(0), Vec::new());
    loop {
        let read = log
            .read(TOPICS[topic], partition, from, ALL, Duration::ZERO)
            .await;
        let fetched = read.unwrap();
        stored.extend(fetched.records);
        if fetched.next >= fetched.high_watermark {
            return stored;
        }
        from = fetched.next;
    }
}

/// All records; of a compacted topic only the latest of each key, which alone must be there.
fn latest(place: (usize, u32), stored: &[StoredRecord]) -> Vec<(Offset, &Record)> {
    let mut seen = BTreeSet::new();
    let records = stored.iter().rev();
    let records = records.filter(|stored| place.0 == 0 || seen.insert(stored.record.key.clone()));
    records
        .map(|stored| (stored.offset, &stored.record))
        .collect()
}
