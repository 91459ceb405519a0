//! One database file: how it is made, opened and written.
//!
//! Every file holds slots and records. A slot is a partition within the file: its next offset is
//! stored here, in the transaction that uses it up, and never derived from the records left.
//! `log.db` also holds the topics, the positions of consumer groups, and where the latest record
//! of each key of a compacted topic stands. That last table is apart from the records, so that a
//! damaged record can't damage an index that appending needs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::checkpoint::CheckpointState;
use super::disk::Disk;
use super::{fault, row};
use crate::LogError;

/// "SXLG", the mark of this log's files.
const APPLICATION_ID: i64 = 0x5358_4c47;

/// The version of all that is described here. Raised by whoever changes it.
const FORMAT: i64 = 1;

/// The size of a page. A record of a usual batch takes a few.
pub(super) const PAGE_BYTES: u64 = 8_192;

/// How long a connection waits for another's lock.
pub(super) const BUSY_WAIT_MAX: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
    CREATE TABLE slots (
        slot INTEGER PRIMARY KEY,
        first_offset INTEGER NOT NULL,
        next_offset INTEGER NOT NULL,
        last_time_us INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE records (
        id INTEGER PRIMARY KEY,
        appended_at_us INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        key BLOB,
        headers BLOB,
        value BLOB
    ) STRICT;
";

const MAIN_SCHEMA: &str = "
    CREATE TABLE topics (
        name TEXT PRIMARY KEY,
        partitions INTEGER NOT NULL,
        cleanup TEXT NOT NULL,
        retention_us INTEGER NOT NULL,
        first_slot INTEGER,
        newest_hour INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE positions (
        consumer_group TEXT NOT NULL,
        topic TEXT NOT NULL,
        partition INTEGER NOT NULL,
        next_offset INTEGER NOT NULL,
        time_us INTEGER NOT NULL,
        PRIMARY KEY (consumer_group, topic, partition)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE latest (
        slot INTEGER NOT NULL,
        key BLOB NOT NULL,
        id INTEGER NOT NULL,
        tombstone_at_us INTEGER,
        PRIMARY KEY (slot, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tombstones ON latest (slot, tombstone_at_us) WHERE tombstone_at_us IS NOT NULL;
";

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `log.db`: topics, positions, compacted topics.
    Main,
    /// One hour of one topic.
    Hour,
}

/// A partition within a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// The first offset that this file may hold.
    pub(super) first: u64,
    /// The offset that the next record gets.
    pub(super) next: u64,
    /// No record gets an earlier append time.
    pub(super) last_time_us: i64,
}

/// A file as its writer has it open.
pub(super) struct LogFile {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) slots: Vec<Slot>,
    pub(super) checkpoint: Arc<CheckpointState>,
}

impl LogFile {
    /// Makes a file, durably, whole or not at all. Nobody may have the path open.
    pub(super) fn create(path: &Path, kind: Kind, slots: &[Slot]) -> Result<(), LogError> {
        let fresh = path.with_extension("new");
        remove(&fresh)?;
        let made = connect(&fresh, OpenFlags::SQLITE_OPEN_CREATE)
            .and_then(|connection| fill(&connection, kind, slots));
        made.map_err(|error| fault::opening(&fresh, &error))?;
        fs::rename(&fresh, path).map_err(|error| fault::io("name", path, &error))?;
        sync_directory_of(path)
    }

    /// Opens a file for its only writer.
    pub(super) fn open(path: &Path) -> Result<Self, LogError> {
        let connection =
            connect(path, OpenFlags::empty()).map_err(|error| fault::opening(path, &error))?;
        check_format(&connection, path)?;
        let slots = configure_writer(&connection)
            .and_then(|()| load_slots(&connection))
            .map_err(|error| fault::opening(path, &error))?;
        if !slots
            .iter()
            .enumerate()
            .all(|(index, (slot, _))| usize::try_from(*slot) == Ok(index))
        {
            let reason = "its slots are not complete".to_owned();
            return Err(LogError::Damaged {
                file: path.display().to_string(),
                reason,
            });
        }
        Ok(Self {
            connection,
            path: path.to_owned(),
            slots: slots.into_iter().map(|(_, slot)| slot).collect(),
            checkpoint: Arc::default(),
        })
    }

    /// No record of this file gets an earlier append time.
    pub(super) fn last_time_us(&self) -> i64 {
        self.slots
            .iter()
            .map(|slot| slot.last_time_us)
            .max()
            .unwrap_or(i64::MIN)
    }

    /// Whether any record was ever appended to this file.
    pub(super) fn was_used(&self) -> bool {
        self.slots.iter().any(|slot| slot.next > slot.first)
    }

    /// Runs the work in one transaction and returns once that is durable.
    ///
    /// After an error nothing of it stands, unless the error is [`LogError::Stopped`].
    pub(super) fn transact<T>(
        &self,
        disk: &mut dyn Disk,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LogError> {
        let outcome = disk.begin(&self.connection).and_then(|()| {
            let value = work(&self.connection)?;
            disk.commit(&self.connection)?;
            Ok(value)
        });
        outcome.map_err(|error| {
            let refusal = fault::writing(&self.path, &error);
            match self.roll_back() {
                Ok(()) => refusal,
                Err(error) => {
                    let reason = format!("roll back after {refusal}: {error}");
                    LogError::Stopped { reason }
                }
            }
        })
    }

    fn roll_back(&self) -> rusqlite::Result<()> {
        // After some errors SQLite has rolled back by itself.
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.connection.execute_batch("ROLLBACK")
    }
}

/// Stores slots as they stand after a transaction's work.
pub(super) fn store_slot(
    connection: &Connection,
    index: usize,
    slot: &Slot,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO slots (slot, first_offset, next_offset, last_time_us) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (slot) DO UPDATE
         SET next_offset = excluded.next_offset, last_time_us = excluded.last_time_us",
    )?;
    statement.execute((
        integer(index as u64),
        integer(slot.first),
        integer(slot.next),
        slot.last_time_us,
    ))?;
    Ok(())
}

/// A connection that only reads.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, OpenFlags::empty())?;
    connection.pragma_update(None, "query_only", true)?;
    leave_checkpoints_alone(&connection)?;
    Ok(connection)
}

/// A connection that only runs checkpoints.
pub(super) fn open_checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, OpenFlags::empty())?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    leave_checkpoints_alone(&connection)?;
    Ok(connection)
}

