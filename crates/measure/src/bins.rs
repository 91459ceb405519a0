//! Sparse histograms: what is stored of a minute, and merged exactly over any range.

use crate::scale::{Bin, Metric};

/// Which end of the sorted values a percentile counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// "95 % were at most this": latency and duration.
    AtMost,
    /// "95 % were at least this": throughput.
    AtLeast,
}

/// Nearest rank, from 1, of a percentile of `n` values: ceil(q n) with q = percent / 100 for
/// [`Tail::AtMost`] and 1 - percent / 100 for [`Tail::AtLeast`].
pub fn nearest_rank(n: u64, percent: u32, tail: Tail) -> u64 {
    let percent = percent.min(100);
    let q = u128::from(if tail == Tail::AtMost {
        percent
    } else {
        100 - percent
    });
    u64::try_from((u128::from(n) * q).div_ceil(100))
        .unwrap_or(u64::MAX)
        .max(1)
}

/// Counts per bin of one metric with the exact extremes, in ascending order of bins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bins {
    metric: Metric,
    cells: Vec<(Bin, u64)>,
    extremes: Option<(u64, u64)>,
}

/// Stored bins that are not what [`Bins::from_parts`] demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bins must ascend, stay on their scale, count at least 1, and lie within min and max")]
pub struct InvalidBins;

impl Bins {
    /// No values.
    pub const fn empty(metric: Metric) -> Self {
        Self {
            metric,
            cells: Vec::new(),
            extremes: None,
        }
    }

    /// From what was stored: ascending cells, and the least and greatest value.
    pub fn from_parts(
        metric: Metric,
        cells: Vec<(Bin, u64)>,
        extremes: Option<(u64, u64)>,
    ) -> Result<Self, InvalidBins> {
        let ascending = cells.is_sorted_by(|(a, _), (b, _)| a < b);
        let counted = cells.iter().all(|(_, n)| *n > 0);
        let ends = cells
            .first()
            .zip(cells.last())
            .map(|(first, last)| (first.0, last.0));
        let fitting = ends == extremes.map(|(min, max)| (metric.bin(min), metric.bin(max)));
        if ascending && counted && fitting {
            Ok(Self {
                metric,
                cells,
                extremes,
            })
        } else {
            Err(InvalidBins)
        }
    }

    /// The metric whose scale the bins are on.
    pub const fn metric(&self) -> Metric {
        self.metric
    }

    /// (bin, count) in ascending order.
    pub fn cells(&self) -> &[(Bin, u64)] {
        &self.cells
    }

    /// The least and the greatest value.
    pub const fn extremes(&self) -> Option<(u64, u64)> {
        self.extremes
    }

    /// How many values.
    pub fn n(&self) -> u64 {
        self.cells.iter().map(|(_, n)| n).sum()
    }

    /// Adds one value.
    pub fn record(&mut self, value: u64) {
        let value = self.metric.clamp(value);
        self.add(self.metric.bin(value), 1);
        self.widen(value, value);
    }

    /// Adds all of the other's. Bins of another metric are not merged.
    pub fn merge(&mut self, other: &Self) {
        if other.metric != self.metric {
            return;
        }
        let mut merged = Vec::with_capacity(self.cells.len().max(other.cells.len()));
        let (mut left, mut right) = (self.cells.iter().peekable(), other.cells.iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let (a, b) = (**a, **b);
            merged.push(match a.0.cmp(&b.0) {
                std::cmp::Ordering::Less => a,
                std::cmp::Ordering::Greater => b,
                std::cmp::Ordering::Equal => (a.0, a.1.saturating_add(b.1)),
            });
            if a.0 <= b.0 {
                left.next();
            }
            if b.0 <= a.0 {
                right.next();
            }
        }
        merged.extend(left.chain(right));
        self.cells = merged;
        if let Some((min, max)) = other.extremes {
            self.widen(min, max);
        }
    }

