//! Log-linear scales: which bin a value falls into.
//!
//! The layout is that of an HDR histogram with two significant decimal digits (256 sub-buckets,
//! the lower half of each but the first bucket left out; G. Tene, hdrhistogram.org). Bin numbers
//! are stored and merged, so they never change: a unit of 2^6 us for times and 2^2 mtok/s for
//! throughput keeps every bin within 1 % of its values from 10 ms to 1 h and from 1 to 100,000
//! tokens/s.

/// log2 of half the sub-buckets of a bucket.
const HALF_MAGNITUDE: u32 = 7;
/// Half the sub-buckets of a bucket.
const HALF: u64 = 1 << HALF_MAGNITUDE;

/// A quantity with a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Metric {
    /// Time to first token, in microseconds.
    Ttft = 0,
    /// Dispatched to last token, in microseconds.
    Duration = 1,
    /// Output tokens over duration, in thousandths of a token per second.
    Throughput = 2,
}

/// The number of a bin on a metric's scale.
pub type Bin = u16;

impl Metric {
    /// How many there are.
    pub const COUNT: usize = 3;
    /// All of them, in the order of their codes.
    pub const ALL: [Self; Self::COUNT] = [Self::Ttft, Self::Duration, Self::Throughput];

    /// The stable code used in stored data, and an index.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The highest value kept apart; what is above counts as this. One hour, or 100,000 tokens/s.
    pub const fn high(self) -> u64 {
        match self {
            Self::Ttft | Self::Duration => 3_600_000_000,
            Self::Throughput => 100_000_000,
        }
    }

    /// The width of the narrowest bins.
    pub const fn unit(self) -> u64 {
        1 << self.unit_magnitude()
    }

    /// The value as it is counted.
    pub fn clamp(self, value: u64) -> u64 {
        value.min(self.high())
    }

    /// The bin that holds the value.
    pub fn bin(self, value: u64) -> Bin {
        let value = self.clamp(value);
        let unit = self.unit_magnitude();
        let first_bucket = (2 * HALF - 1) << unit;
        let bucket = (63 - HALF_MAGNITUDE - unit) - (value | first_bucket).leading_zeros();
        let sub_bucket = value >> (bucket + unit);
        let bin = (u64::from(bucket) << HALF_MAGNITUDE) + sub_bucket;
        Bin::try_from(bin).unwrap_or(Bin::MAX)
    }

    /// The least value that falls into the bin.
    pub fn lower(self, bin: Bin) -> u64 {
        let (sub_bucket, shift) = self.place(bin);
        sub_bucket << shift
    }

    /// The greatest value that falls into the bin.
    pub fn upper(self, bin: Bin) -> u64 {
        let (sub_bucket, shift) = self.place(bin);
        ((sub_bucket + 1) << shift) - 1
    }

    /// The highest bin in use.
    pub fn last_bin(self) -> Bin {
        self.bin(self.high())
    }

    const fn unit_magnitude(self) -> u32 {
        match self {
            Self::Ttft | Self::Duration => 6,
            Self::Throughput => 2,
        }
    }

    fn place(self, bin: Bin) -> (u64, u32) {
        let bin = u64::from(bin.min(self.last_bin_index()));
        let bucket = (bin >> HALF_MAGNITUDE).saturating_sub(1);
        let sub_bucket = bin - (bucket << HALF_MAGNITUDE);
        (
            sub_bucket,
            u32::try_from(bucket).unwrap_or(0) + self.unit_magnitude(),
        )
    }

    const fn last_bin_index(self) -> Bin {
        match self {
            Self::Ttft | Self::Duration => 2_518,
            Self::Throughput => 2_366,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    #[test]
    fn the_last_bin_is_that_of_the_highest_value() {
        for metric in Metric::ALL {
            assert_eq!(metric.last_bin(), metric.last_bin_index(), "{metric:?}");
            assert_eq!(metric.bin(u64::MAX), metric.last_bin());
        }
    }

    #[test]
    fn every_bin_holds_its_edges_and_joins_the_next() {
        for metric in Metric::ALL {
            for bin in 0..=metric.last_bin() {
                assert_eq!(metric.bin(metric.lower(bin)), bin);
                assert_eq!(metric.bin(metric.upper(bin).min(metric.high())), bin);
                if bin > 0 {
                    assert_eq!(metric.upper(bin - 1) + 1, metric.lower(bin));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn bins_are_those_of_hdrhistogram(value in 0_u64..3_600_000_000) {
            for metric in Metric::ALL {
                let histogram =
                    Histogram::<u32>::new_with_bounds(metric.unit(), metric.high(), 2).unwrap();
                let value = metric.clamp(value);
                prop_assert_eq!(histogram.lowest_equivalent(value), metric.lower(metric.bin(value)));
                prop_assert_eq!(histogram.highest_equivalent(value), metric.upper(metric.bin(value)));
            }
        }

        #[test]
        fn the_upper_edge_is_within_one_percent(milliseconds in 10_u64..3_600_000, tokens in 1_u64..100_000) {
            for (metric, value) in [(Metric::Ttft, milliseconds * 1_000), (Metric::Throughput, tokens * 1_000)] {
                let upper = metric.upper(metric.bin(value));
                prop_assert!(upper >= value && (upper - value) * 100 <= value);
            }
        }
    }
}
