//! How much a store takes, answers and keeps.

use crate::StoreError;

/// How much one call may write, read and answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows in one write.
    pub written_rows_max: u64,
    /// Rows that one query for minutes, windows or agents may reach for.
    pub rows_max: u64,
    /// Points of one history: endpoints times steps.
    pub points_max: u64,
    /// Minutes that one history may merge: series times minutes.
    pub merged_rows_max: u64,
    /// Buckets of one answer about uptime: series times buckets.
    pub buckets_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            written_rows_max: 100_000,
            rows_max: 100_000,
            points_max: 20_000,
            merged_rows_max: 500_000,
            buckets_max: 1_000_000,
        }
    }
}

/// For how long rows are kept, at the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Minutes and the uptime summed from them.
    pub minutes_days: u32,
    /// Windows as published.
    pub windows_days: u32,
    /// What agents reported of themselves.
    pub agents_days: u32,
    /// Single attempts.
    pub attempts_hours: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            minutes_days: 7,
            windows_days: 30,
            agents_days: 30,
            attempts_hours: 24,
        }
    }
}

/// Refuses more than a bound.
pub(crate) fn at_most(what: &'static str, count: u64, max: u64) -> Result<(), StoreError> {
    if count <= max {
        Ok(())
    } else {
        Err(StoreError::TooMany { what, count, max })
    }
}

/// A length as a count.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
