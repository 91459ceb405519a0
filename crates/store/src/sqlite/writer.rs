//! The one connection that writes, and the transactions it runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::SetOnce;

use super::disk::{Disk, Progress};
use super::file::{self, BUSY_WAIT_MAX, PAGE_BYTES};
use super::lock::DirectoryLock;
use super::options::SqliteOptions;
use super::seal::Sealer;
use super::series::Numbers;
use super::stats::{self, Counters};
use super::{agents, attempts, fault, gates, incidents, steps, uptime, windows};
use crate::{Rows, StoreError};

/// How long the writer waits for readers when the write-ahead log has met its bound.
const RESTART_PATIENCE: Duration = Duration::from_secs(1);

/// A page and its header in a write-ahead log.
const FRAME_BYTES: u64 = PAGE_BYTES + 24;

/// Says why the store has stopped, once it has.
pub(super) type Stopped = Arc<SetOnce<String>>;

/// The one that writes. All but its transactions is in memory only.
pub(super) struct Writer {
    connection: Connection,
    path: PathBuf,
    numbers: Numbers,
    disk: Box<dyn Disk>,
    options: SqliteOptions,
    counters: Arc<Counters>,
    stopped: Stopped,
    /// Let go of after the connection is closed.
    _lock: DirectoryLock,
}

impl Writer {
    pub(super) fn open(
        path: &Path,
        options: SqliteOptions,
        disk: Box<dyn Disk>,
        lock: DirectoryLock,
        counters: Arc<Counters>,
        stopped: Stopped,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            connection: file::open_writer(path, options.disk_bytes_max)?,
            path: path.to_owned(),
            numbers: Numbers::default(),
            disk,
            options,
            counters,
            stopped,
            _lock: lock,
        })
    }

    /// Writes all rows in one transaction.
    pub(super) fn write(&mut self, rows: &Rows) -> Result<(), StoreError> {
        rows.check(&self.options.limits)?;
        if rows.is_empty() {
            return self.check();
        }
        let attempts_max = self.options.attempts_rows_max;
        let outcome = self.transact(|connection, numbers| {
            let changed = insert(connection, numbers, rows)?;
            let evicted = evict(connection, numbers, rows, attempts_max)?;
            Ok((changed, evicted))
        });
        match &outcome {
            Ok((changed, evicted)) => {
                stats::add(&self.counters.writes, 1);
                stats::add(&self.counters.evicted_rows, *evicted);
                stats::add(&self.counters.rows, *changed);
                stats::add(&self.counters.repeated_rows, rows.len() - changed);
            }
            Err(StoreError::Full { .. }) => stats::add(&self.counters.full_refusals, 1),
            Err(_) => {}
        }
        outcome.map(drop)
    }

    /// Runs the work in one transaction and returns once that is durable.
    ///
    /// After an error nothing of it stands, unless the error is [`StoreError::Stopped`], after
    /// which nothing succeeds any more.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Numbers) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.check()?;
        let outcome = self.disk.begin(&self.connection).and_then(|()| {
            let value = work(&self.connection, &mut self.numbers)?;
            self.disk.commit(&self.connection)?;
            Ok(value)
        });
        let outcome = outcome.map_err(|error| self.roll_back(&error));
        let outcome = outcome.and_then(|value| {
            self.checkpoint()?;
            Ok(value)
        });
        outcome.inspect_err(|error| self.stop_after(error))
    }

    /// Whether the store goes on.
    fn check(&self) -> Result<(), StoreError> {
        check(&self.stopped)
    }

    fn roll_back(&mut self, error: &rusqlite::Error) -> StoreError {
        // What was given in this transaction is gone with it.
        self.numbers.forget();
        let refusal = fault::writing(&self.path, error);
        // After some errors SQLite has rolled back by itself.
        if self.connection.is_autocommit() {
            return refusal;
        }
        match self.connection.execute_batch("ROLLBACK") {
            Ok(()) => refusal,
            Err(error) => StoreError::Stopped {
                reason: format!("roll back after {refusal}: {error}"),
            },
        }
    }

    /// Brings the write-ahead log into the file if there is enough of it.
    ///
    /// Without space the file can't grow; the write-ahead log then keeps what it holds, durably.
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        let bytes = |pages: u64| pages.saturating_mul(FRAME_BYTES);
        let progress = self.run_checkpoint("NOOP")?;
        if bytes(progress.left_pages) < self.options.checkpoint_bytes {
            return Ok(());
        }
        stats::add(&self.counters.checkpoints, 1);
        let progress = self.run_checkpoint("PASSIVE")?;
        if bytes(progress.pages) < self.options.wal_bytes_max {
            return Ok(());
        }
        let patience = |wait| {
            let set = self.connection.busy_timeout(wait);
            set.map_err(|error| fault::writing(&self.path, &error))
        };
        patience(RESTART_PATIENCE)?;
        let outcome = self.run_checkpoint("RESTART");
        let patience = self.connection.busy_timeout(BUSY_WAIT_MAX);
        patience.map_err(|error| fault::writing(&self.path, &error))?;
        outcome.map(drop)
    }

    fn run_checkpoint(&mut self, mode: &str) -> Result<Progress, StoreError> {
        let outcome = self.disk.checkpoint(&self.connection, mode);
        match outcome.map_err(|error| fault::writing(&self.path, &error)) {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "a checkpoint of the store was put off");
                Ok(Progress::default())
            }
            other => other,
        }
    }

    fn stop_after(&self, error: &StoreError) {
        let StoreError::Stopped { reason } = error else {
            return;
        };
        if self.stopped.set(reason.clone()).is_ok()
            && let Err(error) = file::leave_checkpoints_alone(&self.connection)
        {
            tracing::warn!(%error, "the stopped store may be written when it is closed");
        }
    }
}

