//! What is held is bounded. Each part is played by this binary run again, whose memory is its own.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::kafka::{Compression, KafkaLog};
use sextant_eventlog::{EventLog, Offset, ReadLimit, Record};
use sextant_testbed::kafka::Kafka;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::harness::{KafkaHarness, by_age};

const TOPIC: &str = "bulky";

fn play(part: &str) {
    let part = format!("kafka::memory::{part}");
    let played = Command::new(std::env::current_exe().unwrap())
        .args([&part, "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = [played.stdout, played.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        played.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

fn resident_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn large() -> Record {
    Record {
        value: Some(vec![3; 30_000].into()),
        ..Record::default()
    }
}

async fn opened(kafka: &Kafka, append_bytes_max: u32) -> Arc<KafkaLog> {
    let mut harness = KafkaHarness::on(kafka.address().to_owned());
    harness.config.compression = Compression::None;
    harness.config.append_bytes_max = append_bytes_max;
    harness.config.append_timeout_ms = 30_000;
    let log = harness.instance("test");
    log.prepare(&[by_age(TOPIC, 1)]).await.unwrap();
    log
}

#[test]
fn p6_a_slow_reader_holds_little_of_a_large_partition() {
    play("a_reader_is_slow");
}

#[test]
fn p6_a_full_queue_makes_appends_wait_and_does_not_grow() {
    play("appends_outrun_the_broker");
}

#[tokio::test]
#[ignore = "a part, played in a process of its own"]
async fn a_reader_is_slow() {
    let kafka = Kafka::start().unwrap();
    let log = opened(&kafka, 2 << 20).await;
    log.append(TOPIC, 0, vec![large(); 2_200]).await.unwrap();
    let before_kb = resident_kb();
    let one = ReadLimit {
        records: 1,
        bytes: 1,
    };
    let mut next = Offset(0);
    let mut most_kb = 0;
    for _ in 0..30 {
        let read = log.read(TOPIC, 0, next, one, Duration::ZERO).await;
        next = read.unwrap().next;
        sleep(Duration::from_millis(50)).await;
        most_kb = most_kb.max(resident_kb());
    }
    // 66 MB are there, 4 MiB are to be read ahead; an answer of the broker may come on top.
    let grown_kb = most_kb.saturating_sub(before_kb);
    assert!(
        grown_kb < 24 << 10,
        "{grown_kb} KB more than the {before_kb} KB before"
    );
}

#[tokio::test]
#[ignore = "a part, played in a process of its own"]
async fn appends_outrun_the_broker() {
    let kafka = Kafka::start().unwrap();
    let log = opened(&kafka, 2 << 20).await;
    log.append(TOPIC, 0, vec![large(); 50]).await.unwrap();
    let before_kb = resident_kb();
    kafka.signal("-STOP").unwrap();
    let mut appenders = JoinSet::new();
    for _ in 0..64 {
        let log = Arc::clone(&log);
        appenders.spawn(async move {
            // These share one value: what grows is the queue alone.
            log.append(TOPIC, 0, vec![large(); 20]).await.unwrap();
        });
    }
    let mut most_kb = 0;
    for _ in 0..20 {
        sleep(Duration::from_millis(100)).await;
        most_kb = most_kb.max(resident_kb());
    }
    assert!(!appenders.is_empty());
    assert!(
        appenders.try_join_next().is_none(),
        "nothing is answered yet"
    );
    kafka.signal("-CONT").unwrap();
    appenders.join_all().await;
    // 38 MB are under way, of which 2 MiB fit the queue.
    let grown_kb = most_kb.saturating_sub(before_kb);
    assert!(
        grown_kb < 16 << 10,
        "{grown_kb} KB more than the {before_kb} KB before"
    );
    let stored = log.bounds(TOPIC, 0).await.unwrap().high_watermark;
    assert_eq!(stored, Offset(50 + 64 * 20));
}
