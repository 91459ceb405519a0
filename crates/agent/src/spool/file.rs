//! The spool's file: how it is opened, and what stands in it.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use sextant_measure::time::Timestamp;

use super::fault;
use super::life::{self, Life};
use super::salvage::{self, Rescued};
use crate::error::AgentError;

/// "SXSP", the mark of a spool's file.
const APPLICATION_ID: i64 = 0x5358_5350;
/// The version of all that is described here. Raised by whoever changes it.
const FORMAT: i64 = 1;
const NAME: &str = "spool.db";

const SCHEMA: &str = "
    CREATE TABLE batches (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kept_at_us INTEGER NOT NULL,
        observations INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
";

/// An open file, which no other process has open.
#[derive(Debug)]
pub(super) struct SpoolFile {
    pub(super) connection: Connection,
    pub(super) life: Life,
    path: PathBuf,
    _lock: File,
}

/// How an attempt to open a file failed.
enum Opening {
    /// Its content is at fault: a new one is begun.
    Damaged(String),
    Failed(AgentError),
}

/// Opens the file of a directory, or makes both. A damaged one is put aside, and one begun anew
/// with what can be read of it.
pub(super) fn open(directory: &Path, now: Timestamp) -> Result<SpoolFile, AgentError> {
    let failed = |doing: &str, error: &io::Error| AgentError::Spool {
        reason: format!("{doing} {}: {error}", directory.display()),
    };
    fs::create_dir_all(directory).map_err(|error| failed("make", &error))?;
    let lock = lock(directory)?;
    let path = directory.join(NAME);
    let (connection, life) = match attempt(&path) {
        Ok(opened) => opened,
        Err(Opening::Damaged(reason)) => {
            tracing::error!(reason, "the spool is damaged; what can be read goes on");
            begin_anew(&path, 0, now)?
        }
        Err(Opening::Failed(error)) => return Err(error),
    };
    Ok(SpoolFile {
        connection,
        life,
        path,
        _lock: lock,
    })
}

impl SpoolFile {
    /// Begins the file anew with what can be read of it. Tickets up to `newest` have been given.
    pub(super) fn salvage(&mut self, newest: u64, now: Timestamp) -> Result<(), AgentError> {
        let failed = |error: rusqlite::Error| AgentError::Spool {
            reason: error.to_string(),
        };
        // The damaged one has to be closed before another takes its name.
        self.connection = Connection::open_in_memory().map_err(failed)?;
        (self.connection, self.life) = begin_anew(&self.path, newest, now)?;
        Ok(())
    }
}

fn begin_anew(path: &Path, newest: u64, now: Timestamp) -> Result<(Connection, Life), AgentError> {
    let failed = |doing: &str, error: &dyn Display| AgentError::Spool {
        reason: format!("{doing} {}: {error}", path.display()),
    };
    let aside = put_aside(path, now).map_err(|error| failed("put aside", &error))?;
    let (mut connection, life) = attempt(path).map_err(|error| match error {
        Opening::Damaged(reason) => AgentError::Spool { reason },
        Opening::Failed(error) => error,
    })?;
    let rescued = Connection::open_with_flags(&aside, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .and_then(|old| salvage::rescue(&old, &mut connection, newest));
    let aside = aside.display();
    match rescued {
        Ok(Rescued {
            life,
            batches,
            lost,
        }) => {
            tracing::error!(%aside, batches, lost, "the damaged spool has been put aside");
            Ok((connection, life))
        }
        Err(error) => {
            tracing::error!(
                %aside, %error,
                "the damaged spool has been put aside; nothing of it can be read"
            );
            Ok((connection, life))
        }
    }
}

fn lock(directory: &Path) -> Result<File, AgentError> {
    let path = directory.join("LOCK");
    let failed = |error: io::Error| AgentError::Spool {
        reason: format!("lock {}: {error}", path.display()),
    };
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(AgentError::Locked {
            directory: directory.display().to_string(),
        }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn attempt(path: &Path) -> Result<(Connection, Life), Opening> {
    let failed = |error: &rusqlite::Error| {
        let reason = format!("open {}: {error}", path.display());
        if fault::is_damage(error) {
            Opening::Damaged(reason)
        } else {
            Opening::Failed(AgentError::Spool { reason })
        }
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| failed(&error))?;
    let prepared = prepare(&connection).map_err(|error| failed(&error))?;
    match prepared {
        Ok(life) => Ok((connection, life)),
        Err(reason) => Err(Opening::Failed(AgentError::Spool {
            reason: format!("open {}: {reason}", path.display()),
        })),
    }
}

/// Makes the file what it should be; or says why it is none of ours.
fn prepare(connection: &Connection) -> rusqlite::Result<Result<Life, String>> {
    // The index of the write-ahead log stays in memory, so that a full disk can be opened.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let found = (number("application_id")?, number("user_version")?);
    if found == (0, 0) {
        // It would write to a file that has it already, too.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Each commit is on the disk before anyone is answered.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    match found {
        (0, 0) => {
            let life = Life::begin();
            connection.execute_batch("BEGIN IMMEDIATE")?;
            connection.execute_batch(SCHEMA)?;
            connection.execute_batch(life::SCHEMA)?;
            life.write(connection)?;
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", FORMAT)?;
            connection.execute_batch("COMMIT")?;
            Ok(Ok(life))
        }
        (APPLICATION_ID, FORMAT) => {
            let says: String =
                connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?;
            if says == "ok" {
                return Life::read(connection).map(Ok);
            }
            let damage = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
            Err(rusqlite::Error::SqliteFailure(damage, Some(says)))
        }
        (APPLICATION_ID, format) => Ok(Err(format!(
            "its format is {format}, and this version knows {FORMAT}; run the version that wrote \
             it until the spool is empty, or give another directory"
        ))),
        _ => Ok(Err("it is not a spool; give another directory".to_owned())),
    }
}

fn put_aside(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let aside = path.with_extension(format!("damaged-{}", now.as_micros()));
    fs::rename(path, &aside)?;
    for suffix in ["-wal", "-shm"] {
        let with = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        match fs::rename(with(path), with(&aside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}
