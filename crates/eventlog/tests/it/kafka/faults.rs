//! A broker that dies, or that doesn't answer. Each test has a broker of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sextant_eventlog::kafka::KafkaLog;
use sextant_eventlog::{EventLog, LogError, Offset, ReadLimit, Record, StoredRecord};
use sextant_testbed::kafka::Kafka;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{Instant, sleep, timeout};

use super::harness::{ALL, KafkaHarness, by_age, numbered, read_all, until};

const TOPIC: &str = "observed";

fn started() -> (Kafka, KafkaHarness) {
    let kafka = Kafka::start().unwrap();
    let harness = KafkaHarness::on(kafka.address().to_owned());
    (kafka, harness)
}

async fn prepared(harness: &KafkaHarness) -> Arc<KafkaLog> {
    let log = harness.instance("test");
    log.prepare(&[by_age(TOPIC, 1)]).await.unwrap();
    log
}

/// What one task appended, in its order, and whether it was acknowledged.
type Ledger = Vec<(String, bool)>;

async fn append_until(
    log: Arc<KafkaLog>,
    task: usize,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
) -> Ledger {
    let mut ledger = Ledger::new();
    while !stop.load(Relaxed) {
        let name = format!("{task}:{}", ledger.len());
        let record = Record::new(name.clone(), vec![5; 2_000]);
        let answer = log.append(TOPIC, 0, vec![record]).await;
        if let Err(error) = &answer {
            assert!(matches!(error, LogError::Unavailable { .. }), "{error}");
            sleep(Duration::from_millis(20)).await;
        }
        acknowledged.fetch_add(u64::from(answer.is_ok()), Relaxed);
        ledger.push((name, answer.is_ok()));
    }
    ledger
}

/// Reads on and on, over every trouble, until it has an offset.
async fn follow(log: Arc<KafkaLog>, end: Arc<AtomicU64>) -> Vec<StoredRecord> {
    let (mut next, mut read) = (Offset(0), Vec::new());
    while next.0 < end.load(Relaxed) {
        match log
            .read(TOPIC, 0, next, ALL, Duration::from_millis(200))
            .await
        {
            Ok(fetched) => {
                assert!(fetched.corrupt.is_empty(), "{:?}", fetched.corrupt);
                read.extend(fetched.records);
                next = fetched.next;
            }
            Err(LogError::Unavailable { .. }) => sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("{error}"),
        }
    }
    read
}

