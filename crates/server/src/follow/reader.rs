//! Reads one partition of the windows log.

use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::{EventLog, Fetched, LogError, Offset, ReadLimit};
use sextant_measure::time::{Clock, Timestamp};
use sextant_snapshot::record::LogRecord;
use sextant_wire::{topics, windows};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use crate::metrics::{Metrics, Unread};

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
    pub(super) partition: u32,
    pub(super) bytes_max: usize,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) progress: Arc<Progress>,
    pub(super) metrics: Metrics,
    pub(super) batches: mpsc::Sender<Batch>,
}

/// What was read at once.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) partition: u32,
    pub(super) records: Vec<LogRecord>,
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
        loop {
            self.progress.turned(self.partition);
            let fetched = match self.read(next).await {
                Ok(fetched) => fetched,
                Err(error) => {
                    next = self.recover(next, &error);
                    sleep(retry).await;
                    retry = (retry * 2).min(RETRY_LONGEST);
                    continue;
                }
            };
            retry = RETRY_FIRST;
            next = fetched.next;
            let end = fetched.high_watermark;
            let target = *target.get_or_insert(end);
            self.answered(end);
            let batch = Batch {
                partition: self.partition,
                next: next.0,
                ended_at: (next >= end).then(|| self.clock.now()),
                is_caught_up: next >= target,
                records: self.decode(&fetched),
            };
            if self.batches.send(batch).await.is_err() {
                return;
            }
        }
    }

    async fn read(&self, from: Offset) -> Result<Fetched, LogError> {
        let limit = ReadLimit {
            records: RECORDS_MAX,
            bytes: self.bytes_max,
        };
        let reading = self
            .log
            .read(topics::WINDOWS, self.partition, from, limit, WAIT);
        timeout(WAIT + PATIENCE, reading).await.unwrap_or_else(|_| {
            Err(LogError::Unavailable {
                reason: "a read of the windows log did not come back".to_owned(),
            })
        })
    }

    fn answered(&self, end: Offset) {
        if self.progress.answered(self.partition, end.0) {
            let partition = self.partition;
            tracing::info!(partition, "the windows log can be read again");
        }
    }

    /// Where to read on after a failure.
    fn recover(&self, next: Offset, error: &LogError) -> Offset {
        self.metrics.log_errors.inc();
        let partition = self.partition;
        if self.progress.failed(partition) {
            tracing::warn!(partition, %error, "the windows log cannot be read; what was read is served");
        }
        match error {
            // What was deleted is superseded; what is beyond the end belongs to a log made anew.
            LogError::OutOfRange { earliest, .. } => *earliest,
            _ => next,
        }
    }

    fn decode(&self, fetched: &Fetched) -> Vec<LogRecord> {
        let (read, damaged) = (count(fetched.records.len()), count(fetched.corrupt.len()));
        let mut undecodable = 0;
        let mut records = Vec::with_capacity(fetched.records.len());
        for stored in &fetched.records {
            match windows::from_record(self.partition, stored) {
                Ok(record) => records.push(record),
                Err(error) => {
                    if undecodable == 0 {
                        let (partition, offset) = (self.partition, stored.offset.0);
                        tracing::warn!(partition, offset, %error, "skipped a record");
                    }
                    undecodable += 1;
                }
            }
        }
        self.metrics.received_records.inc_by(read + damaged);
        self.metrics.unread(Unread::Undecodable, undecodable);
        self.metrics.unread(Unread::Damaged, damaged);
        records
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
