//! Writing single attempts, ten thousand at a time: into a file that is full, so that the oldest
//! give way, and, with the feature `clickhouse`, into a table of a `ClickHouse` for tests.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark stops at the first surprise"
)]

use std::num::NonZeroU32;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sextant_measure::id::{AgentId, EndpointId, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::observation::Measurement;
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_store::sqlite::{SqliteOptions, SqliteStore};
use sextant_store::{AttemptKey, AttemptRow, Rows, Store};
use tokio::runtime::{Builder, Runtime};

/// Some day, in microseconds.
const START_US: i64 = 1_795_356_000_000_000;
const SERIES: u32 = 200;
const AT_ONCE: u32 = 10_000;

fn attempt(n: u32) -> AttemptRow {
    let completed_at = Timestamp::from_micros(START_US).plus_micros(i64::from(n) * 997);
    let series = SeriesId {
        endpoint: EndpointId {
            model: ModelId::new(&format!("author/model-{}", n % SERIES / 10)).unwrap(),
            provider: ProviderId::new(&format!("provider-{}", n % 10)).unwrap(),
            quantization: Quantization::Fp8,
        },
        region: Region::default(),
    };
    AttemptRow {
        key: AttemptKey {
            agent: AgentId::new("edge-1").unwrap(),
            epoch: 0xfeed_f00d_feed_f00d,
            sequence: (n / 1_000).into(),
            partition: n % 8,
            content_hash: u64::from(n / 1_000).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            index: n % 1_000,
        },
        series,
        measurement: Measurement {
            completed_at,
            outcome: Outcome::Ok,
            source: Source::Live,
            streamed: true,
            ttft_us: Some(200_000 + u64::from(n) * 7_919 % 400_000),
            duration_us: Some(900_000 + u64::from(n) * 104_729 % 2_000_000),
            input_tokens: Some(550),
            output_tokens: Some(50 + n % 400),
            status_code: Some(200),
            attempt: 1,
            is_final: true,
        },
        request_id: Some(format!("request-{n}").parse().unwrap()),
        tier: None,
        operation: Some("summarize".parse().unwrap()),
        received_at: completed_at.plus_micros(40_000),
        appended_at: completed_at.plus_micros(50_000),
        weight: NonZeroU32::MIN,
    }
}

/// The rows that come next.
fn rows(next: &mut u32) -> Rows {
    let from = *next;
    *next += AT_ONCE;
    Rows {
        attempts: (from..*next).map(attempt).collect(),
        ..Rows::default()
    }
}

fn measure(c: &mut Criterion, name: &str, runtime: &Runtime, store: &dyn Store, next: &mut u32) {
    let mut group = c.benchmark_group("attempts");
    group.throughput(Throughput::Elements(AT_ONCE.into()));
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(5));
    group.bench_function(name, |bencher| {
        bencher.iter_batched(
            || rows(next),
            |rows| runtime.block_on(store.write(rows)).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn sqlite(c: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions::default();
    let store = SqliteStore::open(directory.path(), options).unwrap();
    let (runtime, mut next) = (runtime(), 0);
    while u64::from(next) < options.attempts_rows_max {
        runtime.block_on(store.write(rows(&mut next))).unwrap();
    }
    measure(c, "sqlite", &runtime, &store, &mut next);
    assert!(store.stats().evicted_rows > 0);
}

#[cfg(not(feature = "clickhouse"))]
fn clickhouse(_: &mut Criterion) {}

#[cfg(feature = "clickhouse")]
fn clickhouse(c: &mut Criterion) {
    use sextant_store::clickhouse::{ClickHouseConfig, ClickHouseStore, migrate};
    use sextant_store::{Limits, Retention};

    let config = ClickHouseConfig {
        url: sextant_testbed::run::clickhouse(),
        database: format!("sextant_bench_{}", std::process::id()),
        user: "default".to_owned(),
        password_file: None,
        cluster: None,
        read_timeout_ms: 15_000,
        write_timeout_ms: 30_000,
        migrate_timeout_ms: 60_000,
        read_rows_max: 200_000_000,
        batch_rows_max: 100_000,
        batch_wait_ms: 1,
    };
    let (runtime, kept) = (runtime(), Retention::default());
    runtime.block_on(migrate(&config, kept)).unwrap();
    let _entered = runtime.enter();
    let store = ClickHouseStore::new(config, kept, Limits::default()).unwrap();
    measure(c, "clickhouse", &runtime, &store, &mut 0);
}

criterion_group!(benches, sqlite, clickhouse);
criterion_main!(benches);
