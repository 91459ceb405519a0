//! What the log has done so far, for whoever exports it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a log has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Records appended.
    pub records: u64,
    /// Bytes of keys, values and headers appended.
    pub bytes: u64,
    /// Appends and position commits answered with success.
    pub calls: u64,
    /// Transactions that made them durable: one fsync each. `calls / groups` is the group's size.
    pub groups: u64,
    /// The most calls that shared one fsync.
    pub group_calls_max: u64,
    /// Damaged records skipped by reads, each time.
    pub corrupt_records: u64,
    /// Calls refused because the disk, or the share of it, is full.
    pub full_refusals: u64,
    /// Calls refused because the queue stayed full.
    pub queue_refusals: u64,
    /// Files that retention has dropped.
    pub files_dropped: u64,
    /// Tombstones deleted after their retention.
    pub tombstones_dropped: u64,
    /// Checkpoints run beside the writer.
    pub checkpoints: u64,
    /// Checkpoints for which the writer paused.
    pub checkpoint_pauses: u64,
    /// The size of all files when last looked at.
    pub disk_bytes: u64,
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
    records,
    bytes,
    calls,
    groups,
    group_calls_max,
    corrupt_records,
    full_refusals,
    queue_refusals,
    files_dropped,
    tombstones_dropped,
    checkpoints,
    checkpoint_pauses,
    disk_bytes,
);

pub(super) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Relaxed);
}
