//! The finished numbers of a series, and when a number is absent.

use std::fmt;

use crate::counts::Counts;
use crate::outcome::{Outcome, Source};
use crate::ratio::Ratio;
use crate::status::Status;
use crate::time::Timestamp;

/// How many qualifying observations a number needs.
pub mod minimum {
    /// For p50.
    pub const P50: u64 = 20;
    /// For p75, p90 and p95.
    pub const P95: u64 = 100;
    /// For p99.
    pub const P99: u64 = 500;
    /// For uptime, success and rate limiting.
    pub const RATIO: u64 = 20;
    /// For a status other than unknown.
    pub const STATUS: u64 = 20;
}

/// Why a number is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Absent {
    /// Fewer observations than the minimum.
    InsufficientData,
    /// No observation at all.
    NoData,
    /// The input has stopped.
    Stale,
    /// The store's part has not been read yet.
    Rebuilding,
    /// Answers came, but none was streamed.
    NotStreaming,
}

impl Absent {
    /// The reason a number over `n` observations is absent, if it needs `min`.
    pub fn below(n: u64, min: u64) -> Option<Self> {
        match n {
            0 => Some(Self::NoData),
            _ if n < min => Some(Self::InsufficientData),
            _ => None,
        }
    }

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InsufficientData => "insufficient_data",
            Self::NoData => "no_data",
            Self::Stale => "stale",
            Self::Rebuilding => "rebuilding",
            Self::NotStreaming => "not_streaming",
        }
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A percentile that is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Percentile {
    /// The median.
    P50 = 0,
    /// Three quarters.
    P75 = 1,
    /// Nine tenths.
    P90 = 2,
    /// 95 %.
    P95 = 3,
    /// 99 %.
    P99 = 4,
}

impl Percentile {
    /// How many there are.
    pub const COUNT: usize = 5;
    /// All of them, ascending.
    pub const ALL: [Self; Self::COUNT] = [Self::P50, Self::P75, Self::P90, Self::P95, Self::P99];

    /// In percent.
    pub const fn percent(self) -> u32 {
        match self {
            Self::P50 => 50,
            Self::P75 => 75,
            Self::P90 => 90,
            Self::P95 => 95,
            Self::P99 => 99,
        }
    }

    /// How many qualifying observations it needs.
    pub const fn min(self) -> u64 {
        match self {
            Self::P50 => minimum::P50,
            Self::P75 | Self::P90 | Self::P95 => minimum::P95,
            Self::P99 => minimum::P99,
        }
    }

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P75 => "p75",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }
}

/// The percentiles of one metric over 30 minutes; those below their minimum are absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Percentiles {
    /// How many observations qualify.
    pub n: u64,
    /// In the order of [`Percentile::ALL`], in the metric's unit.
    pub values: [Option<u64>; Percentile::COUNT],
    /// Throughput only: the value that 95 % of requests stayed at or below.
    pub q95: Option<u64>,
    /// p99 from 100 observations on, for shapes that cannot leave it out. Everyone else takes the
    /// one in `values`.
    pub p99_from_100: Option<u64>,
}

impl Percentiles {
    /// The value at a percentile.
    pub fn get(&self, percentile: Percentile) -> Option<u64> {
        self.values.get(percentile as usize).copied().flatten()
    }

    /// Why a percentile is absent; `None` if it is present.
    pub fn absent(&self, percentile: Percentile) -> Option<Absent> {
        match self.get(percentile) {
            Some(_) => None,
            None => Absent::below(self.n, percentile.min()),
        }
    }
}

/// The ratios of the last minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recent {
    /// Uptime over 1 minute.
    pub uptime_1m: Ratio,
    /// Success over 1 minute.
    pub success_1m: Ratio,
    /// Rate limited over 1 minute.
    pub rate_limited_1m: Ratio,
    /// Uptime over 5 minutes.
    pub uptime_5m: Ratio,
}

/// The finished numbers of one series, or of an endpoint's merge of all regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// First moment of the 30-minute window.
    pub window_start: Timestamp,
    /// The moment these numbers are for.
    pub window_end: Timestamp,
    /// With hysteresis, as of the last step edge.
    pub status: Status,
    /// Over 30 minutes.
    pub counts: Counts,
    /// Observations that arrived in these 30 minutes, too late for their own window.
    pub late: u32,
    /// Over the last minutes.
    pub recent: Recent,
    /// Uptime over 6 hours; `None` while it is being rebuilt.
    pub uptime_6h: Option<Ratio>,
    /// Uptime over one day; `None` while it is being rebuilt.
    pub uptime_1d: Option<Ratio>,
    /// Time to first token, in microseconds.
    pub latency_us: Percentiles,
    /// Duration, in microseconds.
    pub duration_us: Percentiles,
    /// Throughput, in thousandths of a token per second.
    pub throughput_mtps: Percentiles,
}

impl Figures {
    /// Uptime over 30 minutes.
    pub fn uptime_30m(&self) -> Ratio {
        self.counts.uptime()
    }

    /// Success over 30 minutes.
    pub fn success_30m(&self) -> Ratio {
        self.counts.success()
    }

    /// Rate limited over 30 minutes.
    pub fn rate_limited_30m(&self) -> Ratio {
        self.counts.rate_limited()
    }

    /// Why a latency percentile is absent; `None` if it is present.
    pub fn latency_absent(&self, percentile: Percentile) -> Option<Absent> {
        let answered = self.counts.get(Source::Live, Outcome::Ok) > 0;
        match self.latency_us.absent(percentile) {
            Some(Absent::NoData) if answered => Some(Absent::NotStreaming),
            absent => absent,
        }
    }
}
