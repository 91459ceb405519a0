//! What an owner's core has to do, at 1,000, 10,000 and 100,000 series of one partition.
//!
//! `intake`: records of 1,000 observations from the log's bytes into the windows: decoded, judged,
//! filed. Times are per observation.
//!
//! `tick`: from the windows to the records of the windows log, in a log that takes everything.
//! Times are per series held, whether or not it changed.
//! - `second`: all series changed since the last second, `second_1_percent` a hundredth of them.
//! - `step`: the same second opens a step too, so that every window moves on.
//! - `minute`: it ends a minute too, whose windows are put aside for the store.
//!
//! Each with one region for each endpoint, and with two, whose merge is then kept beside them: two
//! series that make one row.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark stops at the first surprise"
)]

mod traffic;
mod unkept;

use std::sync::Arc;
use std::time::Duration;

use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use sextant_aggregator::AggregatorConfig;
use sextant_aggregator::bench::Owned;
use sextant_catalog::Catalog;
use sextant_measure::time::Timestamp;
use sextant_measure::window::STEPS_30M;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use self::traffic::Traffic;
use self::unkept::Unkept;

/// 2026-11-22 14:00:00 UTC: a minute begins.
const START: Timestamp = Timestamp::from_micros(1_795_356_000_000_000);
const SECOND_US: i64 = 1_000_000;
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const LAYOUTS: [(usize, &str); 2] = [(1, "one_region"), (2, "two_regions")];
const PER_RECORD: usize = 1_000;
/// Observations of each series before anything is measured, one in each step of a window: what a
/// second costs grows with the steps that saw something.
const STEPS_FILLED: u32 = STEPS_30M;

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = owner
}
criterion_main!(benches);

fn owner(criterion: &mut Criterion) {
    for (regions, layout) in LAYOUTS {
        for series in SIZES {
            // Filled only if it is measured at all, and once: that takes longer than measuring.
            let mut bench = LazyBench {
                series,
                regions,
                filled: None,
            };
            // First, as an owner that is not whole yet: it puts no windows aside for the store.
            intake(criterion, &mut bench, layout);
            tick(criterion, &mut bench, layout);
        }
    }
}

fn intake(criterion: &mut Criterion, bench: &mut LazyBench, layout: &str) {
    let mut group = criterion.benchmark_group("intake");
    group.throughput(Throughput::Elements(PER_RECORD as u64));
    group.bench_function(BenchmarkId::new(layout, bench.series), |bencher| {
        let Bench { traffic, owned, .. } = bench.get();
        bencher.iter_batched(
            || traffic.skewed_record(),
            |(offset, at, bytes)| owned.ingest(offset, at, &bytes).unwrap(),
            BatchSize::SmallInput,
        );
        let (received, filed) = owned.tally();
        assert_eq!(received, filed, "all of it is to be filed");
    });
    group.finish();
}

fn tick(criterion: &mut Criterion, bench: &mut LazyBench, layout: &str) {
    let mut group = criterion.benchmark_group("tick");
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(bench.series as u64));
    for (moment, name) in [
        (Moment::Second { one_in: 1 }, "second"),
        (Moment::Second { one_in: 100 }, "second_1_percent"),
        (Moment::Step, "step"),
        (Moment::Minute, "minute"),
    ] {
        let id = BenchmarkId::new(format!("{name}/{layout}"), bench.series);
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|ticks| bench.get().time(moment, ticks));
        });
    }
    group.finish();
}

/// What a tick coincides with.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// A second within a step; one endpoint in so many changed.
    Second {
        one_in: usize,
    },
    Step,
    Minute,
}

struct LazyBench {
    series: usize,
    regions: usize,
    filled: Option<Bench>,
}

impl LazyBench {
    fn get(&mut self) -> &mut Bench {
        self.filled
            .get_or_insert_with(|| Bench::new(self.series, self.regions))
    }
}

/// A partition, and what comes for it.
struct Bench {
    runtime: Runtime,
    owned: Owned,
    traffic: Traffic,
}

impl Bench {
    /// A partition with so many series whose windows are full of steps.
    fn new(series: usize, regions: usize) -> Self {
        let config = AggregatorConfig {
            // One agent brings all of them, and it may bring half.
            unknown_series_max: 2 * series,
            ..AggregatorConfig::default()
        };
        let catalog = Arc::new(Catalog::shipped().unwrap());
        let runtime = Builder::new_current_thread().build().unwrap();
        let claim = Owned::claim(Arc::new(Unkept::default()), catalog, config);
        let owned = runtime.block_on(claim).unwrap();
        let traffic = Traffic::new(series, regions);
        let mut bench = Self {
            runtime,
            owned,
            traffic,
        };
        for _ in 0..STEPS_FILLED {
            bench.observe(1);
            bench.traffic.now = bench.traffic.now.step().plus(1).start();
        }
        bench
    }

    /// How long so many ticks take, without what is read between them.
    fn time(&mut self, moment: Moment, ticks: u64) -> Duration {
        // All rows are published as a step begins, so that within it none is due by its age.
        self.open_step();
        let mut took = Duration::ZERO;
        for _ in 0..ticks {
            let now = self.traffic.now;
            let (at, one_in) = match moment {
                Moment::Second { one_in } => (now.plus_micros(SECOND_US), one_in),
                Moment::Step => (now.step().plus(1).start(), 1),
                Moment::Minute => (now.minute().plus(1).start(), 1),
            };
            // Steps on the way see something too, so that the windows stay full.
            while self.traffic.now.step().plus(1).start() < at {
                self.traffic.now = self.traffic.now.step().plus(1).start();
                self.observe(1);
            }
            self.traffic.now = at.plus_micros(-SECOND_US / 2);
            self.observe(one_in);
            self.traffic.now = at;
            took += self.tick(one_in);
            if matches!(moment, Moment::Second { .. })
                && at.plus_micros(SECOND_US).step() > at.step()
            {
                self.open_step();
            }
        }
        took
    }

    fn open_step(&mut self) {
        self.observe(1);
        self.traffic.now = self.traffic.now.step().plus(1).start();
        self.tick(1);
    }

    fn tick(&mut self, one_in: usize) -> Duration {
        let begun = Instant::now();
        let published = self.runtime.block_on(self.owned.tick(self.traffic.now));
        let took = begun.elapsed();
        let changed = self.traffic.endpoints().div_ceil(one_in);
        assert_eq!(published.unwrap(), Some(changed), "a row each");
        drop(self.owned.take_rows(self.traffic.now));
        took
    }

    /// One observation of each series of one endpoint in so many.
    fn observe(&mut self, one_in: usize) {
        for indices in self.traffic.of_endpoints(one_in).chunks(PER_RECORD) {
            let (offset, at, bytes) = self.traffic.record(indices);
            self.owned.ingest(offset, at, &bytes).unwrap();
        }
    }
}
