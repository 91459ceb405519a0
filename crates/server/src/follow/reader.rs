//! Reads one partition of a log.

use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::{EventLog, Fetched, LogError, Offset, ReadLimit};
use sextant_measure::time::{Clock, Timestamp};
use sextant_snapshot::picture::REMEMBER_US;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::decoding::{Decoding, Records};
use super::progress::Progress;
use super::source::Source;
use crate::metrics::Metrics;

/// How long a read waits for something new.
const WAIT: Duration = Duration::from_secs(1);
/// How long a read may take beyond that before the log counts as away.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between reads that fail; it doubles up to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(3);
/// Records read at once.
const RECORDS_MAX: usize = 2_048;

/// Reads one partition.
pub(super) struct Reader {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) source: Source,
    pub(super) bytes_max: usize,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) progress: Arc<Progress>,
    pub(super) metrics: Metrics,
    pub(super) batches: mpsc::Sender<Batch>,
}

/// What was read at once.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) source: Source,
    pub(super) records: Records,
    /// The offset to be read next.
    pub(super) next: u64,
    /// When there was nothing more to read; nothing if there is.
    pub(super) ended_at: Option<Timestamp>,
    /// Whether all has been read that stood in the log at the start.
    pub(super) is_caught_up: bool,
}

impl Reader {
    pub(super) async fn run(self, stop: CancellationToken) {
        // Ends by itself when the owner is gone.
        stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(self) {
        let (mut next, mut target, mut retry) = (Offset(0), None, RETRY_FIRST);
        let mut decoding = Decoding::new(self.source, self.metrics.clone());
        // Nothing from before this time is left to be read; nothing before the end was reached.
        let mut reached: Option<Timestamp> = None;
        loop {
            self.progress.turned(self.source);
            let fetched = match self.read(next).await {
                Ok(fetched) => fetched,
                Err(error) => {
                    self.failed(&error);
                    // What was deleted is superseded; what is beyond the end belongs to a log made
                    // anew. Its claims say so in the windows log, but in the gates log nothing may.
                    if let LogError::OutOfRange { earliest, .. } = error {
                        next = earliest;
                        if self.source == Source::Gates {
                            (target, reached) = (None, None);
                            decoding.restart();
                            if self.batches.send(self.again()).await.is_err() {
                                return;
                            }
                        }
                    }
                    sleep(retry).await;
                    retry = (retry * 2).min(RETRY_LONGEST);
                    continue;
                }
            };
            retry = RETRY_FIRST;
            let now = self.clock.now();
            if reached.is_some_and(|at| now.micros_since(at) > REMEMBER_US) {
                // The log may have dropped tombstones meanwhile: what they removed would stand here
                // for good.
                tracing::warn!(source = %self.source, "over an hour behind: it is read again");
                (next, target, reached) = (Offset(0), None, None);
                decoding.restart();
                if self.batches.send(self.again()).await.is_err() {
                    return;
                }
                continue;
            }
            let end = fetched.high_watermark;
            let caught_up = *target.get_or_insert(end);
            self.answered(end);
            let Some(records) = decoding.decode(&fetched) else {
                (next, target, reached) = (Offset(0), None, None);
                if self.batches.send(self.again()).await.is_err() {
                    return;
                }
                continue;
            };
            next = fetched.next;
            let batch = Batch {
                source: self.source,
                next: next.0,
                ended_at: (next >= end).then_some(now),
                is_caught_up: next >= caught_up,
                records,
            };
            let last = fetched.records.last().map(|last| last.appended_at_us);
            let last = last.map(Timestamp::from_micros);
            reached = batch.ended_at.or(reached.max(reached.and(last)));
            if self.batches.send(batch).await.is_err() {
                return;
            }
        }
    }

    /// Says that all is read again.
    fn again(&self) -> Batch {
        Batch {
            source: self.source,
            records: Records::Again,
            next: 0,
            ended_at: None,
            is_caught_up: false,
        }
    }

    async fn read(&self, from: Offset) -> Result<Fetched, LogError> {
        let limit = ReadLimit {
            records: RECORDS_MAX,
            bytes: self.bytes_max,
        };
        let (topic, partition) = (self.source.topic(), self.source.partition());
        let reading = self.log.read(topic, partition, from, limit, WAIT);
        timeout(WAIT + PATIENCE, reading).await.unwrap_or_else(|_| {
            Err(LogError::Unavailable {
                reason: format!("a read of the {} did not come back", self.source),
            })
        })
    }

    fn answered(&self, end: Offset) {
        if self.progress.answered(self.source, end.0) {
            tracing::info!(source = %self.source, "it can be read again");
        }
    }

    fn failed(&self, error: &LogError) {
        self.metrics.failed(error);
        if self.progress.failed(self.source) {
            let source = self.source;
            tracing::warn!(%source, %error, "it cannot be read; what was read is served");
        }
    }
}
