//! What can end the archive.

use sextant_eventlog::LogError;
use sextant_store::StoreError;

/// Why a partition is read no further.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
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
}

impl ArchiveError {
    pub(crate) fn log(doing: &'static str) -> impl Fn(LogError) -> Self {
        move |source| Self::Log { doing, source }
    }
}
