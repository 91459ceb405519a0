//! What the store has done so far, for whoever exports it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a store has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Writes answered with success: one fsync each.
    pub writes: u64,
    /// Rows that these writes brought and that stand.
    pub rows: u64,
    /// Rows that changed nothing, because one of the same or a higher revision stood.
    pub repeated_rows: u64,
    /// Writes refused because the disk, or the share of it, is full.
    pub full_refusals: u64,
    /// Rows skipped by reads, each time, because they are not what was written.
    pub corrupt_rows: u64,
    /// Rows deleted by retention.
    pub expired_rows: u64,
    /// Single attempts deleted to make room for newer ones.
    pub evicted_rows: u64,
    /// Times that the write-ahead log was brought into the file.
    pub checkpoints: u64,
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
    rows,
    repeated_rows,
    full_refusals,
    corrupt_rows,
    expired_rows,
    evicted_rows,
    checkpoints,
);

pub(super) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Relaxed);
}
