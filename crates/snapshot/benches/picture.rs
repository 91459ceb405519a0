//! What a picture costs at 1,000, 10,000 and 100,000 rows: applying a record, telling what changed
//! when 1 % did, and making a snapshot.
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sextant_measure::figures::Figures;
use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region};
use sextant_measure::quantization::Quantization;
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;
use sextant_snapshot::change::Change;
use sextant_snapshot::mirror::Mirror;
use sextant_snapshot::picture::{Limits, Picture};
use sextant_snapshot::record::{Entry, LogRecord};
use sextant_snapshot::row::{AgentsSeen, EndpointRow, RegionFigures};
use sextant_snapshot::snapshot::ModelFilter;

const SIZES: [u32; 3] = [1_000, 10_000, 100_000];
const PARTITIONS: u32 = 16;
const PROVIDERS: u32 = 50;
const CATALOG: u64 = 1;
const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn row(index: u32) -> EndpointRow {
    let id = EndpointId {
        model: ModelId::new(&format!("author/model-{}", index / PROVIDERS)).unwrap(),
        provider: ProviderId::new(&format!("provider-{}", index % PROVIDERS)).unwrap(),
        quantization: Quantization::Fp8,
    };
    let figures = Figures {
        status: Status::Healthy,
        ..Figures::default()
    };
    let region = Region::default();
    let regions = vec![RegionFigures { region, figures }];
    EndpointRow::new(id, NOW, AgentsSeen::default(), regions, None).unwrap()
}

/// A log that never ends, round and round through all endpoints.
struct Feed {
    rows: u32,
    next: u32,
    offsets: [u64; PARTITIONS as usize],
}

impl Feed {
    fn new(rows: u32) -> Self {
        Self {
            rows,
            next: 0,
            offsets: [1; PARTITIONS as usize],
        }
    }

    fn take(&mut self, count: u32) -> Vec<LogRecord> {
        (0..count).map(|_| self.record()).collect()
    }

    fn record(&mut self) -> LogRecord {
        // A stride that is prime to every size, so that neighbours in the log aren't neighbours
        // by name.
        self.next = (self.next + 7_919) % self.rows;
        let partition = self.next % PARTITIONS;
        let offset = self
            .offsets
            .get_mut(usize::try_from(partition).unwrap())
            .unwrap();
        *offset += 1;
        LogRecord {
            partition,
            offset: *offset,
            appended_at: NOW,
            epoch: 0,
            log_id: 1,
            entry: Entry::Endpoint(row(self.next)),
        }
    }
}

fn filled(rows: u32) -> (Picture, Feed) {
    let mut picture = Picture::new(PARTITIONS, Limits::default()).unwrap();
    let mut feed = Feed::new(rows);
    for record in feed.take(rows) {
        picture.apply(record);
    }
    (picture, feed)
}

fn apply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply 1,000 records");
    group.throughput(Throughput::Elements(1_000));
    for rows in SIZES {
        let (mut picture, mut feed) = filled(rows);
        group.bench_function(format!("{rows} rows"), |bencher| {
            bencher.iter_batched(
                || feed.take(1_000),
                |records| {
                    for record in records {
                        black_box(picture.apply(record));
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn since(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("since, 1 % changed");
    for rows in SIZES {
        let (mut picture, mut feed) = filled(rows);
        let version = picture.version(CATALOG);
        for record in feed.take(rows / 100) {
            picture.apply(record);
        }
        group.throughput(Throughput::Elements(u64::from(rows / 100)));
        group.bench_function(format!("{rows} rows"), |bencher| {
            let all = ModelFilter::default();
            bencher.iter(|| picture.since(black_box(Some(&version)), &all, CATALOG, NOW));
        });
    }
    group.finish();
}

fn snapshot(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snapshot");
    for rows in SIZES {
        let (picture, _) = filled(rows);
        group.throughput(Throughput::Elements(u64::from(rows)));
        group.bench_function(format!("{rows} rows"), |bencher| {
            bencher.iter(|| picture.snapshot(CATALOG, NOW));
        });
    }
    group.finish();
}

fn mirror(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mirror, delta of 1 %");
    for rows in SIZES {
        let (mut picture, mut feed) = filled(rows);
        let mut mirror = Mirror::default();
        mirror.apply_full(picture.snapshot(CATALOG, NOW));
        group.throughput(Throughput::Elements(u64::from(rows / 100)));
        group.bench_function(format!("{rows} rows"), |bencher| {
            bencher.iter_batched(
                || {
                    let version = picture.version(CATALOG);
                    for record in feed.take(rows / 100) {
                        picture.apply(record);
                    }
                    picture.since(Some(&version), &ModelFilter::default(), CATALOG, NOW)
                },
                |change| match change {
                    Change::Delta(delta) => mirror.apply_delta(delta).unwrap(),
                    Change::Full(_) => unreachable!("nothing is too old at once"),
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, apply, since, snapshot, mirror);
criterion_main!(benches);
