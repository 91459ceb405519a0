//! Writes to the store beside the windows: one write at a time, tried until it succeeds, so that
//! a store that is away stops nothing else. One that has failed for good ends the owner.

use std::sync::Arc;
use std::time::Duration;

use sextant_measure::id::EndpointId;
use sextant_store::{MinuteRange, Rows, SeriesUptime, Store, StoreError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::AggregatorError;
use crate::metrics::Metrics;

const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(10);
/// Rows in one call of the store, far below what any takes. Rows are whole, so that what is written
/// before a crash only saves work afterwards.
const ROWS_MAX: usize = 10_000;

/// The store, as one owner uses it.
pub(crate) struct Storing {
    store: Arc<dyn Store>,
    tasks: TaskTracker,
    stop: CancellationToken,
    metrics: Metrics,
    writing: Option<JoinHandle<Outcome<()>>>,
    asking: Option<JoinHandle<Outcome<Answer>>>,
}

/// What came of a call; nothing if there was a stop meanwhile.
pub(crate) type Outcome<T> = Result<Option<T>, StoreError>;

/// What the store knows of some endpoints.
pub(crate) struct Answer {
    pub(crate) asked: Vec<EndpointId>,
    pub(crate) range: MinuteRange,
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
            for rows in rows.into_pieces(ROWS_MAX) {
                let written = until_stopped(&stop, &metrics, || store.write(rows.clone())).await?;
                if written.is_none() {
                    return Ok(None);
                }
                metrics.stored(rows.len());
            }
            Ok(Some(()))
        }));
    }

    /// Whether the write that was under way is in the store; `None` while it goes on.
    pub(crate) async fn written(&mut self) -> Result<Option<bool>, AggregatorError> {
        let finished = self.writing.as_ref().is_some_and(JoinHandle::is_finished);
        if finished {
            self.finish().await
        } else {
            Ok(None)
        }
    }

    /// Waits for the write under way, if any. May be dropped and called again.
    pub(crate) async fn finish(&mut self) -> Result<Option<bool>, AggregatorError> {
        let Some(writing) = &mut self.writing else {
            return Ok(None);
        };
        let ended = writing.await;
        self.writing = None;
        let outcome = ended.map_err(|error| AggregatorError::Panicked(error.to_string()))?;
        let written = outcome.map_err(AggregatorError::store("writing to the store"))?;
        Ok(Some(written.is_some()))
    }

    /// Asks what the store knows of endpoints in a range, unless it is being asked already.
    pub(crate) fn ask(&mut self, asked: Vec<EndpointId>, range: MinuteRange) {
        if self.asking.is_some() || asked.is_empty() {
            return;
        }
        let (store, stop) = (Arc::clone(&self.store), self.stop.clone());
        let metrics = self.metrics.clone();
        self.asking = Some(self.tasks.spawn(async move {
            let found = uptime_of(&asked, range, &*store, &stop, &metrics).await?;
            Ok(found.map(|found| Answer {
                asked,
                range,
                found,
            }))
        }));
    }

    /// What the store answered, once it has.
    pub(crate) async fn answered(&mut self) -> Result<Option<Answer>, AggregatorError> {
        let Some(asking) = self.asking.take_if(|asking| asking.is_finished()) else {
            return Ok(None);
        };
        let ended = asking.await;
        let outcome = ended.map_err(|error| AggregatorError::Panicked(error.to_string()))?;
        outcome.map_err(AggregatorError::store("asking the store"))
    }
}

impl Drop for Storing {
    fn drop(&mut self) {
        // Whoever owns the partition next writes it again from the log.
        if let Some(writing) = &self.writing {
            writing.abort();
        }
        if let Some(asking) = &self.asking {
            asking.abort();
        }
    }
}

/// Asks in as many parts as the store wants.
async fn uptime_of(
    asked: &[EndpointId],
    range: MinuteRange,
    store: &dyn Store,
    stop: &CancellationToken,
    metrics: &Metrics,
) -> Outcome<Vec<SeriesUptime>> {
    let (mut found, mut parts) = (Vec::new(), vec![asked]);
    while let Some(part) = parts.pop() {
        match until_stopped(stop, metrics, || store.uptime(part, range)).await {
            Ok(Some(more)) => found.extend(more),
            Ok(None) => return Ok(None),
            Err(StoreError::TooMany { .. }) if part.len() > 1 => {
                let (one, other) = part.split_at(part.len() / 2);
                parts.extend([one, other]);
            }
            Err(error @ StoreError::TooMany { .. }) => {
                tracing::warn!(%error, "an endpoint goes without its long windows");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(found))
}

/// Tries until it succeeds, fails for good or there is a stop, later and later. Someone may mend
/// what a store refuses, and windows go on meanwhile.
pub(crate) async fn until_stopped<T, F>(
    stop: &CancellationToken,
    metrics: &Metrics,
    mut attempt: impl FnMut() -> F,
) -> Outcome<T>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut pause = RETRY_FIRST;
    loop {
        match attempt().await {
            Ok(done) => return Ok(Some(done)),
            Err(error) => {
                metrics.error("using the store");
                let retry_ms = pause.as_millis();
                match error {
                    StoreError::Refused { .. } => {
                        tracing::error!(%error, retry_ms, "the store is to be mended");
                    }
                    error if error.is_transient() => {
                        tracing::warn!(%error, retry_ms, "the store refused");
                    }
                    error => return Err(error),
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(RETRY_LAST);
    }
}
