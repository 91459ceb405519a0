//! What an edition costs: making it of the picture, and each form that it is encoded in.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sextant_measure::figures::Figures;
use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region};
use sextant_measure::observation::Measurement;
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_measure::window::SlidingWindow;
use sextant_snapshot::change::{Change, Delta};
use sextant_snapshot::picture::{Limits, Picture};
use sextant_snapshot::record::{Entry, LogRecord};
use sextant_snapshot::row::{AgentsSeen, EndpointRow, RegionFigures};
use sextant_snapshot::snapshot::ModelFilter;
use sextant_snapshot::version::Version;
use sextant_wire::snapshot::{encode, json};

const NOW: Timestamp = Timestamp::from_micros(1_795_357_798_000_000);
const CATALOG: u64 = 1;
const SIZES: [u64; 3] = [1_000, 10_000, 100_000];

fn editions(c: &mut Criterion) {
    let mut group = c.benchmark_group("edition");
    group.sample_size(10);
    for rows in SIZES {
        let (picture, before) = picture(rows);
        group.throughput(Throughput::Elements(rows));
        group.bench_function(BenchmarkId::new("snapshot", rows), |b| {
            b.iter(|| picture.snapshot(CATALOG, black_box(NOW)));
        });
        let snapshot = picture.snapshot(CATALOG, NOW);
        group.bench_function(BenchmarkId::new("full", rows), |b| {
            b.iter(|| encode::full(black_box(&snapshot), []));
        });
        group.bench_function(BenchmarkId::new("json", rows), |b| {
            b.iter(|| {
                let mut text = Vec::new();
                json::full(&mut text, black_box(&snapshot), []).unwrap();
                text
            });
        });
        group.throughput(Throughput::Elements(rows / 100));
        group.bench_function(BenchmarkId::new("change_of_1_percent", rows), |b| {
            b.iter(|| encode::delta(&change(&picture, black_box(&before)), []));
        });
    }
    group.finish();
}

criterion_group!(benches, editions);
criterion_main!(benches);

/// A picture of so many endpoints, and the version before a hundredth of them changed.
fn picture(rows: u64) -> (Picture, Version) {
    let limits = Limits {
        rows_max: usize::MAX,
        ..Limits::default()
    };
    let mut picture = Picture::new(1, limits).unwrap();
    let owner = "owner".to_owned();
    picture.apply(record(0, Entry::Claim { owner }));
    let seen = figures();
    let row = |n: u64| Entry::Endpoint(row(n, &seen));
    for n in 0..rows {
        picture.apply(record(n + 1, row(n)));
    }
    let before = picture.version(CATALOG);
    for n in 0..rows / 100 {
        picture.apply(record(rows + n + 1, row(n * 100)));
    }
    (picture, before)
}

fn change(picture: &Picture, before: &Version) -> Delta {
    match picture.since(Some(before), &ModelFilter::default(), CATALOG, NOW) {
        Change::Delta(delta) => delta,
        Change::Full(reason) => panic!("{reason:?}"),
    }
}

fn record(offset: u64, entry: Entry) -> LogRecord {
    LogRecord {
        partition: 0,
        offset,
        appended_at: NOW,
        epoch: 0,
        log_id: 7,
        entry,
    }
}

fn row(n: u64, figures: &Figures) -> EndpointRow {
    let id = EndpointId {
        model: ModelId::new(&format!("some-author/some-model-{}", n / 8)).unwrap(),
        provider: ProviderId::new(&format!("provider-{}", n % 8)).unwrap(),
        quantization: Quantization::Fp8,
    };
    let region = Region::new("us-west-2").unwrap();
    let regions = vec![RegionFigures {
        region,
        figures: *figures,
    }];
    EndpointRow::new(id, NOW, AgentsSeen::default(), regions, None).unwrap()
}

fn figures() -> Figures {
    let now = NOW.step();
    let mut window = SlidingWindow::new(now.minus(3));
    for k in 1..=600_u64 {
        window.file(&Measurement {
            completed_at: now.minus(3).start(),
            outcome: Outcome::Ok,
            source: Source::Live,
            streamed: true,
            ttft_us: Some(k * 1_000),
            duration_us: Some(k * 3_000),
            input_tokens: None,
            output_tokens: Some(200),
            status_code: None,
            attempt: 1,
            is_final: true,
        });
    }
    window.advance(now);
    window.figures(NOW)
}
