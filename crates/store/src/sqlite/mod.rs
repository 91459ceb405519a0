//! A store in a directory on SQLite, for one process.
//!
//! One connection writes, each call in one transaction with one fsync (`synchronous=FULL`): who
//! commits its position in a log after a write must find the rows again after a power cut. A few
//! connections read, each call on one state. All of them work on blocking threads.
//!
//! `store.db` holds tables for the program and views for people:
//!
//! ```text
//! sqlite3 store.db "SELECT at, provider, region, uptime FROM endpoint_steps
//!     WHERE minute >= unixepoch('now', '-30 minutes') / 60 AND model = 'meta-llama/llama-4-scout'"
//! ```
//!
//! | view | a row is |
//! |---|---|
//! | `endpoint_steps` | one series in one minute: counts, uptime, success, extremes |
//! | `endpoint_uptime` | one series in 5 minutes: uptime |
//! | `endpoint_windows` | what was published for the window ending at a minute |
//! | `agents` | one agent in one minute |
//! | `gates` | what was ruled on a gate |
//! | `observations` | one attempt |
//! | `incidents` | one incident |
//!
//! Histograms (see `bins.rs`) are read by the program only. The first write, commit, checkpoint or
//! fsync that fails, other than for want of space, stops the store: see [`StoreError::Stopped`].
//! The process must exit then ([`SqliteStore::stopped`]).

mod agents;
mod attempts;
mod bins;
mod disk;
mod fault;
mod file;
mod gates;
mod history;
mod incidents;
mod lock;
mod migration;
mod options;
mod reader;
mod retention;
mod seal;
mod series;
mod stats;
mod steps;
mod table;
#[cfg(test)]
mod tests;
mod uptime;
mod windows;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use sextant_incident::Incident;
use sextant_measure::id::{EndpointId, ModelId};
use sextant_measure::time::Timestamp;
use tokio::sync::{Mutex, SetOnce};

pub use self::options::SqliteOptions;
pub use self::stats::Stats;

use self::disk::{Disk, RealDisk};
use self::lock::DirectoryLock;
use self::reader::{ReadError, Readers};
use self::retention::{Horizon, Kind};
use self::stats::Counters;
use self::table::Fetcher;
use self::writer::{Stopped, Writer};
use crate::{
    AgentRow, AttemptQuery, AttemptRow, Expired, HistoryPoint, HistoryQuery, IncidentQuery,
    MinuteQuery, MinuteRange, MinuteRow, Rows, RulingRow, SeriesUptime, Store, StoreError,
    WindowQuery, WindowRow,
};

/// The newest schema that this version reads and writes.
pub const SCHEMA_VERSION: i64 = migration::VERSION;

/// The name of the file in the store's directory.
pub const FILE_NAME: &str = "store.db";

/// A store in a directory. The directory is free again once this is dropped.
pub struct SqliteStore {
    writer: Arc<Mutex<Writer>>,
    readers: Readers,
    options: SqliteOptions,
    counters: Arc<Counters>,
    stopped: Stopped,
}

impl SqliteStore {
    /// Opens the store in the directory, which is made if it is missing, and brings its schema up
    /// to date.
    ///
    /// Blocks until what the last process left is recovered.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another handle has it open; [`StoreError::Incompatible`] and
    /// [`StoreError::Damaged`] name the file.
    pub fn open(directory: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        Self::open_on(directory.as_ref(), options, Box::new(RealDisk))
    }

