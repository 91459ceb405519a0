//! How long things took.

/// Width of a bin.
const BIN_US: u64 = 100;
/// What took longer counts as an hour.
const BINS_MAX: usize = 36_000_000;

/// How long things took, to a tenth of a millisecond.
#[derive(Debug, Default)]
pub struct Spread {
    bins: Vec<u64>,
    n: u64,
    max_us: u64,
}

impl Spread {
    pub fn add(&mut self, took_us: u64, times: u64) {
        if times == 0 {
            return;
        }
        let bin = usize::try_from(took_us / BIN_US).unwrap_or(BINS_MAX);
        let bin = bin.min(BINS_MAX);
        if self.bins.len() <= bin {
            self.bins.resize(bin + 1, 0);
        }
        self.bins[bin] += times;
        self.n += times;
        self.max_us = self.max_us.max(took_us);
    }

    /// The value of rank ceil(q n), in milliseconds, at the upper edge of its bin.
    pub fn quantile_ms(&self, q: f64) -> Option<f64> {
        let rank = (q * self.n as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        let bin = self.bins.iter().position(|n| {
            below += n;
            below >= rank
        })?;
        let upper_us = (bin as u64 + 1) * BIN_US;
        Some(upper_us.min(self.max_us) as f64 / 1_000.0)
    }

    pub fn max_ms(&self) -> Option<f64> {
        (self.n > 0).then(|| self.max_us as f64 / 1_000.0)
    }
}

/// The median and the ends of a few values.
pub fn median_and_ends(values: &[f64]) -> Option<[f64; 3]> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some([*median, *sorted.first()?, *sorted.last()?])
}
