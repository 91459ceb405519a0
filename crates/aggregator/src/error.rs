//! What can end the aggregator.

use sextant_eventlog::LogError;
use sextant_snapshot::SnapshotError;
use sextant_store::StoreError;

/// Why an owner had to stop.
#[derive(Debug, thiserror::Error)]
pub enum AggregatorError {
    /// The log failed for good; the process must stop.
    #[error("{doing}: {source}")]
    Log {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: LogError,
    },
    /// The store failed for good; the process must stop.
    #[error("{doing}: {source}")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: StoreError,
    },
    /// An owner ended by a defect.
    #[error("the owner of a partition panicked: {0}")]
    Panicked(String),
    /// A row could not be made; a defect.
    #[error("making a row: {0}")]
    Row(#[from] SnapshotError),
}

impl AggregatorError {
    pub(crate) fn log(doing: &'static str) -> impl Fn(LogError) -> Self {
        move |source| Self::Log { doing, source }
    }

    pub(crate) fn store(doing: &'static str) -> impl Fn(StoreError) -> Self {
        move |source| Self::Store { doing, source }
    }
}
