//! The limits of a log on SQLite.

use std::time::Duration;

/// The limits of a log on SQLite. The defaults suit one host.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The largest record that is taken.
    pub record_bytes_max: usize,
    /// The most bytes that one append may hold.
    pub append_bytes_max: usize,
    /// The most appends and commits that share one fsync.
    pub group_calls_max: usize,
    /// The most bytes that share one fsync, but for the append that goes over it.
    pub group_bytes_max: usize,
    /// The most appends and commits that wait for the writer.
    pub queue_calls_max: usize,
    /// The most bytes that wait for the writer.
    pub queue_bytes_max: usize,
    /// How long a call waits for room in the queue.
    pub queue_wait_max: Duration,
    /// How many reads use the disk at a time.
    pub readers_max: usize,
    /// From this size on, a write-ahead log is brought into its file.
    pub checkpoint_bytes: u64,
    /// From this size on, appends wait until that is done.
    pub wal_bytes_max: u64,
    /// From this size of all files on, appends are refused. Bringing what is in write-ahead logs
    /// into their files may still take them over it by as much.
    pub disk_bytes_max: u64,
    /// How often retention is looked at when nothing happens.
    pub upkeep_interval: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            record_bytes_max: crate::RECORD_BYTES_MAX,
            append_bytes_max: 8 << 20,
            group_calls_max: 256,
            group_bytes_max: 8 << 20,
            queue_calls_max: 1_024,
            queue_bytes_max: 64 << 20,
            queue_wait_max: Duration::from_secs(5),
            readers_max: 4,
            checkpoint_bytes: 4 << 20,
            wal_bytes_max: 64 << 20,
            disk_bytes_max: 64 << 30,
            upkeep_interval: Duration::from_secs(30),
        }
    }
}
