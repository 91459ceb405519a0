//! Whether an endpoint can be relied on, from its uptime.

use std::fmt;

use crate::counts::Counts;
use crate::figures::minimum;
use crate::outcome::Source;
use crate::ratio::Ratio;

/// From this many live observations on, status looks at live ones alone.
pub const LIVE_ALONE_MIN: u64 = 100;

/// An endpoint's state. The order is the routing order: the lesser is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Status {
    /// Uptime of at least 95 %.
    Healthy = 0,
    /// Fewer observations than it takes to say.
    #[default]
    Unknown = 1,
    /// Uptime from 80 % to below 95 %.
    Degraded = 2,
    /// Uptime below 80 %.
    Down = 3,
}

impl Status {
    /// Every status, best first.
    pub const ALL: [Self; 4] = [Self::Healthy, Self::Unknown, Self::Degraded, Self::Down];

    /// The uptime of 30 minutes that decides: of live observations alone, once there are enough.
    pub fn basis(counts: &Counts) -> Ratio {
        let live = counts.uptime_of(Source::Live);
        if live.whole >= LIVE_ALONE_MIN {
            live
        } else {
            counts.uptime()
        }
    }

    /// The status that 30 minutes of counts stand for, before hysteresis.
    pub fn raw(counts: &Counts) -> Self {
        let uptime = Self::basis(counts);
        match uptime {
            _ if uptime.whole < minimum::STATUS => Self::Unknown,
            _ if uptime.at_least_percent(95) => Self::Healthy,
            _ if uptime.at_least_percent(80) => Self::Degraded,
            _ => Self::Down,
        }
    }

    /// The worse of two.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        self.max(other)
    }

    /// The stable code used in stored and sent data.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The status with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;

    fn counts(cells: &[(Source, Outcome, u32)]) -> Counts {
        let mut counts = Counts::default();
        for (source, outcome, n) in cells {
            counts.add_code(crate::counts::count_code(*source, *outcome), *n);
        }
        counts
    }

    #[test]
    fn thresholds_are_95_and_80_percent_from_20_observations() {
        let status = |ok, bad| {
            Status::raw(&counts(&[
                (Source::Live, Outcome::Ok, ok),
                (Source::Live, Outcome::Timeout, bad),
            ]))
        };
        assert_eq!(status(19, 0), Status::Unknown);
        assert_eq!(status(19, 1), Status::Healthy);
        assert_eq!(status(949, 51), Status::Degraded);
        assert_eq!(status(16, 4), Status::Degraded);
        assert_eq!(status(15, 5), Status::Down);
    }

    #[test]
    fn probes_have_a_say_until_there_are_100_live_observations() {
        let probes = (Source::Probe, Outcome::Timeout, 50);
        assert_eq!(
            Status::raw(&counts(&[(Source::Live, Outcome::Ok, 99), probes])),
            Status::Down
        );
        assert_eq!(
            Status::raw(&counts(&[(Source::Live, Outcome::Ok, 100), probes])),
            Status::Healthy
        );
    }

    #[test]
    fn rate_limits_do_not_count_towards_the_100() {
        let all = [
            (Source::Live, Outcome::Ok, 99),
            (Source::Live, Outcome::RateLimited, 500),
            (Source::Probe, Outcome::Timeout, 50),
        ];
        assert_eq!(Status::raw(&counts(&all)), Status::Down);
    }
}