    /// The value at a percentile by nearest rank: the upper edge of the bin that holds the rank,
    /// clamped to the extremes. `None` without values.
    pub fn percentile(&self, percent: u32, tail: Tail) -> Option<u64> {
        let (min, max) = self.extremes?;
        let mut left = nearest_rank(self.n(), percent, tail);
        for (bin, n) in &self.cells {
            if left <= *n {
                return Some(self.metric.upper(*bin).clamp(min, max));
            }
            left -= n;
        }
        Some(max)
    }

    pub(crate) fn add(&mut self, bin: Bin, n: u64) {
        match self.cells.binary_search_by_key(&bin, |(bin, _)| *bin) {
            Ok(at) => {
                if let Some((_, count)) = self.cells.get_mut(at) {
                    *count = count.saturating_add(n);
                }
            }
            Err(at) => self.cells.insert(at, (bin, n)),
        }
    }

    pub(crate) fn widen(&mut self, min: u64, max: u64) {
        let (old_min, old_max) = self.extremes.unwrap_or((min, max));
        self.extremes = Some((old_min.min(min), old_max.max(max)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranks_are_nearest_ranks() {
        assert_eq!(nearest_rank(149, 50, Tail::AtMost), 75);
        assert_eq!(nearest_rank(149, 95, Tail::AtMost), 142);
        assert_eq!(nearest_rank(149, 95, Tail::AtLeast), 8);
        assert_eq!(nearest_rank(20, 95, Tail::AtLeast), 1);
        assert_eq!(nearest_rank(1, 99, Tail::AtLeast), 1);
        assert_eq!(nearest_rank(7, 100, Tail::AtLeast), 1);
    }

    #[test]
    fn stored_bins_are_checked() {
        let parts = |cells: &[(Bin, u64)], extremes| {
            Bins::from_parts(Metric::Ttft, cells.to_vec(), extremes)
        };
        assert!(parts(&[], None).is_ok());
        assert!(parts(&[(0, 1), (2, 3)], Some((5, 130))).is_ok());
        assert_eq!(parts(&[(2, 1), (0, 3)], Some((5, 130))), Err(InvalidBins));
        assert_eq!(parts(&[(0, 0)], Some((5, 5))), Err(InvalidBins));
        assert_eq!(parts(&[(0, 1)], None), Err(InvalidBins));
        assert_eq!(parts(&[(0, 1)], Some((5, 64))), Err(InvalidBins));
        assert_eq!(
            parts(&[(u16::MAX, 1)], Some((u64::MAX, u64::MAX))),
            Err(InvalidBins)
        );
    }

    proptest! {
        #[test]
        fn merging_equals_recording_everything(
            a in prop::collection::vec(0_u64..4_000_000_000, 0..50),
            b in prop::collection::vec(0_u64..4_000_000_000, 0..50),
        ) {
            let of = |values: &[u64]| {
                let mut bins = Bins::empty(Metric::Duration);
                values.iter().for_each(|value| bins.record(*value));
                bins
            };
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(&merged, &of(&[a, b].concat()));
            let restored =
                Bins::from_parts(merged.metric(), merged.cells().to_vec(), merged.extremes());
            prop_assert_eq!(restored, Ok(merged));
        }

        #[test]
        fn percentiles_are_the_upper_edges_of_the_exact_values(
            mut values in prop::collection::vec(0_u64..4_000_000_000, 1..300),
            percent in 1_u32..100,
        ) {
            let mut bins = Bins::empty(Metric::Ttft);
            values.iter().for_each(|value| bins.record(*value));
            values.iter_mut().for_each(|value| *value = Metric::Ttft.clamp(*value));
            values.sort_unstable();
            for tail in [Tail::AtMost, Tail::AtLeast] {
                let rank = nearest_rank(values.len() as u64, percent, tail);
                let exact = values[usize::try_from(rank).unwrap() - 1];
                let upper = Metric::Ttft.upper(Metric::Ttft.bin(exact));
                prop_assert_eq!(bins.percentile(percent, tail), Some(upper.min(values[values.len() - 1])));
            }
        }
    }
}
