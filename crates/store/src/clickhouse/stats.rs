//! What the store has done so far, for whoever exports it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a store has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Writes answered with success.
    pub writes: u64,
    /// Writes that failed after they had been sent; their rows may stand.
    pub failed_writes: u64,
    /// Times that rows were sent; writes made at about the same time share one.
    pub batches: u64,
    /// Rows sent and taken.
    pub rows: u64,
    /// Rows not sent, because a better one for the same thing was in the same batch.
    pub outdone_rows: u64,
    /// Rows skipped by reads, each time, because they are not what was written.
    pub corrupt_rows: u64,
    /// Rows deleted by retention.
    pub expired_rows: u64,
}

macro_rules! counters {
    ($($name:ident),+ $(,)?) => {
        /// The same, as they are counted.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: AtomicU64,)+
        }

        impl Counters {
            pub(super) fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.load(Relaxed),)+ }
            }
        }
    };
}

counters!(
    writes,
    failed_writes,
    batches,
    rows,
    outdone_rows,
    corrupt_rows,
    expired_rows,
);

pub(super) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Relaxed);
}
