//! Writes to the store beside the windows: one write at a time, tried until it succeeds, so that
//! a store that is away stops nothing else.

use std::sync::Arc;
use std::time::Duration;

use sextant_measure::id::EndpointId;
use sextant_store::{MinuteRange, Rows, SeriesUptime, Store, StoreError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;

const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(10);

/// The store, as one owner uses it.
pub(crate) struct Storing {
    store: Arc<dyn Store>,
    tasks: TaskTracker,
    stop: CancellationToken,
    metrics: Metrics,
    writing: Option<JoinHandle<bool>>,
    asking: Option<JoinHandle<Option<Answer>>>,
}

/// What the store knows of some endpoints.
pub(crate) struct Answer {
    pub(crate) asked: Vec<EndpointId>,
    pub(crate) found: Vec<SeriesUptime>,
}

impl Storing {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        tasks: TaskTracker,
        stop: CancellationToken,
        metrics: Metrics,
    ) -> Self {
        Self {
            store,
            tasks,
            stop,
            metrics,
            writing: None,
            asking: None,
        }
    }

    /// Whether a write is under way.
    pub(crate) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Begins a write; there must be none under way.
    pub(crate) fn write(&mut self, rows: Rows) {
        let (store, stop) = (Arc::clone(&self.store), self.stop.clone());
        let metrics = self.metrics.clone();
        self.writing = Some(self.tasks.spawn(async move {
            let count = rows.minutes.len() + rows.windows.len() + rows.agents.len();
            let written = until_stopped(&stop, &metrics, || store.write(rows.clone())).await;
            if written.is_some() {
                metrics.stored(count);
            }
            written.is_some()
        }));
    }

    /// Whether the write that was under way has ended in the store; `None` while it goes on.
    pub(crate) async fn written(&mut self) -> Option<bool> {
        let finished = self.writing.as_ref().is_some_and(JoinHandle::is_finished);
        if finished { self.finish().await } else { None }
    }

    /// Waits for the write under way, if any.
    pub(crate) async fn finish(&mut self) -> Option<bool> {
        let writing = self.writing.take()?;
        Some(writing.await.unwrap_or(false))
    }

    /// Asks what the store knows of endpoints in a range, unless it is being asked already.
    pub(crate) fn ask(&mut self, asked: Vec<EndpointId>, range: MinuteRange) {
        if self.asking.is_some() || asked.is_empty() {
            return;
        }
        let (store, stop) = (Arc::clone(&self.store), self.stop.clone());
        let metrics = self.metrics.clone();
        self.asking = Some(self.tasks.spawn(async move {
            let found = until_stopped(&stop, &metrics, || store.uptime(&asked, range)).await?;
            Some(Answer { asked, found })
        }));
    }

    /// What the store answered, once it has.
    pub(crate) async fn answered(&mut self) -> Option<Answer> {
        if !self.asking.as_ref()?.is_finished() {
            return None;
        }
        self.asking.take()?.await.ok().flatten()
    }
}

/// Tries until it succeeds or the process stops, later and later.
async fn until_stopped<T, F>(
    stop: &CancellationToken,
    metrics: &Metrics,
    mut attempt: impl FnMut() -> F,
) -> Option<T>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut pause = RETRY_FIRST;
    loop {
        match attempt().await {
            Ok(done) => return Some(done),
            Err(error) => {
                metrics.error("using_the_store");
                tracing::warn!(%error, retry_ms = pause.as_millis(), "the store refused");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(RETRY_LAST);
    }
}
