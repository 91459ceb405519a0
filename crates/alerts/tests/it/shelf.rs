//! A store in memory that takes incidents, and can be away.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use sextant_incident::Incident;
use sextant_measure::id::{EndpointId, ModelId};
use sextant_measure::time::Timestamp;
use sextant_store::{
    AgentRow, AttemptQuery, AttemptRow, Expired, HistoryPoint, HistoryQuery, IncidentQuery,
    MinuteQuery, MinuteRange, MinuteRow, Rows, RulingRow, SeriesUptime, Store, StoreError,
    WindowQuery, WindowRow,
};

/// A store in memory. Of an incident its end stands.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    incidents: Mutex<BTreeMap<String, Incident>>,
    is_away: AtomicBool,
}

impl Shelf {
    pub(crate) fn away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    /// Each incident, and whether it is open.
    pub(crate) fn shown(&self) -> Vec<String> {
        let held = self
            .incidents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let shown = held.values().map(|it| {
            let state = if it.is_open() { "open" } else { "closed" };
            format!("{} {state}", it.alert)
        });
        shown.collect()
    }
}

const UNASKED: &str = "alerts read nothing of the store";

#[async_trait]
impl Store for Shelf {
    async fn write(&self, rows: Rows) -> Result<(), StoreError> {
        if self.is_away.load(Ordering::Relaxed) {
            let reason = "a test".to_owned();
            return Err(StoreError::Unavailable { reason });
        }
        assert_eq!(rows.len(), rows.incidents.len() as u64, "nothing else");
        let mut held = self
            .incidents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for row in rows.incidents {
            let has_ended = held.get(&row.id()).is_some_and(|it| !it.is_open());
            if !has_ended {
                held.insert(row.id(), row);
            }
        }
        Ok(())
    }

    async fn minutes(&self, _: &MinuteQuery) -> Result<Vec<MinuteRow>, StoreError> {
        panic!("{UNASKED}")
    }

    async fn windows(&self, _: &WindowQuery) -> Result<Vec<WindowRow>, StoreError> {
        panic!("{UNASKED}")
    }

    async fn history(&self, _: &HistoryQuery) -> Result<Vec<HistoryPoint>, StoreError> {
        panic!("{UNASKED}")
    }

    async fn uptime(
        &self,
        _: &[EndpointId],
        _: MinuteRange,
    ) -> Result<Vec<SeriesUptime>, StoreError> {
        panic!("{UNASKED}")
    }

    async fn agents(&self, _: MinuteRange) -> Result<Vec<AgentRow>, StoreError> {
        panic!("{UNASKED}")
    }

    async fn rulings(&self, _: &ModelId, _: MinuteRange) -> Result<Vec<RulingRow>, StoreError> {
        panic!("{UNASKED}")
    }

    async fn attempts(&self, _: &AttemptQuery) -> Result<Vec<AttemptRow>, StoreError> {
        panic!("{UNASKED}")
    }

    async fn incidents(&self, _: &IncidentQuery) -> Result<Vec<Incident>, StoreError> {
        panic!("{UNASKED}")
    }

    async fn enforce_retention(&self, _: Timestamp) -> Result<Expired, StoreError> {
        panic!("{UNASKED}")
    }
}
