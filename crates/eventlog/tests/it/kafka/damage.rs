//! Fault 5: what a damaged segment still gives. Wrong data is never served, and every loss is named.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sextant_eventlog::kafka::{Compression, KafkaLog};
use sextant_eventlog::{EventLog, Offset, Record};
use sextant_testbed::kafka::Kafka;
use tokio::task::block_in_place;
use tokio::time::timeout;

use super::harness::{KafkaHarness, by_age, read_all, until};

const PLAIN: &str = "plain";
const PRESSED: &str = "pressed";

/// A value of its own, also when it is compressed: it holds one place that a test can find.
fn record(number: u64) -> Record {
    let noise = (0..300_u64).map(|at| (at * at * 31 + number * 7_919 + at * number) % 251);
    let noise: Vec<u8> = noise.map(|byte| u8::try_from(byte).unwrap()).collect();
    Record::new(
        format!("key {number}"),
        [format!("<{number}>").into_bytes(), noise].concat(),
    )
}

fn segment(kafka: &Kafka, topic: &str) -> PathBuf {
    kafka
        .data()
        .join(format!("{topic}-0"))
        .join("00000000000000000000.log")
}

/// Where the batches of a segment begin, with the first and last of their offsets. The layout is
/// Kafka's: base offset, length, epoch, magic, checksum, attributes, offset of the last record.
fn batches(bytes: &[u8]) -> Vec<(usize, u64, u64)> {
    let number = |at: usize, count: usize| {
        let bytes = bytes[at..at + count].iter();
        bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    let (mut found, mut at) = (Vec::new(), 0);
    while at + 61 < bytes.len() {
        let (first, length) = (number(at, 8), number(at + 8, 4));
        found.push((at, first, first + number(at + 23, 4)));
        at += 12 + usize::try_from(length).unwrap();
    }
    found
}

/// Flips a bit in the body of the batches that hold these offsets, and gives all that they hold.
fn flip(path: &Path, offsets: &[u64]) -> Vec<u64> {
    let mut bytes = fs::read(path).unwrap();
    let mut lost = Vec::new();
    for (at, first, last) in batches(&bytes) {
        if offsets.iter().any(|offset| (first..=last).contains(offset)) {
            bytes[at + 61 + 40] ^= 0b100;
            lost.extend(first..=last);
        }
    }
    fs::write(path, bytes).unwrap();
    lost
}

/// 60 records one by one, 30 in one batch, ten more one by one, and at last four in a batch.
async fn filled(log: &KafkaLog, topic: &str) {
    log.prepare(&[by_age(topic, 1)]).await.unwrap();
    let append = async |numbers: std::ops::Range<u64>| {
        log.append(topic, 0, numbers.map(record).collect())
            .await
            .unwrap();
    };
    for number in (0..60).chain(90..100) {
        if number == 90 {
            append(60..90).await;
        }
        append(number..number + 1).await;
    }
    append(100..104).await;
}

async fn is_read_but_for(log: &KafkaLog, topic: &str, lost: &[u64]) {
    let read = timeout(Duration::from_secs(40), read_all(log, topic, Offset(0)));
    let (records, corrupt) = read.await.expect("a reader gets past what is damaged");
    assert_eq!(corrupt, lost, "{topic}: each offset that is lost is named");
    let expected: Vec<_> = (0..104).filter(|number| !lost.contains(number)).collect();
    let offsets: Vec<_> = records.iter().map(|record| record.offset.0).collect();
    assert_eq!(offsets, expected, "{topic}");
    for stored in records {
        assert_eq!(stored.record, record(stored.offset.0), "{topic}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_loses_its_batch_and_nothing_else_and_is_named() {
    let mut kafka = Kafka::start().unwrap();
    let mut harness = KafkaHarness::on(kafka.address().to_owned());
    let prefix = harness.config.prefix.clone();
    harness.config.linger_ms = 20;
    harness.config.compression = Compression::None;
    let plain = harness.instance("plain");
    filled(&plain, PLAIN).await;
    harness.config.compression = Compression::Lz4;
    let pressed = harness.instance("pressed");
    filled(&pressed, PRESSED).await;
    let damaged = [0, 17, 18, 70, 95, 102];
    let lost = block_in_place(|| {
        kafka.stop().unwrap();
        let lost = [PLAIN, PRESSED].map(|topic| {
            let segment = segment(&kafka, &format!("{prefix}{topic}"));
            flip(&segment, &damaged)
        });
        kafka.start_again().unwrap();
        lost
    });
    for (log, topic, lost) in [(&plain, PLAIN, &lost[0]), (&pressed, PRESSED, &lost[1])] {
        until(async || log.bounds(topic, 0).await).await;
        assert!(
            lost.len() >= 36,
            "batches of 30 and 4 are among them: {lost:?}"
        );
        is_read_but_for(log, topic, lost).await;
    }
    // What comes now is read as ever, by readers old and new.
    for log in [plain, harness.instance("new")] {
        reads_on(&log).await;
    }
}

async fn reads_on(log: &Arc<KafkaLog>) {
    let appended = log.append(PLAIN, 0, vec![record(7)]).await.unwrap();
    let (records, corrupt) = read_all(log, PLAIN, appended.first).await;
    assert_eq!((records.len(), corrupt.len()), (1, 0));
    assert_eq!(records[0].record.value.as_ref().map(Bytes::len), Some(303));
}
