//! The store's one database file: how it is opened.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{fault, migration};
use crate::StoreError;

/// The size of a page. A minute of a usual series takes a fraction of one.
pub(super) const PAGE_BYTES: u64 = 8_192;

/// How long a connection waits for another's lock.
pub(super) const BUSY_WAIT_MAX: Duration = Duration::from_secs(5);

/// Memory for pages of the connection that writes: about what a minute of 10,000 series touches.
const WRITER_CACHE_KIB: i64 = 32 << 10;

/// Memory for pages of a connection that reads.
const READER_CACHE_KIB: i64 = 4 << 10;

/// Opens the file for its only writer, makes it if it is missing, and brings its schema up to
/// date.
pub(super) fn open_writer(path: &Path, disk_bytes_max: u64) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| fault::opening(path, &error);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE).map_err(failed)?;
    // Looked at before anything is written, so that a stranger's file is left as it is.
    let version = migration::check(&connection, path)?;
    configure_writer(&connection, disk_bytes_max).map_err(failed)?;
    migration::run(&mut connection, version).map_err(failed)?;
    sync_directory_of(path)?;
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, OpenFlags::empty())?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    leave_checkpoints_alone(&connection)?;
    Ok(connection)
}

/// Closing the connection must not write.
pub(super) fn leave_checkpoints_alone(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map(drop)
}

fn connect(path: &Path, more: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT_MAX)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn configure_writer(connection: &Connection, disk_bytes_max: u64) -> rusqlite::Result<()> {
    let pages_max = i64::try_from(disk_bytes_max / PAGE_BYTES).unwrap_or(i64::MAX);
    for (name, value) in [
        ("page_size", PAGE_BYTES.to_string()),
        ("journal_mode", "WAL".to_owned()),
        ("synchronous", "FULL".to_owned()),
        ("fullfsync", "ON".to_owned()),
        ("checkpoint_fullfsync", "ON".to_owned()),
        // SQLite's own checkpoints hide that the disk failed.
        ("wal_autocheckpoint", "0".to_owned()),
        ("cell_size_check", "ON".to_owned()),
        ("cache_size", (-WRITER_CACHE_KIB).to_string()),
        ("max_page_count", pages_max.max(1).to_string()),
    ] {
        connection.pragma_update(None, name, value)?;
    }
    Ok(())
}

/// Makes the names in a file's directory durable.
fn sync_directory_of(path: &Path) -> Result<(), StoreError> {
    let directory = path.parent().unwrap_or(path);
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| fault::io("sync", directory, &error))
}
