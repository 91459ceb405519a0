//! The store itself.

use std::sync::Arc;

use async_trait::async_trait;
use sextant_incident::Incident;
use sextant_measure::id::{EndpointId, ModelId};
use sextant_measure::time::Timestamp;
use tokio::sync::OnceCell;

use super::config::ClickHouseConfig;
use super::server::Servers;
use super::stats::{self, Counters, Stats};
use super::write::{self, Writer};
use super::{attempts, history, incidents, migration, read, retention, uptime};
use crate::{
    AgentRow, AttemptQuery, AttemptRow, Expired, HistoryPoint, HistoryQuery, IncidentQuery, Limits,
    MinuteQuery, MinuteRange, MinuteRow, Retention, Rows, RulingRow, SeriesUptime, Store,
    StoreError, WindowQuery, WindowRow,
};

/// The newest schema that this version reads and writes.
pub const SCHEMA_VERSION: u32 = migration::VERSION;

/// A store in a database of ClickHouse.
pub struct ClickHouseStore {
    servers: Arc<Servers>,
    writer: Writer,
    config: ClickHouseConfig,
    retention: Retention,
    limits: Limits,
    counters: Arc<Counters>,
    is_checked: OnceCell<()>,
}

impl ClickHouseStore {
    /// Makes the clients. The servers need not be there yet: what the schema is, the first call
    /// that reaches one finds out.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for settings that can't be used.
    pub fn new(
        config: ClickHouseConfig,
        retention: Retention,
        limits: Limits,
    ) -> Result<Self, StoreError> {
        let servers = Arc::new(Servers::new(&config)?);
        let counters = Arc::<Counters>::default();
        let writer = Writer::start(
            Arc::clone(&servers),
            Arc::clone(&counters),
            config.batch_rows_max.into(),
            config.batch_wait(),
        );
        Ok(Self {
            servers,
            writer,
            config,
            retention,
            limits,
            counters,
            is_checked: OnceCell::new(),
        })
    }

    /// Looks whether the schema is this version's, until it has been seen to be.
    ///
    /// # Errors
    /// [`StoreError::Refused`] says what to do: of the credentials, or to run [`migrate`](super::migrate);
    /// [`StoreError::Incompatible`] if the schema is newer; [`StoreError::Damaged`] if it was made
    /// by other scripts of the same numbers; [`StoreError::Unavailable`] if no server answers.
    pub async fn check(&self) -> Result<(), StoreError> {
        let checked = self.is_checked.get_or_try_init(async || {
            let mut found = migration::check(&self.servers, &self.config).await;
            for _ in 1..self.config.urls().count() {
                if found.as_ref().is_err_and(StoreError::is_transient) {
                    found = migration::check(&self.servers, &self.config).await;
                }
            }
            found
        });
        checked.await.copied()
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
        self.check().await?;
        self.writer.write(rows).await
    }

    async fn minutes(&self, query: &MinuteQuery) -> Result<Vec<MinuteRow>, StoreError> {
        self.check().await?;
        let found = read::minutes(&self.servers, query, &self.limits).await?;
        Ok(self.sound(found))
    }

    async fn windows(&self, query: &WindowQuery) -> Result<Vec<WindowRow>, StoreError> {
        self.check().await?;
        let found = read::windows(&self.servers, query, &self.limits).await?;
        Ok(self.sound(found))
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<HistoryPoint>, StoreError> {
        self.check().await?;
        let found = history::history(&self.servers, query, &self.limits).await?;
        Ok(self.sound(found))
    }

    async fn uptime(
        &self,
        endpoints: &[EndpointId],
        range: MinuteRange,
    ) -> Result<Vec<SeriesUptime>, StoreError> {
        self.check().await?;
        let found = uptime::uptime(&self.servers, endpoints, range, &self.limits).await?;
        Ok(self.sound(found))
    }

    async fn agents(&self, range: MinuteRange) -> Result<Vec<AgentRow>, StoreError> {
        self.check().await?;
        let found = read::agents(&self.servers, range, self.limits.rows_max).await?;
        Ok(self.sound(found))
    }

    async fn rulings(
        &self,
        model: &ModelId,
        range: MinuteRange,
    ) -> Result<Vec<RulingRow>, StoreError> {
        self.check().await?;
        let rows_max = self.limits.rows_max;
        let found = read::rulings(&self.servers, model, range, rows_max).await?;
        Ok(self.sound(found))
    }

    async fn attempts(&self, query: &AttemptQuery) -> Result<Vec<AttemptRow>, StoreError> {
        self.check().await?;
        let found = attempts::read(&self.servers, query, &self.limits).await?;
        Ok(self.sound(found))
    }

    async fn incidents(&self, query: &IncidentQuery) -> Result<Vec<Incident>, StoreError> {
        self.check().await?;
        let found = incidents::read(&self.servers, query, &self.limits).await?;
        Ok(self.sound(found))
    }

    async fn enforce_retention(&self, now: Timestamp) -> Result<Expired, StoreError> {
        self.check().await?;
        let expired = retention::enforce(&self.servers, &self.config, self.retention, now).await?;
        let rows = expired.minutes + expired.windows + expired.agents + expired.attempts;
        stats::add(&self.counters.expired_rows, rows);
        Ok(expired)
    }
}
