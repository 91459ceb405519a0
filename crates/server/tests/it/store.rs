//! A store that holds what a test puts there, or is away.

use std::future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use sextant_incident::Incident;
use sextant_measure::id::{EndpointId, ModelId};
use sextant_measure::time::Timestamp;
use sextant_store::{
    AgentRow, AttemptQuery, AttemptRow, Expired, HistoryPoint, HistoryQuery, IncidentQuery,
    MinuteQuery, MinuteRange, MinuteRow, Rows, RulingRow, SeriesUptime, Store, StoreError,
    WindowQuery, WindowRow,
};

#[derive(Default)]
pub(crate) struct Shelf {
    points: Mutex<Vec<HistoryPoint>>,
    windows: Mutex<Vec<WindowRow>>,
    incidents: Mutex<Vec<Incident>>,
    asked_incidents: Mutex<Vec<IncidentQuery>>,
    error: Mutex<Option<StoreError>>,
    asked: Mutex<Vec<HistoryQuery>>,
    asked_windows: Mutex<Vec<WindowQuery>>,
    is_stalled: AtomicBool,
}

impl Shelf {
    pub(crate) fn hold(&self, points: Vec<HistoryPoint>) {
        *self.points.lock().unwrap() = points;
    }

    pub(crate) fn hold_windows(&self, windows: Vec<WindowRow>) {
        *self.windows.lock().unwrap() = windows;
    }

    pub(crate) fn hold_incidents(&self, incidents: Vec<Incident>) {
        *self.incidents.lock().unwrap() = incidents;
    }

    pub(crate) fn last_incidents_query(&self) -> IncidentQuery {
        self.asked_incidents.lock().unwrap().last().unwrap().clone()
    }

    pub(crate) fn last_windows_query(&self) -> WindowQuery {
        self.asked_windows.lock().unwrap().last().unwrap().clone()
    }

    pub(crate) fn fail(&self, error: StoreError) {
        *self.error.lock().unwrap() = Some(error);
    }

    /// What is asked from now on is never answered; what is asked after that again is.
    pub(crate) fn stall(&self, is_stalled: bool) {
        self.is_stalled.store(is_stalled, Ordering::SeqCst);
    }

    pub(crate) fn last_query(&self) -> HistoryQuery {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

#[async_trait]
impl Store for Shelf {
    async fn history(&self, query: &HistoryQuery) -> Result<Vec<HistoryPoint>, StoreError> {
        self.asked.lock().unwrap().push(query.clone());
        if self.is_stalled.load(Ordering::SeqCst) {
            future::pending::<()>().await;
        }
        match self.error.lock().unwrap().clone() {
            Some(error) => Err(error),
            None => Ok(self.points.lock().unwrap().clone()),
        }
    }

    async fn write(&self, _: Rows) -> Result<(), StoreError> {
        panic!("a server writes nothing")
    }

    async fn minutes(&self, _: &MinuteQuery) -> Result<Vec<MinuteRow>, StoreError> {
        panic!("a server reads no minutes")
    }

    async fn windows(&self, query: &WindowQuery) -> Result<Vec<WindowRow>, StoreError> {
        self.asked_windows.lock().unwrap().push(query.clone());
        match self.error.lock().unwrap().clone() {
            Some(error) => Err(error),
            None => Ok(self.windows.lock().unwrap().clone()),
        }
    }

    async fn uptime(
        &self,
        _: &[EndpointId],
        _: MinuteRange,
    ) -> Result<Vec<SeriesUptime>, StoreError> {
        panic!("a server reads no uptime")
    }

    async fn incidents(&self, query: &IncidentQuery) -> Result<Vec<Incident>, StoreError> {
        self.asked_incidents.lock().unwrap().push(query.clone());
        match self.error.lock().unwrap().clone() {
            Some(error) => Err(error),
            None => Ok(self.incidents.lock().unwrap().clone()),
        }
    }

    async fn attempts(&self, _: &AttemptQuery) -> Result<Vec<AttemptRow>, StoreError> {
        panic!("a server reads no attempts")
    }

    async fn agents(&self, _: MinuteRange) -> Result<Vec<AgentRow>, StoreError> {
        panic!("a server reads no agents")
    }

    async fn rulings(&self, _: &ModelId, _: MinuteRange) -> Result<Vec<RulingRow>, StoreError> {
        panic!("a server reads no rulings")
    }

    async fn enforce_retention(&self, _: Timestamp) -> Result<Expired, StoreError> {
        panic!("a server deletes nothing")
    }
}
