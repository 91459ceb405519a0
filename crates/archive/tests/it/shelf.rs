//! A store in memory that can be told to fail. Of attempts with one identity the first stands.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use sextant_incident::Incident;
use sextant_measure::id::{EndpointId, ModelId, SeriesId};
use sextant_measure::time::Timestamp;
use sextant_store::{
    AgentRow, AttemptKey, AttemptQuery, AttemptRow, Expired, HistoryPoint, HistoryQuery,
    IncidentQuery, MinuteQuery, MinuteRange, MinuteRow, Rows, RulingRow, SeriesUptime, Store,
    StoreError, WindowQuery, WindowRow,
};

type Identity = (SeriesId, Timestamp, AttemptKey);

#[derive(Default)]
pub(crate) struct Shelf {
    rows: Mutex<BTreeMap<Identity, AttemptRow>>,
    failure: Mutex<Option<StoreError>>,
    hangs: AtomicBool,
    calls: AtomicU64,
}

impl Shelf {
    /// All attempts, in the order of their keys.
    pub(crate) fn rows(&self) -> Vec<AttemptRow> {
        let mut rows: Vec<_> = self.rows.lock().unwrap().values().cloned().collect();
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        rows
    }

    /// Fails each write from here on, or none.
    pub(crate) fn fail(&self, error: Option<StoreError>) {
        *self.failure.lock().unwrap() = error;
    }

    /// Is away from here on.
    pub(crate) fn leave(&self) {
        self.fail(Some(StoreError::Unavailable {
            reason: "away".into(),
        }));
    }

    /// Takes calls from here on, and answers none.
    pub(crate) fn hang(&self) {
        self.hangs.store(true, Ordering::Relaxed);
    }

    /// How often it was written to.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Store for Shelf {
    async fn write(&self, rows: Rows) -> Result<(), StoreError> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        assert_eq!(rows.len(), rows.attempts.len() as u64, "nothing else");
        // Of those that fail, every other one has written nothing.
        let failure = self.failure.lock().unwrap().clone();
        if let Some(error) = failure.filter(|_| calls % 2 == 1) {
            return Err(error);
        }
        // Who is killed meanwhile has written some of them.
        for row in rows.attempts {
            tokio::task::yield_now().await;
            let at = row.measurement.completed_at;
            let identity = (row.series.clone(), at, row.key.clone());
            self.rows.lock().unwrap().entry(identity).or_insert(row);
        }
        // One that fails may have written all the same.
        tokio::task::yield_now().await;
        self.failure.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    async fn minutes(&self, _: &MinuteQuery) -> Result<Vec<MinuteRow>, StoreError> {
        panic!("an archive reads nothing")
    }

    async fn windows(&self, _: &WindowQuery) -> Result<Vec<WindowRow>, StoreError> {
        panic!("an archive reads nothing")
    }

    async fn history(&self, _: &HistoryQuery) -> Result<Vec<HistoryPoint>, StoreError> {
        panic!("an archive reads nothing")
    }

    async fn uptime(
        &self,
        _: &[EndpointId],
        _: MinuteRange,
    ) -> Result<Vec<SeriesUptime>, StoreError> {
        panic!("an archive reads nothing")
    }

    async fn agents(&self, _: MinuteRange) -> Result<Vec<AgentRow>, StoreError> {
        panic!("an archive reads nothing")
    }

    async fn rulings(&self, _: &ModelId, _: MinuteRange) -> Result<Vec<RulingRow>, StoreError> {
        panic!("an archive reads nothing")
    }

    async fn incidents(&self, _: &IncidentQuery) -> Result<Vec<Incident>, StoreError> {
        panic!("an archive reads nothing")
    }

    async fn attempts(&self, _: &AttemptQuery) -> Result<Vec<AttemptRow>, StoreError> {
        panic!("an archive reads nothing")
    }

    async fn enforce_retention(&self, _: Timestamp) -> Result<Expired, StoreError> {
        panic!("an archive deletes nothing")
    }
}
