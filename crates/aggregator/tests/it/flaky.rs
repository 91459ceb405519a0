//! A store that can be told to fail.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sextant_incident::Incident;
use sextant_measure::id::{EndpointId, ModelId};
use sextant_measure::time::Timestamp;
use sextant_store::sqlite::{SqliteOptions, SqliteStore};
use sextant_store::{
    AgentRow, AttemptQuery, AttemptRow, Expired, HistoryPoint, HistoryQuery, IncidentQuery,
    MinuteQuery, MinuteRange, MinuteRow, Rows, RulingRow, SeriesUptime, Store, StoreError,
    WindowQuery, WindowRow,
};

/// Fails the calls of owners for as long as it is told to.
pub(crate) struct Flaky {
    store: SqliteStore,
    failure: Mutex<Option<StoreError>>,
    hangs: AtomicBool,
}

impl Flaky {
    pub(crate) fn open(folder: &Path) -> Arc<Self> {
        Arc::new(Self {
            store: SqliteStore::open(folder, SqliteOptions::default()).unwrap(),
            failure: Mutex::default(),
            hangs: AtomicBool::default(),
        })
    }

    /// Is away from here on.
    pub(crate) fn leave(&self) {
        self.fail(StoreError::Unavailable {
            reason: "away".into(),
        });
    }

    /// Takes calls from here on, and answers none.
    pub(crate) fn hang(&self) {
        self.hangs.store(true, Ordering::Relaxed);
    }

    /// Answers calls from here on.
    pub(crate) fn answer(&self) {
        self.hangs.store(false, Ordering::Relaxed);
    }

    /// Is back from here on.
    pub(crate) fn come_back(&self) {
        *self.failure.lock().unwrap() = None;
    }

    pub(crate) fn fail(&self, error: StoreError) {
        *self.failure.lock().unwrap() = Some(error);
    }

    async fn here(&self) -> Result<(), StoreError> {
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.failure.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Store for Flaky {
    async fn write(&self, rows: Rows) -> Result<(), StoreError> {
        self.here().await?;
        self.store.write(rows).await
    }

    async fn minutes(&self, query: &MinuteQuery) -> Result<Vec<MinuteRow>, StoreError> {
        self.store.minutes(query).await
    }

    async fn windows(&self, query: &WindowQuery) -> Result<Vec<WindowRow>, StoreError> {
        self.store.windows(query).await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<HistoryPoint>, StoreError> {
        self.store.history(query).await
    }

    async fn uptime(
        &self,
        endpoints: &[EndpointId],
        range: MinuteRange,
    ) -> Result<Vec<SeriesUptime>, StoreError> {
        self.here().await?;
        self.store.uptime(endpoints, range).await
    }

    async fn agents(&self, range: MinuteRange) -> Result<Vec<AgentRow>, StoreError> {
        self.store.agents(range).await
    }

    async fn rulings(
        &self,
        model: &ModelId,
        range: MinuteRange,
    ) -> Result<Vec<RulingRow>, StoreError> {
        self.store.rulings(model, range).await
    }

    async fn incidents(&self, query: &IncidentQuery) -> Result<Vec<Incident>, StoreError> {
        self.store.incidents(query).await
    }

    async fn attempts(&self, query: &AttemptQuery) -> Result<Vec<AttemptRow>, StoreError> {
        self.store.attempts(query).await
    }

    async fn enforce_retention(&self, now: Timestamp) -> Result<Expired, StoreError> {
        self.store.enforce_retention(now).await
    }
}
