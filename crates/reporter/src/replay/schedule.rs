//! When each observation is sent, and when it says that it completed. Pure.

use std::time::Duration;

use sextant_measure::time::Timestamp;

use super::Survey;

/// Longest wait for an observation's time: about 136 years. It keeps what is computed with it in
/// range.
const DUE_MAX: Duration = Duration::from_secs(u32::MAX as u64);

/// How fast observations are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As fast as they are acknowledged.
    AtOnce,
    /// As far apart as they completed.
    Speed(Speed),
}

/// How many times faster than they completed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed(f64);

/// When each observation is sent, and when it says that it completed.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pace: Pace,
    first: Option<Timestamp>,
    shift_us: i64,
}

impl Speed {
    /// As they completed.
    pub const ORIGINAL: Self = Self(1.0);

    /// `None` unless it is a finite number above zero.
    pub fn new(factor: f64) -> Option<Self> {
        (factor.is_finite() && factor > 0.0).then_some(Self(factor))
    }
}

impl Schedule {
    /// For the observations surveyed, with their own times.
    pub fn new(pace: Pace, survey: &Survey) -> Self {
        Self {
            pace,
            first: survey.first,
            shift_us: 0,
        }
    }

    /// Moves all observations by as much as brings the last of them to `now`.
    #[must_use]
    pub fn rebased(self, survey: &Survey, now: Timestamp) -> Self {
        let shift_us = survey.last.map_or(0, |last| now.micros_since(last));
        Self { shift_us, ..self }
    }

    /// When an observation that completed then is sent, from the beginning on. `None`: at once.
    pub fn due(&self, completed_at: Timestamp) -> Option<Duration> {
        let (Pace::Speed(Speed(factor)), Some(first)) = (self.pace, self.first) else {
            return None;
        };
        let since_us = u64::try_from(completed_at.micros_since(first)).unwrap_or(0);
        let seconds = Duration::from_micros(since_us).as_secs_f64() / factor;
        let due = Duration::try_from_secs_f64(seconds).unwrap_or(DUE_MAX);
        Some(due.min(DUE_MAX))
    }

    /// When an observation that completed then is said to have completed.
    pub fn moved(&self, completed_at: Timestamp) -> Timestamp {
        completed_at.plus_micros(self.shift_us)
    }
}
