//! The moments at which a disk refuses. Tests put a failing one in its place.

use rusqlite::Connection;

/// How a transaction begins and ends, and how the write-ahead log is brought into the file.
pub(super) trait Disk: Send + 'static {
    /// Begins a writing transaction.
    fn begin(&mut self, connection: &Connection) -> rusqlite::Result<()>;

    /// Returns once the transaction is durable.
    fn commit(&mut self, connection: &Connection) -> rusqlite::Result<()>;

    /// Runs a checkpoint in one of SQLite's modes.
    fn checkpoint(&mut self, connection: &Connection, mode: &str) -> rusqlite::Result<Progress>;
}

/// How much of the write-ahead log is in the file, in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// What stands in the write-ahead log.
    pub(super) pages: u64,
    /// What of it isn't in the file yet.
    pub(super) left_pages: u64,
}

/// SQLite's own way: `COMMIT` writes the write-ahead log and syncs it.
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn begin(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached("BEGIN IMMEDIATE")?
            .execute(())
            .map(drop)
    }

    fn commit(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        connection.prepare_cached("COMMIT")?.execute(()).map(drop)
    }

    fn checkpoint(&mut self, connection: &Connection, mode: &str) -> rusqlite::Result<Progress> {
        let mut statement = connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?;
        // One row: whether another was in its way, pages in all, pages brought over.
        statement.query_row((), |row| {
            let (all, done): (i64, i64) = (row.get(1)?, row.get(2)?);
            let pages = |pages: i64| u64::try_from(pages).unwrap_or(0);
            Ok(Progress {
                pages: pages(all),
                left_pages: pages(all - done),
            })
        })
    }
}
