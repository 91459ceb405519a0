//! A store on ClickHouse, for any number of processes.
//!
//! Tables end in `_rows`; views over them are what people ask (`docs/clickhouse.md`). A row is
//! whole and has a version; of rows with one key the engine keeps the highest version when it
//! merges parts, and every read looks past those that are not merged yet (`FINAL`), within the
//! days that it asks for. `schema/` says more where it is decided.
//!
//! The schema is made and changed by [`migrate`] alone; [`ClickHouseStore::open`] only looks.
//!
//! What differs from a store in a file: a write that ends in [`StoreError::Unavailable`] may stand
//! in part; minutes after 2106-02-07 are refused; rows are deleted by whole days.

mod agents;
mod config;
mod counted;
mod fault;
mod history;
mod migration;
mod read;
mod retention;
mod server;
mod stats;
mod steps;
#[cfg(test)]
mod tests;
mod uptime;
mod windows;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use sextant_measure::id::EndpointId;
use sextant_measure::time::Timestamp;

pub use self::config::{ClickHouseConfig, RetentionConfig};
pub use self::migration::migrate;
pub use self::stats::Stats;

use self::server::Servers;
use self::stats::Counters;
use self::write::Writer;
use crate::{
    AgentRow, Expired, HistoryPoint, HistoryQuery, Limits, MinuteQuery, MinuteRange, MinuteRow,
    Rows, SeriesUptime, Store, StoreError, WindowQuery, WindowRow,
};

/// The newest schema that this version reads and writes.
pub const SCHEMA_VERSION: u32 = migration::VERSION;

/// A store in a database of ClickHouse.
pub struct ClickHouseStore {
    servers: Arc<Servers>,
    writer: Writer,
    config: ClickHouseConfig,
    limits: Limits,
    counters: Arc<Counters>,
}

impl ClickHouseStore {
    /// Opens the store, whose schema must be this version's.
    ///
    /// # Errors
    /// [`StoreError::Refused`] says what to do: of the credentials, or to run [`migrate`];
    /// [`StoreError::Incompatible`] if the schema is newer; [`StoreError::Damaged`] if it was made
    /// by other scripts of the same numbers; [`StoreError::Unavailable`] if no server answers.
    pub async fn open(
        config: ClickHouseConfig,
        password: Option<&SecretString>,
        limits: Limits,
    ) -> Result<Self, StoreError> {
        let servers = Arc::new(Servers::new(&config, password)?);
        let mut found = migration::check(&servers, &config).await;
        for _ in 1..config.urls.len() {
            if found.as_ref().is_err_and(StoreError::is_transient) {
                found = migration::check(&servers, &config).await;
            }
        }
        found?;
        let counters = Arc::<Counters>::default();
        let shared = (Arc::clone(&servers), Arc::clone(&counters));
        let writer = Writer::start(
            shared.0,
            shared.1,
            config.batch_rows_max,
            config.batch_wait(),
        );
        Ok(Self {
            servers,
            writer,
            config,
            limits,
            counters,
        })
    }

    /// What the store has done since it was opened.
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// Counts what a read had to skip.
    fn sound<T>(&self, (value, corrupt): (T, u64)) -> T {
        if corrupt > 0 {
            tracing::warn!(
                rows = corrupt,
                "skipped rows of the store that it did not write"
            );
            stats::add(&self.counters.corrupt_rows, corrupt);
        }
        value
    }
}

#[async_trait]
impl Store for ClickHouseStore {
    async fn write(&self, rows: Rows) -> Result<(), StoreError> {
        rows.check(&self.limits)?;
        write::check(&rows)?;
        if rows.is_empty() {
            return Ok(());
        }
        self.writer.write(rows).await
    }

    async fn minutes(&self, query: &MinuteQuery) -> Result<Vec<MinuteRow>, StoreError> {
        let found = read::minutes(&self.servers, query, &self.limits).await?;
        Ok(self.sound(found))
    }

    async fn windows(&self, query: &WindowQuery) -> Result<Vec<WindowRow>, StoreError> {
        let found = read::windows(&self.servers, query, &self.limits).await?;
        Ok(self.sound(found))
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<HistoryPoint>, StoreError> {
        let found = history::history(&self.servers, query, &self.limits).await?;
        Ok(self.sound(found))
    }

    async fn uptime(
        &self,
        endpoints: &[EndpointId],
        range: MinuteRange,
    ) -> Result<Vec<SeriesUptime>, StoreError> {
        let found = uptime::uptime(&self.servers, endpoints, range, &self.limits).await?;
        Ok(self.sound(found))
    }

    async fn agents(&self, range: MinuteRange) -> Result<Vec<AgentRow>, StoreError> {
        let found = read::agents(&self.servers, range, self.limits.rows_max).await?;
        Ok(self.sound(found))
    }

    async fn enforce_retention(&self, now: Timestamp) -> Result<Expired, StoreError> {
        let expired = retention::enforce(&self.servers, &self.config, now).await?;
        let rows = expired.minutes + expired.windows + expired.agents;
        stats::add(&self.counters.expired_rows, rows);
        Ok(expired)
    }
}