/// Closing the connection must not write.
pub(super) fn leave_checkpoints_alone(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map(drop)
}

/// The file and what SQLite keeps beside it.
pub(super) fn with_companions(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    })
}

/// Removes a file and what SQLite keeps beside it. The file goes first: what may then be left
/// behind by a crash means nothing without it.
pub(super) fn remove(path: &Path) -> Result<(), LogError> {
    for path in with_companions(path) {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(fault::io("remove", &path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes the names in a file's directory durable.
pub(super) fn sync_directory_of(path: &Path) -> Result<(), LogError> {
    let directory = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| fault::io("sync", directory, &error))
}

/// A number in the range that SQLite's integers share with it.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn connect(path: &Path, more: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT_MAX)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn fill(connection: &Connection, kind: Kind, slots: &[Slot]) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", integer(PAGE_BYTES))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    configure_writer(connection)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", FORMAT)?;
    connection.execute_batch(SCHEMA)?;
    if kind == Kind::Main {
        connection.execute_batch(MAIN_SCHEMA)?;
    }
    for (index, slot) in slots.iter().enumerate() {
        store_slot(connection, index, slot)?;
    }
    connection.execute_batch("COMMIT")?;
    // The file gets its name without its write-ahead log, so nothing may be left in that.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
}

fn configure_writer(connection: &Connection) -> rusqlite::Result<()> {
    for (name, value) in [
        ("synchronous", "FULL"),
        ("fullfsync", "ON"),
        ("checkpoint_fullfsync", "ON"),
        ("wal_autocheckpoint", "0"),
        ("cell_size_check", "ON"),
    ] {
        connection.pragma_update(None, name, value)?;
    }
    Ok(())
}

fn check_format(connection: &Connection, path: &Path) -> Result<(), LogError> {
    let failed = |error: rusqlite::Error| fault::opening(path, &error);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let file = || path.display().to_string();
    if pragma("application_id").map_err(failed)? != APPLICATION_ID {
        let reason = "it is not a file of this log".to_owned();
        return Err(LogError::Damaged {
            file: file(),
            reason,
        });
    }
    let found = pragma("user_version").map_err(failed)?;
    if found != FORMAT {
        return Err(LogError::Incompatible {
            file: file(),
            found,
            supported: FORMAT,
        });
    }
    let mode = connection
        .pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))
        .map_err(failed)?;
    if mode != "wal" {
        let reason = format!("it has journal mode {mode}, not wal");
        return Err(LogError::Damaged {
            file: file(),
            reason,
        });
    }
    Ok(())
}

fn load_slots(connection: &Connection) -> rusqlite::Result<Vec<(i64, Slot)>> {
    let mut statement = connection
        .prepare("SELECT slot, first_offset, next_offset, last_time_us FROM slots ORDER BY slot")?;
    let offset = |stored: i64| stored.cast_unsigned() & (row::OFFSETS_END - 1);
    let slots = statement.query_map((), |row| {
        let slot = Slot {
            first: offset(row.get(1)?),
            next: offset(row.get(2)?),
            last_time_us: row.get(3)?,
        };
        Ok((row.get(0)?, slot))
    })?;
    slots.collect()
}