/// Whether the store goes on.
pub(super) fn check(stopped: &Stopped) -> Result<(), StoreError> {
    stopped.get().map_or(Ok(()), |reason| {
        let reason = reason.clone();
        Err(StoreError::Stopped { reason })
    })
}

/// Inserts all rows; answers how many of them stand now.
fn insert(connection: &Connection, numbers: &mut Numbers, rows: &Rows) -> rusqlite::Result<u64> {
    let mut sealer = Sealer::default();
    let mut buckets = BTreeSet::new();
    let mut changed = 0;
    for row in &rows.minutes {
        let name = (row.series.endpoint.clone(), Some(row.series.region.clone()));
        let series = numbers.of(connection, name, row.minute)?;
        if steps::insert(connection, &mut sealer, series, row)? {
            buckets.insert((uptime::bucket_of(row.minute), series));
            changed += 1;
        }
    }
    for (bucket, series) in buckets {
        uptime::renew(connection, series, bucket)?;
    }
    for row in &rows.windows {
        let name = (row.endpoint.clone(), row.region.clone());
        let series = numbers.of(connection, name, row.ending)?;
        changed += u64::from(windows::insert(connection, &mut sealer, series, row)?);
    }
    for row in &rows.agents {
        changed += u64::from(agents::insert(connection, &mut sealer, row)?);
    }
    for row in &rows.rulings {
        changed += u64::from(gates::insert(connection, &mut sealer, row)?);
    }
    for row in &rows.incidents {
        changed += u64::from(incidents::insert(connection, &mut sealer, row)?);
    }
    let mut new_attempts = 0;
    for row in &rows.attempts {
        let name = (row.series.endpoint.clone(), Some(row.series.region.clone()));
        let minute = row.measurement.completed_at.minute();
        let series = numbers.of(connection, name, minute)?;
        new_attempts += u64::from(attempts::insert(connection, &mut sealer, series, row)?);
    }
    numbers.attempts = numbers.attempts.map(|held| held + new_attempts);
    Ok(changed + new_attempts)
}

/// Lets the oldest attempts go if there are more than may be; answers how many.
fn evict(
    connection: &Connection,
    numbers: &mut Numbers,
    written: &Rows,
    rows_max: u64,
) -> rusqlite::Result<u64> {
    if written.attempts.is_empty() {
        return Ok(0);
    }
    let held = match numbers.attempts {
        Some(held) => held,
        None => attempts::held(connection)?,
    };
    let evicted = attempts::delete_oldest(connection, held.saturating_sub(rows_max))?;
    numbers.attempts = Some(held - evicted);
    Ok(evicted)
}
