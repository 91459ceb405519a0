//! Reads the gates log in its order.

use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::{EventLog, LogError, Offset, ReadLimit};
use sextant_snapshot::gates::GateRecord;
use sextant_wire::gates::{Reading, Taken, from_record};
use sextant_wire::topics::GATES;
use tokio::time::timeout;

/// How long a read waits for something new.
const WAIT: Duration = Duration::from_secs(1);
/// How long a read may take beyond that before the log counts as away.
const PATIENCE: Duration = Duration::from_secs(5);
const LIMIT: ReadLimit = ReadLimit {
    records: 2_048,
    bytes: 256 << 10,
};

/// Reads the gates log, from its start.
pub(super) struct Reader {
    log: Arc<dyn EventLog>,
    next: Offset,
    reading: Reading,
}

/// What was read at once.
pub(super) struct Batch {
    /// What the log is called, once that is known.
    pub(super) log_id: Option<u64>,
    pub(super) records: Vec<GateRecord>,
    /// Whether there is no more.
    pub(super) is_at_end: bool,
}

impl Reader {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            next: Offset(0),
            reading: Reading::default(),
        }
    }

    /// What comes next; it may be nothing.
    ///
    /// # Errors
    /// What the log says. Calling again reads from the same place on.
    pub(super) async fn next(&mut self, wait: Duration) -> Result<Batch, LogError> {
        let wait = wait.min(WAIT);
        let reading = self.log.read(GATES, 0, self.next, LIMIT, wait);
        let read = timeout(wait + PATIENCE, reading).await.unwrap_or_else(|_| {
            Err(LogError::Unavailable {
                reason: "a read of the gates log did not come back".to_owned(),
            })
        });
        let fetched = match read {
            // What was deleted is superseded; what is beyond the end belongs to a log made anew.
            Err(LogError::OutOfRange { earliest, .. }) => {
                self.next = earliest;
                self.reading.restart();
                return Ok(self.batch(Vec::new(), false));
            }
            read => read?,
        };
        let mut records = Vec::with_capacity(fetched.records.len());
        for stored in &fetched.records {
            match from_record(stored).map(|record| self.reading.take(record)) {
                Ok(Taken::Ruling(record)) => records.push(record),
                Ok(Taken::Name | Taken::OtherLog) => {}
                Ok(Taken::Anew) => {
                    self.next = Offset(0);
                    return Ok(self.batch(Vec::new(), false));
                }
                Err(error) => {
                    let offset = stored.offset.0;
                    tracing::warn!(offset, %error, "skipped a record of the gates log");
                }
            }
        }
        self.next = fetched.next;
        Ok(self.batch(records, fetched.next >= fetched.high_watermark))
    }

    fn batch(&self, records: Vec<GateRecord>, is_at_end: bool) -> Batch {
        Batch {
            log_id: self.reading.log_id(),
            records,
            is_at_end,
        }
    }
}
