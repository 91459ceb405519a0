//! Puts records into the observations log, and knows when the log is beyond repair.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use governor::Quota;
use sextant_eventlog::{EventLog, LogError, Record};
use sextant_intake::limiter::Limiter;
use sextant_wire::topics::OBSERVATIONS;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::metrics::Logged;

/// A record and its partition.
pub(crate) type Placed = (u32, Bytes);

/// The observations topic of a log.
pub(crate) struct Appender {
    log: Arc<dyn EventLog>,
    failure: watch::Sender<Option<LogError>>,
    metrics: Arc<Logged>,
    /// Keeps a failing log from flooding the process' own.
    warnings: Limiter,
}

impl Appender {
    pub(crate) fn new(log: Arc<dyn EventLog>, metrics: Arc<Logged>) -> Self {
        Self {
            log,
            failure: watch::Sender::new(None),
            metrics,
            warnings: Limiter::new(Quota::per_second(NonZeroU32::MIN)),
        }
    }

    /// Appends all records at the same time and waits for every one, whatever becomes of the
    /// others. All are durable unless this is an error; then the gravest one is given.
    pub(crate) async fn append_all(&self, records: Vec<Placed>) -> Result<(), LogError> {
        let bytes: usize = records.iter().map(|(_, record)| record.len()).sum();
        let begun = Instant::now();
        let appends = records.into_iter().map(|(partition, record)| {
            let record = Record {
                value: Some(record),
                ..Record::default()
            };
            self.log.append(OBSERVATIONS, partition, vec![record])
        });
        let outcomes = join_all(appends).await;
        self.metrics
            .append_seconds
            .0
            .observe(begun.elapsed().as_secs_f64());
        let failures = outcomes.into_iter().filter_map(Result::err);
        match failures.max_by_key(is_fatal) {
            None => {
                let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
                self.metrics.sent_bytes.inc_by(bytes);
                Ok(())
            }
            Some(error) => {
                self.metrics.count_append_error(&error);
                if is_fatal(&error) {
                    self.fail(error.clone());
                } else if self.warnings.take(1).is_ok() {
                    tracing::warn!(%error, topic = OBSERVATIONS, "observations not appended");
                }
                Err(error)
            }
        }
    }

    /// Whether nothing can be appended any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.borrow().is_some()
    }

    /// Waits for the failure after which nothing can be appended any more.
    pub(crate) async fn failed(&self) -> LogError {
        let mut failure = self.failure.subscribe();
        loop {
            if let Some(error) = failure.borrow_and_update().clone() {
                return error;
            }
            if failure.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// The first failure stands.
    fn fail(&self, error: LogError) {
        self.failure.send_if_modified(|failure| {
            let is_first = failure.is_none();
            failure.get_or_insert(error);
            is_first
        });
    }
}

/// Whether no later append can succeed: someone has to look.
fn is_fatal(error: &LogError) -> bool {
    match error {
        // Too large is the one batch's fault; a log is closed when its process ends.
        LogError::TooLarge { .. } | LogError::Closed => false,
        error => !error.is_transient(),
    }
}
