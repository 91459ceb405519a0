//! Writing a minute of many series, and reading what a page and a restart read.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sextant_measure::counts::{Counts, count_code};
use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Minute;
use sextant_store::sqlite::{SqliteOptions, SqliteStore};
use sextant_store::{
    HistoryQuery, MinuteQuery, MinuteRange, MinuteRow, Revision, Rows, Store, no_sums,
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

const START: u32 = 29_000_000;
const ENDPOINTS_PER_MODEL: u32 = 10;
/// Observations of a series in a minute: one a second.
const PER_MINUTE: u64 = 60;

fn endpoint(index: u32) -> EndpointId {
    let (model, provider) = (index / ENDPOINTS_PER_MODEL, index % ENDPOINTS_PER_MODEL);
    EndpointId {
        model: ModelId::new(&format!("author/model-{model}")).unwrap(),
        provider: ProviderId::new(&format!("provider-{provider}")).unwrap(),
        quantization: Quantization::Fp8,
    }
}

fn row(series: u32, minute: u32) -> MinuteRow {
    let mut sums = no_sums();
    let mut counts = Counts::default();
    counts.add_code(count_code(Source::Live, Outcome::Ok), 59);
    counts.add_code(count_code(Source::Live, Outcome::Timeout), 1);
    sums.counts = counts;
    for n in 0..PER_MINUTE {
        // Spread over about two octaves, as latencies are.
        let spread =
            (u64::from(series) * 7_919 + u64::from(minute) * 104_729 + n * 15_485_863) % 997;
        sums.bins[0].record(200_000 + spread * 800);
        sums.bins[1].record(2_000_000 + spread * 9_000);
        sums.bins[2].record(50_000 + spread * 200);
    }
    MinuteRow {
        series: SeriesId {
            endpoint: endpoint(series),
            region: Region::default(),
        },
        minute: Minute::from_index(minute),
        revision: Revision { epoch: 1, n: 1 },
        sums,
    }
}

fn minute(series: u32, minute: u32) -> Rows {
    Rows {
        minutes: (0..series).map(|series| row(series, minute)).collect(),
        ..Rows::default()
    }
}

fn open() -> (TempDir, SqliteStore, Runtime) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path(), SqliteOptions::default()).unwrap();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    (directory, store, runtime)
}

fn write(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("write_minute");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    for series in [100, 1_000, 10_000] {
        let (_directory, store, runtime) = open();
        let mut at = START;
        group.throughput(Throughput::Elements(series.into()));
        group.bench_function(BenchmarkId::from_parameter(series), |bencher| {
            let next = || {
                at += 1;
                minute(series, at)
            };
            let write = |rows| runtime.block_on(store.write(rows)).unwrap();
            bencher.iter_batched(next, write, BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let (_directory, store, runtime) = open();
    for at in START..START + 30 {
        runtime.block_on(store.write(minute(1_000, at))).unwrap();
    }
    let range = MinuteRange::new(Minute::from_index(START), Minute::from_index(START + 30));
    let query = HistoryQuery {
        minutes: MinuteQuery {
            model: endpoint(0).model,
            endpoint: None,
            region: None,
            range,
        },
        step_minutes: NonZeroU32::new(5).unwrap(),
    };
    criterion.bench_function("history/30_minutes_of_10_endpoints", |bencher| {
        bencher.iter(|| black_box(runtime.block_on(store.history(&query)).unwrap()));
    });
    let endpoints: Vec<_> = (0..1_000).map(endpoint).collect();
    criterion.bench_function("uptime/30_minutes_of_1000_endpoints", |bencher| {
        bencher.iter(|| black_box(runtime.block_on(store.uptime(&endpoints, range)).unwrap()));
    });
}

criterion_group!(benches, write, read);
criterion_main!(benches);