    fn open_on(
        directory: &Path,
        options: SqliteOptions,
        disk: Box<dyn Disk>,
    ) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory)
            .map_err(|error| fault::io("create", directory, &error))?;
        let lock = DirectoryLock::take(directory)?;
        let path = directory.join(FILE_NAME);
        let counters = Arc::<Counters>::default();
        let stopped = Arc::new(SetOnce::new());
        let shared = (Arc::clone(&counters), Arc::clone(&stopped));
        let writer = Writer::open(&path, options, disk, lock, shared.0, shared.1)?;
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
            readers: Readers::new(&path, options.readers_max),
            options,
            counters,
            stopped,
        })
    }

    /// What the store has done since it was opened.
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// Waits until the store has stopped for good, and says why.
    pub async fn stopped(&self) -> String {
        self.stopped.wait().await.clone()
    }

    /// Runs work of the writer, one at a time.
    async fn as_writer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let writing = tokio::task::spawn_blocking(move || work(&mut writer));
        let ended = writing.await;
        ended.map_err(|error| StoreError::Unavailable {
            reason: format!("a write was lost: {error}"),
        })?
    }

    /// Runs a read, and counts what it had to skip.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &mut Fetcher) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, StoreError> {
        writer::check(&self.stopped)?;
        let reading = self.readers.run(move |connection| {
            let mut fetcher = Fetcher::default();
            let value = work(connection, &mut fetcher)?;
            Ok((value, fetcher.corrupt))
        });
        let (value, corrupt) = reading.await?;
        if corrupt > 0 {
            tracing::warn!(rows = corrupt, "skipped damaged rows of the store");
            stats::add(&self.counters.corrupt_rows, corrupt);
        }
        Ok(value)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn write(&self, rows: Rows) -> Result<(), StoreError> {
        self.as_writer(move |writer| writer.write(&rows)).await
    }

    async fn minutes(&self, query: &MinuteQuery) -> Result<Vec<MinuteRow>, StoreError> {
        let (query, limits) = (query.clone(), self.options.limits);
        self.read(move |connection, fetcher| history::minutes(connection, fetcher, &query, &limits))
            .await
    }

    async fn windows(&self, query: &WindowQuery) -> Result<Vec<WindowRow>, StoreError> {
        let (query, limits) = (query.clone(), self.options.limits);
        self.read(move |connection, fetcher| history::windows(connection, fetcher, &query, &limits))
            .await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<HistoryPoint>, StoreError> {
        let (query, limits) = (query.clone(), self.options.limits);
        self.read(move |connection, fetcher| history::history(connection, fetcher, &query, &limits))
            .await
    }

    async fn uptime(
        &self,
        endpoints: &[EndpointId],
        range: MinuteRange,
    ) -> Result<Vec<SeriesUptime>, StoreError> {
        let (endpoints, limits) = (endpoints.to_vec(), self.options.limits);
        self.read(move |connection, fetcher| {
            let series = series::of_endpoints(connection, &endpoints, &mut fetcher.corrupt)?;
            uptime::read(connection, fetcher, &series, range, &limits)
        })
        .await
    }

    async fn agents(&self, range: MinuteRange) -> Result<Vec<AgentRow>, StoreError> {
        let rows_max = self.options.limits.rows_max;
        self.read(move |connection, fetcher| agents::read(connection, fetcher, range, rows_max))
            .await
    }

    async fn rulings(
        &self,
        model: &ModelId,
        range: MinuteRange,
    ) -> Result<Vec<RulingRow>, StoreError> {
        let (model, rows_max) = (model.clone(), self.options.limits.rows_max);
        self.read(move |connection, fetcher| {
            gates::read(connection, fetcher, &model, range, rows_max)
        })
        .await
    }

    async fn attempts(&self, query: &AttemptQuery) -> Result<Vec<AttemptRow>, StoreError> {
        let (query, limits) = (query.clone(), self.options.limits);
        self.read(move |connection, fetcher| attempts::read(connection, fetcher, &query, &limits))
            .await
    }

    async fn incidents(&self, query: &IncidentQuery) -> Result<Vec<Incident>, StoreError> {
        let (query, limits) = (query.clone(), self.options.limits);
        self.read(move |connection, fetcher| incidents::read(connection, fetcher, &query, &limits))
            .await
    }

    async fn enforce_retention(&self, now: Timestamp) -> Result<Expired, StoreError> {
        let horizon = Horizon::at(now, &self.options.retention);
        let mut expired = Expired::default();
        for kind in Kind::ALL {
            let total = match kind {
                Kind::Minutes => &mut expired.minutes,
                Kind::Windows => &mut expired.windows,
                Kind::Agents => &mut expired.agents,
                Kind::Attempts => &mut expired.attempts,
            };
            loop {
                let delete = move |writer: &mut Writer| {
                    writer.transact(|connection, numbers| {
                        retention::delete_some(connection, numbers, kind, horizon)
                    })
                };
                let rows = self.as_writer(delete).await?;
                if rows == 0 {
                    break;
                }
                *total += rows;
                stats::add(&self.counters.expired_rows, rows);
            }
        }
        self.as_writer(move |writer| {
            writer.transact(|connection, numbers| {
                retention::delete_rest(connection, numbers, horizon)
            })
        })
        .await?;
        Ok(expired)
    }
}
