//! The settings of a store on SQLite.

use crate::{Limits, Retention};

/// The settings of a store on SQLite. The defaults suit one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteOptions {
    /// How much one call may write, read and answer.
    pub limits: Limits,
    /// For how long rows are kept.
    pub retention: Retention,
    /// How many reads run at a time; others wait.
    pub readers_max: usize,
    /// From this size on, the write-ahead log is brought into the file.
    pub checkpoint_bytes: u64,
    /// From this size on, a write waits for readers so that the write-ahead log can start anew.
    pub wal_bytes_max: u64,
    /// The largest size of the file, without its write-ahead log. Past it, writes are refused
    /// until retention has made room.
    pub disk_bytes_max: u64,
    /// Single attempts that are kept. Of more, the oldest give way at once.
    pub attempts_rows_max: u64,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            retention: Retention::default(),
            readers_max: 4,
            checkpoint_bytes: 4 << 20,
            wal_bytes_max: 64 << 20,
            disk_bytes_max: 64 << 30,
            attempts_rows_max: 200_000,
        }
    }
}
