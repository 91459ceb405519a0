//! What appending and reading cost on this disk: records of 30 KB, as a collector writes them, one
//! by one and from 64 appenders at once, and read back.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark fails loudly, says what it found, and criterion's macros document nothing"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sextant_eventlog::sqlite::{SqliteLog, SqliteOptions};
use sextant_eventlog::{Cleanup, EventLog, Offset, ReadLimit, Record, TopicSpec};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::Instant;

const RECORD_BYTES: usize = 30_000;
const PARTITIONS: u32 = 8;
const BY_AGE: &str = "observations";
const BY_KEY: &str = "windows";

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = appends, superseding, reads
}
criterion_main!(benches);

fn appends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append 30 KB");
    group.throughput(Throughput::Elements(1));
    for appenders in [1, 8, 64] {
        let bench = Bench::new();
        group.bench_function(format!("{appenders} at once"), |bencher| {
            bencher.iter_custom(|records| bench.append(BY_AGE, appenders, records, |_| value()));
        });
        bench.say_how_it_went();
    }
}

/// Finished numbers of endpoints, which supersede each other.
fn superseding(criterion: &mut Criterion) {
    const ROWS: u64 = 10_000;
    let mut group = criterion.benchmark_group("append 500 B that supersede");
    group.throughput(Throughput::Elements(200));
    let bench = Bench::new();
    group.bench_function("200 records an append, 10,000 keys", |bencher| {
        bencher.iter_custom(|appends| {
            bench.append(BY_KEY, 1, appends, |append| {
                let keys = (0..200).map(|row| (append * 200 + row) % ROWS);
                keys.map(|key| Record::new(format!("endpoint {key}"), vec![5; 500]))
                    .collect()
            })
        });
    });
    bench.say_how_it_went();
}

fn reads(criterion: &mut Criterion) {
    const RECORDS: u64 = 4_000;
    let mut group = criterion.benchmark_group("read 30 KB");
    let bench = Bench::new();
    bench.append(BY_AGE, 64, RECORDS, |_| value());
    let limit = ReadLimit {
        records: 64,
        bytes: 4 << 20,
    };
    group.throughput(Throughput::Elements(64));
    group.bench_function("64 records a read", |bencher| {
        let mut from = Offset(0);
        bencher.iter(|| {
            let read = bench.log.read(BY_AGE, 0, from, limit, Duration::ZERO);
            let fetched = bench.runtime.block_on(read).unwrap();
            from = if fetched.next == fetched.high_watermark {
                Offset(0)
            } else {
                fetched.next
            };
            black_box(fetched.records.len())
        });
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("nothing, at the tail", |bencher| {
        let tail = bench
            .runtime
            .block_on(bench.log.bounds(BY_AGE, 0))
            .unwrap()
            .high_watermark;
        bencher.iter(|| {
            let read = bench.log.read(BY_AGE, 0, tail, limit, Duration::ZERO);
            bench.runtime.block_on(read).unwrap()
        });
    });
}

/// A log in a directory of its own.
struct Bench {
    log: Arc<SqliteLog>,
    runtime: Runtime,
    latencies_us: Arc<std::sync::Mutex<Vec<u128>>>,
    _directory: TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ticks = AtomicI64::new(1_790_000_000_000_000);
        let clock = Arc::new(move || ticks.fetch_add(1, Relaxed));
        let log = SqliteLog::open(directory.path(), SqliteOptions::default(), clock).unwrap();
        let hour = Duration::from_hours(1);
        let by_age = Cleanup::Delete { retention: hour };
        let by_key = Cleanup::Compact {
            tombstone_retention: hour,
        };
        let specs = [(BY_AGE, by_age), (BY_KEY, by_key)].map(|(name, cleanup)| TopicSpec {
            name: name.to_owned(),
            partitions: PARTITIONS,
            cleanup,
        });
        let runtime = Runtime::new().unwrap();
        runtime.block_on(log.prepare(&specs)).unwrap();
        let log = Arc::new(log);
        Self {
            log,
            runtime,
            latencies_us: Arc::default(),
            _directory: directory,
        }
    }

    /// How long so many appends take from so many appenders, each waiting for its answer.
    fn append(
        &self,
        topic: &'static str,
        appenders: u64,
        appends: u64,
        records: impl Fn(u64) -> Vec<Record>,
    ) -> Duration {
        let mut shares: Vec<Vec<Vec<Record>>> = (0..appenders).map(|_| Vec::new()).collect();
        for append in 0..appends {
            let share = usize::try_from(append % appenders).unwrap();
            shares[share].push(records(append));
        }
        let begun = Instant::now();
        self.runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for (partition, share) in (0..PARTITIONS).cycle().zip(shares) {
                let (log, latencies_us) = (Arc::clone(&self.log), Arc::clone(&self.latencies_us));
                tasks.spawn(async move {
                    for records in share {
                        let begun = Instant::now();
                        log.append(topic, partition, records).await.unwrap();
                        latencies_us
                            .lock()
                            .unwrap()
                            .push(begun.elapsed().as_micros());
                    }
                });
            }
            tasks.join_all().await;
        });
        begun.elapsed()
    }

    fn say_how_it_went(&self) {
        let mut latencies_us = self.latencies_us.lock().unwrap();
        latencies_us.sort_unstable();
        let rank = |part: f64| {
            let rank = (latencies_us.len() as f64 * part) as usize;
            latencies_us[rank.min(latencies_us.len() - 1)]
        };
        let stats = self.log.stats();
        println!(
            "  answered in {} us p50, {} us p99, {} us at most; {} calls in {} groups, \
             {} checkpoints, {} pauses",
            rank(0.5),
            rank(0.99),
            rank(1.0),
            stats.calls,
            stats.groups,
            stats.checkpoints,
            stats.checkpoint_pauses,
        );
    }
}

fn value() -> Vec<Record> {
    vec![Record {
        value: Some(vec![7; RECORD_BYTES].into()),
        ..Record::default()
    }]
}
