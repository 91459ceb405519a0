//! What runs of one metric over the window: its sketch and its extremes.

use crate::bins::{Tail, nearest_rank};
use crate::figures::{Percentile, Percentiles, minimum};
use crate::scale::Metric;
use crate::sketch::Sketch;
use crate::step::{Extremes, StepRecord};

#[derive(Debug, Clone)]
pub(crate) struct RunningMetric {
    metric: Metric,
    sketch: Sketch,
    extremes: Extremes,
}

impl RunningMetric {
    pub(crate) const fn new(metric: Metric) -> Self {
        Self {
            metric,
            sketch: Sketch::new(metric),
            extremes: Extremes::NONE,
        }
    }

    /// Adds a clamped value.
    pub(crate) fn add(&mut self, value: u64) {
        self.sketch.add(self.metric.bin(value), 1);
        self.extremes.widen(value);
    }

    /// Takes the leaving steps away; `staying` are all that are left.
    pub(crate) fn subtract<'a>(
        &mut self,
        leaving: impl Iterator<Item = &'a StepRecord> + Clone,
        staying: impl Iterator<Item = &'a StepRecord> + Clone,
    ) {
        let metric = self.metric;
        let bins = leaving.clone().flat_map(|record| record.bins(metric));
        if self.sketch.subtract(bins).is_err() {
            self.sketch.clear();
            for (bin, n) in staying.clone().flat_map(|record| record.bins(metric)) {
                self.sketch.add(bin, n);
            }
        }
        // Most steps hold neither end, so that all steps are looked at only now and then.
        let mut gone = leaving.map(|record| record.extremes(metric));
        if gone.any(|gone| self.extremes.rests_on(gone)) {
            self.extremes = Extremes::NONE;
            staying.for_each(|record| self.extremes.merge(record.extremes(metric)));
        }
    }

    /// All percentiles, read in one pass over the bins.
    pub(crate) fn percentiles(&self) -> Percentiles {
        let n = self.sketch.n();
        let from = |min: u64, value: Option<u64>| value.filter(|_| n >= min);
        // Throughput's pXX is its quantile 1 - XX/100, so that the order of ranks is the reverse.
        let [p50, p75, p90, p95, p99, q95] = match self.metric {
            _ if n < minimum::P50 => [None; 6],
            Metric::Ttft | Metric::Duration => {
                let [p50, p75, p90, p95, p99] = self.at_most([50, 75, 90, 95, 99]);
                [p50, p75, p90, p95, p99, None]
            }
            Metric::Throughput => {
                let [p99, p95, p90, p75, p50, q95] = self.at_most([1, 5, 10, 25, 50, 95]);
                [p50, p75, p90, p95, p99, q95]
            }
        };
        Percentiles {
            n,
            values: [
                from(Percentile::P50.min(), p50),
                from(Percentile::P75.min(), p75),
                from(Percentile::P90.min(), p90),
                from(Percentile::P95.min(), p95),
                from(Percentile::P99.min(), p99),
            ],
            q95: from(minimum::P95, q95),
            p99_from_100: from(minimum::P95, p99),
        }
    }

    /// The values that so many percent, ascending, stayed at or below.
    fn at_most<const N: usize>(&self, percents: [u32; N]) -> [Option<u64>; N] {
        let n = self.sketch.n();
        let values = self
            .sketch
            .at_ranks(percents.map(|percent| nearest_rank(n, percent, Tail::AtMost)));
        let extremes = self.extremes.get();
        values.map(|value| extremes.map(|(min, max)| Some(value?.clamp(min, max)))?)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.sketch.heap_bytes()
    }
}
