//! The running histogram of a window: dense, mergeable, and exact to take away from.
//!
//! The one place that names the `hdrhistogram` crate.

use hdrhistogram::Histogram;

use crate::bins::{Tail, nearest_rank};
use crate::ratio::as_f64;
use crate::scale::{Bin, Metric};

/// Significant decimal digits; [`crate::scale`] rests on this.
const SIGNIFICANT_DIGITS: u8 = 2;

/// A histogram of one metric that grows with the values it has seen and is freed when empty.
#[derive(Debug, Clone)]
pub struct Sketch {
    metric: Metric,
    dense: Option<Box<Histogram<u32>>>,
}

/// More was taken away than had been added; the sketch must be built anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more was subtracted from a sketch than it held")]
pub struct Inconsistent;

impl Sketch {
    /// An empty sketch.
    pub const fn new(metric: Metric) -> Self {
        Self {
            metric,
            dense: None,
        }
    }

    /// How many values it holds.
    pub fn n(&self) -> u64 {
        self.dense.as_ref().map_or(0, |dense| dense.len())
    }

    /// Adds `n` values of a bin.
    pub fn add(&mut self, bin: Bin, n: u32) {
        let metric = self.metric;
        let dense = self
            .dense
            .get_or_insert_with(|| Box::new(histogram(metric)));
        // It grows to hold any bin of its scale, so that only an address space too small for a few
        // kilobytes could refuse; the highest bin then stands in.
        if dense.record_n(metric.lower(bin), n).is_err() {
            dense.saturating_record_n(metric.lower(bin), n);
        }
    }

    /// Takes away values that were added before.
    ///
    /// # Errors
    /// [`Inconsistent`] if they were not; the sketch is then empty.
    pub fn subtract(
        &mut self,
        cells: impl Iterator<Item = (Bin, u32)>,
    ) -> Result<(), Inconsistent> {
        let mut cells = cells.peekable();
        if cells.peek().is_none() {
            return Ok(());
        }
        let mut dense = self.dense.take().ok_or(Inconsistent)?;
        let mut leaving = Histogram::<u32>::new_from(&*dense);
        for (bin, n) in cells {
            leaving
                .record_n(self.metric.lower(bin), n)
                .map_err(|_| Inconsistent)?;
        }
        dense.subtract(&leaving).map_err(|_| Inconsistent)?;
        self.dense = Some(dense).filter(|dense| !dense.is_empty());
        Ok(())
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.dense = None;
    }

    /// The upper edge of the bin that holds a percentile's nearest rank. `None` without values.
    pub fn percentile(&self, percent: u32, tail: Tail) -> Option<u64> {
        let [value] = self.at_ranks([nearest_rank(self.n(), percent, tail)]);
        value
    }

    /// The upper edges of the bins that hold these ascending ranks, from 1, in one pass over the
    /// bins. `None` without values.
    pub(crate) fn at_ranks<const N: usize>(&self, ranks: [u64; N]) -> [Option<u64>; N] {
        let Some(dense) = &self.dense else {
            return [None; N];
        };
        let (metric, n) = (self.metric, as_f64(dense.len()));
        // Half a rank below the wanted one, so that rounding up gives it whatever the division lost.
        let quantiles = ranks.map(|rank| (as_f64(rank) - 0.5) / n);
        let mut values = dense.value_at_quantiles(quantiles);
        quantiles.map(|_| Some(metric.upper(metric.bin(values.next()?))))
    }

    /// Bytes allocated.
    pub fn heap_bytes(&self) -> usize {
        self.dense.as_ref().map_or(0, |dense| {
            size_of::<Histogram<u32>>() + dense.distinct_values() * size_of::<u32>()
        })
    }
}

#[expect(clippy::expect_used, reason = "constant bounds that a test has tried")]
fn histogram(metric: Metric) -> Histogram<u32> {
    let mut histogram =
        Histogram::new_with_bounds(metric.unit(), 2 * metric.unit(), SIGNIFICANT_DIGITS)
            .expect("the bounds of a metric's scale are valid");
    histogram.auto(true);
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bins::Bins;
    use proptest::prelude::*;

    #[test]
    fn taking_away_what_was_never_there_is_noticed() {
        let mut sketch = Sketch::new(Metric::Ttft);
        assert_eq!(sketch.subtract([(1, 1)].into_iter()), Err(Inconsistent));
        sketch.add(1, 1);
        assert_eq!(sketch.subtract([(1, 2)].into_iter()), Err(Inconsistent));
        assert_eq!(sketch.n(), 0);
        sketch.add(1, 1);
        assert_eq!(sketch.subtract([(2_000, 1)].into_iter()), Err(Inconsistent));
    }

    #[test]
    fn an_emptied_sketch_holds_no_memory() {
        let mut sketch = Sketch::new(Metric::Throughput);
        sketch.add(2_000, 3);
        assert!(sketch.heap_bytes() > 0);
        assert_eq!(sketch.subtract([(2_000, 3)].into_iter()), Ok(()));
        assert_eq!(
            (sketch.heap_bytes(), sketch.percentile(50, Tail::AtMost)),
            (0, None)
        );
    }

    proptest! {
        #[test]
        fn what_is_left_after_subtracting_is_what_was_not_subtracted(
            kept in prop::collection::vec(0_u64..4_000_000_000, 0..60),
            gone in prop::collection::vec(0_u64..4_000_000_000, 0..60),
            percent in 1_u32..100,
        ) {
            for metric in Metric::ALL {
                let mut sketch = Sketch::new(metric);
                let mut bins = Bins::empty(metric);
                for value in kept.iter().chain(&gone) {
                    sketch.add(metric.bin(*value), 1);
                }
                prop_assert_eq!(sketch.subtract(gone.iter().map(|v| (metric.bin(*v), 1))), Ok(()));
                kept.iter().for_each(|value| bins.record(*value));
                prop_assert_eq!(sketch.n(), bins.n());
                for tail in [Tail::AtMost, Tail::AtLeast] {
                    let clamped = sketch.percentile(percent, tail).zip(bins.extremes())
                        .map(|(value, (min, max))| value.clamp(min, max));
                    prop_assert_eq!(clamped, bins.percentile(percent, tail));
                }
            }
        }
    }
}
