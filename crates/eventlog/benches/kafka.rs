//! What appending and reading cost on a real Kafka, which runs beside it on the same machine:
//! records of 30 KB, as a collector writes them, and of 1 KB, from 64 appenders at once, and read
//! back in reads of 4 MiB. Processor time is this process's own, not the broker's.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark fails loudly and says what it found"
)]

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::kafka::{Compression, KafkaConfig, KafkaLog, SaslMechanism, Security};
use sextant_eventlog::{Cleanup, EventLog, Offset, ReadLimit, Record, TopicSpec};
use tokio::task::JoinSet;
use tokio::time::Instant;

const PARTITIONS: u32 = 8;
const APPENDERS: usize = 64;
const LIMIT: ReadLimit = ReadLimit {
    records: usize::MAX,
    bytes: 4 << 20,
};

#[tokio::main]
async fn main() {
    let broker = tokio::task::block_in_place(sextant_testbed::run::kafka);
    for (name, bytes, records) in [("large", 30_000, 8_000), ("small", 1_000, 100_000)] {
        for round in 0..3 {
            let topic = format!("{name}-{round}");
            let log = opened(&broker, &topic).await;
            append(&log, &topic, bytes, records).await;
            read(&log, &topic, records).await;
        }
    }
}

async fn opened(broker: &str, topic: &str) -> Arc<KafkaLog> {
    let config = KafkaConfig {
        brokers: broker.to_owned(),
        prefix: "bench-".to_owned(),
        replication: 1,
        append_timeout_ms: 60_000,
        linger_ms: 5,
        append_bytes_max: 64 << 20,
        fetch_bytes_max: 16 << 20,
        session_timeout_ms: 10_000,
        compression: Compression::None,
        security: Security::Plaintext,
        ca_file: None,
        certificate_file: None,
        key_file: None,
        sasl_mechanism: SaslMechanism::ScramSha512,
        sasl_username: None,
        sasl_password_file: None,
    };
    let log = KafkaLog::open(&config, "bench").unwrap();
    let cleanup = Cleanup::Delete {
        retention: Duration::from_hours(2),
    };
    let spec = TopicSpec {
        name: topic.to_owned(),
        partitions: PARTITIONS,
        cleanup,
    };
    log.prepare(&[spec]).await.unwrap();
    Arc::new(log)
}

async fn append(log: &Arc<KafkaLog>, topic: &str, bytes: usize, records: usize) {
    let value = bytes::Bytes::from(vec![7; bytes]);
    let mut appenders = JoinSet::new();
    let meter = Meter::start();
    for partition in (0..PARTITIONS).cycle().take(APPENDERS) {
        let (log, topic, value) = (Arc::clone(log), topic.to_owned(), value.clone());
        appenders.spawn(async move {
            let mut latencies_us = Vec::new();
            for _ in 0..records / APPENDERS {
                let record = Record {
                    value: Some(value.clone()),
                    ..Record::default()
                };
                let begun = Instant::now();
                log.append(&topic, partition, vec![record]).await.unwrap();
                latencies_us.push(begun.elapsed().as_micros());
            }
            latencies_us
        });
    }
    let latencies_us = appenders.join_all().await;
    let mut latencies_us: Vec<_> = latencies_us.into_iter().flatten().collect();
    latencies_us.sort_unstable();
    let rank = |percent: usize| latencies_us[(latencies_us.len() - 1) * percent / 100];
    let (p50, p99) = (rank(50), rank(99));
    let figures = meter.figures(latencies_us.len(), bytes);
    println!("append {bytes} B, 64 at once: {figures}; answered in {p50} us p50, {p99} us p99");
}

async fn read(log: &Arc<KafkaLog>, topic: &str, records: usize) {
    let mut readers = JoinSet::new();
    let meter = Meter::start();
    for partition in 0..PARTITIONS {
        let (log, topic) = (Arc::clone(log), topic.to_owned());
        readers.spawn(async move {
            let (mut next, mut bytes, mut count) = (Offset(0), 0, 0);
            loop {
                let read = log.read(&topic, partition, next, LIMIT, Duration::ZERO);
                let fetched = read.await.unwrap();
                let sizes = fetched.records.iter().map(|record| record.record.bytes());
                bytes += sizes.sum::<usize>();
                count += fetched.records.len();
                next = fetched.next;
                if next >= fetched.high_watermark {
                    return (count, bytes);
                }
            }
        });
    }
    let read = readers.join_all().await;
    let (count, bytes) = read
        .iter()
        .fold((0, 0), |all, it| (all.0 + it.0, all.1 + it.1));
    assert_eq!(count, records / APPENDERS * APPENDERS);
    println!(
        "read {} B, 8 partitions: {}",
        bytes / count,
        meter.figures(count, bytes / count)
    );
}

/// Time that has passed, and processor time of this process.
struct Meter {
    begun: Instant,
    processor_ms: u64,
}

impl Meter {
    fn start() -> Self {
        Self {
            begun: Instant::now(),
            processor_ms: processor_ms(),
        }
    }

    fn figures(&self, records: usize, bytes: usize) -> String {
        let seconds = self.begun.elapsed().as_secs_f64();
        let processor_us = (processor_ms() - self.processor_ms) as f64 * 1_000.0;
        let rate = records as f64 / seconds;
        format!(
            "{rate:.0} records/s, {:.0} MB/s, {:.1} us of processor a record",
            rate * bytes as f64 / 1e6,
            processor_us / records as f64,
        )
    }
}

/// What Linux counts of this process, in its hundredths of a second.
fn processor_ms() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    (ticks(11) + ticks(12)) * 10
}