fn check(ledgers: &[Ledger], stored: &[StoredRecord]) {
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, record) in stored.iter().enumerate() {
        let name = String::from_utf8(record.record.key.as_ref().unwrap().to_vec()).unwrap();
        places.entry(name).or_default().push(place);
    }
    for ledger in ledgers {
        let mut last = None;
        for (name, is_acknowledged) in ledger {
            let found = places.get(name).map_or(&[][..], Vec::as_slice);
            assert!(found.len() <= 1, "{name} is there twice: {found:?}");
            if *is_acknowledged {
                let place = found.first().copied();
                assert!(place.is_some(), "{name} was acknowledged, and is gone");
                assert!(place > last, "{name} is out of order");
                last = place;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_a_broker_killed_under_load_loses_and_repeats_nothing() {
    let (mut kafka, harness) = started();
    let log = prepared(&harness).await;
    let (stop, acknowledged) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let end = Arc::new(AtomicU64::new(u64::MAX));
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
        tasks.spawn(append_until(Arc::clone(&log), task, stop, acknowledged));
    }
    let mut readers = JoinSet::new();
    readers.spawn(follow(Arc::clone(&log), Arc::clone(&end)));
    let enough = async || match acknowledged.load(Relaxed) {
        so_many if so_many < 300 => Err(so_many),
        _ => Ok(()),
    };
    until(enough).await;
    block_in_place(|| {
        kafka.kill().unwrap();
        kafka.start_again().unwrap();
    });
    acknowledged.store(0, Relaxed);
    until(enough).await;
    stop.store(true, Relaxed);
    let ledgers = tasks.join_all().await;
    let other = harness.instance("other");
    let (stored, corrupt) = read_all(&other, TOPIC, Offset(0)).await;
    assert_eq!(corrupt, Vec::<u64>::new());
    check(&ledgers, &stored);
    end.store(stored.last().unwrap().offset.following().0, Relaxed);
    let followed = timeout(Duration::from_secs(30), readers.join_all()).await;
    assert!(
        followed.unwrap() == [stored],
        "who was waiting has read on to the same end"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_does_not_answer_is_unavailable_and_all_goes_on_when_it_does() {
    let (kafka, mut harness) = started();
    harness.config.append_timeout_ms = 3_000;
    let log = prepared(&harness).await;
    log.append(TOPIC, 0, vec![numbered(0)]).await.unwrap();
    let at_end = log
        .read(TOPIC, 0, Offset(0), ALL, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(at_end.next, Offset(1));
    kafka.signal("-STOP").unwrap();
    sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    let append = async {
        let error = log.append(TOPIC, 0, vec![numbered(1)]).await.unwrap_err();
        (error, begun.elapsed(), "appending")
    };
    // What is known of the end is too old to tell a reader that it is there.
    let read = async {
        let read = log.read(TOPIC, 0, Offset(1), ALL, Duration::ZERO).await;
        (read.unwrap_err(), begun.elapsed(), "bounds")
    };
    let found = async {
        let found = log.offset_at(TOPIC, 0, 5).await;
        (found.unwrap_err(), begun.elapsed(), "looking for a time")
    };
    let (append, read, found) = tokio::join!(append, read, found);
    assert!(
        append.1 < Duration::from_secs(6),
        "its limit was 3 s: {:?}",
        append.1
    );
    for (error, after, doing) in [append, read, found] {
        assert!(matches!(error, LogError::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains(doing), "{error}");
        assert!(after < Duration::from_secs(15), "{after:?}");
    }
    kafka.signal("-CONT").unwrap();
    until(async || log.append(TOPIC, 0, vec![numbered(2)]).await).await;
    let (records, _) = read_all(&log, TOPIC, Offset(1)).await;
    let records: Vec<_> = records.into_iter().map(|record| record.record).collect();
    let given_up = records.iter().filter(|record| **record == numbered(1));
    assert!(
        given_up.count() <= 1 && records.contains(&numbered(2)),
        "{records:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_waits_goes_on_waiting_while_its_broker_starts_again() {
    let (mut kafka, harness) = started();
    let log = prepared(&harness).await;
    log.append(TOPIC, 0, vec![numbered(0)]).await.unwrap();
    log.read(TOPIC, 0, Offset(0), ALL, Duration::ZERO)
        .await
        .unwrap();
    let mut waiting = JoinSet::new();
    let waiter = Arc::clone(&log);
    waiting.spawn(async move {
        let wait = Duration::from_mins(1);
        waiter.read(TOPIC, 0, Offset(1), ALL, wait).await.unwrap()
    });
    sleep(Duration::from_millis(200)).await;
    block_in_place(|| {
        kafka.kill().unwrap();
        kafka.start_again().unwrap();
    });
    until(async || log.append(TOPIC, 0, vec![numbered(1)]).await).await;
    let woken = timeout(Duration::from_secs(20), waiting.join_all()).await;
    assert_eq!(woken.unwrap()[0].records[0].record, numbered(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_that_are_given_up_midway_lose_nothing_and_hold_up_nobody() {
    let harness = KafkaHarness::new();
    let log = prepared(&harness).await;
    for number in 0..400 {
        log.append(TOPIC, 0, vec![numbered(number)]).await.unwrap();
    }
    // Whoever is dropped while it opens or moves a cursor leaves it to the next one.
    let mut next = 0;
    for step in 0..600_u64 {
        let patience = Duration::from_micros(step * 37 % 9_000);
        let from = Offset(if step % 5 == 0 { step % 300 } else { next });
        let read = log.read(
            TOPIC,
            0,
            from,
            ReadLimit {
                records: 2,
                bytes: 1 << 20,
            },
            Duration::ZERO,
        );
        if let Ok(read) = timeout(patience, read).await {
            let fetched = read.unwrap();
            assert_eq!(fetched.records[0].offset, from);
            next = fetched.next.0 % 390;
        }
    }
    let begun = Instant::now();
    let (records, _) = read_all(&log, TOPIC, Offset(0)).await;
    assert_eq!(records.len(), 400);
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}
