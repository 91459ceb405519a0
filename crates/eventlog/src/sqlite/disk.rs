//! The two moments of a transaction at which a disk refuses. Tests put a failing one in its place.

use rusqlite::Connection;

/// How a transaction begins and ends.
pub(super) trait Disk: Send + 'static {
    /// Begins a writing transaction.
    fn begin(&mut self, connection: &Connection) -> rusqlite::Result<()>;

    /// Returns once the transaction is durable.
    fn commit(&mut self, connection: &Connection) -> rusqlite::Result<()>;
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
}
