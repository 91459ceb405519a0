//! The leader's side of the alerts log: its claim, what others left, and what it writes.
//!
//! Whoever holds the group's one partition leads. A leader that was stalled may write after another
//! has taken over; what it writes then is stale. Readers pass over it, and since compaction keeps
//! the last record of a key whoever wrote it, the leader writes such keys again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::{EventLog, LogError, Offset, ReadLimit, Record};
use sextant_incident::AlertKey;
use sextant_wire::alerts::{Entry, Held, LogRecord, from_record, to_record};
use sextant_wire::topics::ALERTS;

const PARTITION: u32 = 0;
const READ_LIMIT: ReadLimit = ReadLimit {
    records: 10_000,
    bytes: 8 * 1024 * 1024,
};
const READ_WAIT: Duration = Duration::from_secs(1);
/// Reads in a row that may bring nothing before the log counts as away.
const READS_MAX: usize = 30;
/// Bytes in one append, far below what any log takes.
const APPEND_BYTES_MAX: usize = 512 * 1024;

/// The alerts log, held by a claim.
pub(crate) struct AlertsLog {
    log: Arc<dyn EventLog>,
    epoch: u64,
    seen: Seen,
}

/// What earlier leaders left, by alert.
pub(crate) type Left = BTreeMap<AlertKey, Vec<Held>>;

/// Whether a leader still is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tenure {
    /// It is; these alerts were written by a stale leader and have to be written again.
    Held {
        /// Which.
        stale: BTreeSet<AlertKey>,
    },
    /// Another has claimed the log since.
    Lost,
    /// The log was made anew, and knows nothing of what is held here.
    Anew,
}

/// How far the log has been read, and what was read.
#[derive(Debug, Default)]
struct Seen {
    next: Offset,
    epoch: u64,
    left: Left,
    stale: BTreeSet<AlertKey>,
    unreadable: u64,
}

impl AlertsLog {
    /// Claims the log, and reads what it holds up to there.
    ///
    /// # Errors
    /// Those of the log.
    pub(crate) async fn claim(
        log: Arc<dyn EventLog>,
        owner: &str,
    ) -> Result<(Self, Left), LogError> {
        let owner = owner.to_owned();
        let claim = to_record(&Entry::Claim { owner }, None);
        let appended = log.append(ALERTS, PARTITION, vec![claim]).await?;
        let mut seen = Seen {
            next: log.bounds(ALERTS, PARTITION).await?.earliest,
            ..Seen::default()
        };
        seen.read_to(&*log, appended.last.following()).await?;
        if seen.unreadable > 0 {
            tracing::warn!(
                records = seen.unreadable,
                "records of the alerts log cannot be read; what they stand for is begun anew"
            );
        }
        let left = std::mem::take(&mut seen.left);
        let epoch = appended.first.0;
        Ok((Self { log, epoch, seen }, left))
    }

    /// Makes these alerts durable, and learns whether the log is still ours.
    ///
    /// # Errors
    /// Those of the log; some of the alerts may be durable all the same.
    pub(crate) async fn write(
        &mut self,
        alerts: impl Iterator<Item = (AlertKey, Vec<Held>)>,
    ) -> Result<Tenure, LogError> {
        let entries = alerts.map(|(alert, incidents)| Entry::Alert { alert, incidents });
        let records = entries.map(|entry| to_record(&entry, Some(self.epoch)));
        for piece in pieces(records) {
            let appended = self.log.append(ALERTS, PARTITION, piece).await?;
            if appended.first < self.seen.next {
                return Ok(Tenure::Anew);
            }
            self.seen
                .read_to(&*self.log, appended.last.following())
                .await?;
        }
        Ok(self.tenure())
    }

    /// Reads what others have written meanwhile.
    ///
    /// # Errors
    /// Those of the log.
    pub(crate) async fn look(&mut self) -> Result<Tenure, LogError> {
        let end = self.log.bounds(ALERTS, PARTITION).await?.high_watermark;
        if end < self.seen.next {
            return Ok(Tenure::Anew);
        }
        self.seen.read_to(&*self.log, end).await?;
        Ok(self.tenure())
    }

    fn tenure(&mut self) -> Tenure {
        // Only what others write concerns a leader.
        self.seen.left.clear();
        if self.seen.epoch > self.epoch {
            return Tenure::Lost;
        }
        let stale = std::mem::take(&mut self.seen.stale);
        Tenure::Held { stale }
    }
}

impl Seen {
    async fn read_to(&mut self, log: &dyn EventLog, end: Offset) -> Result<(), LogError> {
        let mut idle = 0;
        while self.next < end {
            let read = log
                .read(ALERTS, PARTITION, self.next, READ_LIMIT, READ_WAIT)
                .await?;
            idle = if read.next > self.next { 0 } else { idle + 1 };
            if idle >= READS_MAX {
                return Err(LogError::Unavailable {
                    reason: "the alerts log is not read to its end".to_owned(),
                });
            }
            self.unreadable += read.corrupt.len() as u64;
            for stored in &read.records {
                match from_record(stored) {
                    Ok(record) => self.apply(record),
                    Err(error) => {
                        let offset = stored.offset.0;
                        tracing::debug!(offset, %error, "a record of the alerts log is passed over");
                        self.unreadable += 1;
                    }
                }
            }
            self.next = read.next;
        }
        Ok(())
    }

    fn apply(&mut self, record: LogRecord) {
        let is_stale = record.epoch < self.epoch;
        self.epoch = self.epoch.max(record.epoch);
        match record.entry {
            Entry::Claim { .. } => {}
            Entry::Alert { alert, .. } if is_stale => {
                self.stale.insert(alert);
            }
            Entry::Alert { alert, incidents } => {
                self.stale.remove(&alert);
                if incidents.is_empty() {
                    self.left.remove(&alert);
                } else {
                    self.left.insert(alert, incidents);
                }
            }
        }
    }
}

fn pieces(records: impl Iterator<Item = Record>) -> Vec<Vec<Record>> {
    let mut pieces: Vec<Vec<Record>> = Vec::new();
    let mut room = 0;
    for record in records {
        let bytes = record.bytes();
        match pieces.last_mut() {
            Some(piece) if bytes <= room => {
                room -= bytes;
                piece.push(record);
            }
            _ => {
                room = APPEND_BYTES_MAX.saturating_sub(bytes);
                pieces.push(vec![record]);
            }
        }
    }
    pieces
}
