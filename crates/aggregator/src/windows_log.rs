//! An owner's side of the windows log: its claim, what it inherits, and what it publishes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::{EventLog, LogError, Offset, ReadLimit, Record};
use sextant_measure::time::Timestamp;
use sextant_snapshot::key::Key;
use sextant_snapshot::record::{Entry, LogRecord};
use sextant_wire::windows::{Writer, from_record, to_record};

use tokio_util::sync::CancellationToken;

use crate::error::AggregatorError;
use sextant_wire::topics::WINDOWS;

const READ_LIMIT: ReadLimit = ReadLimit {
    records: 10_000,
    bytes: 8 * 1024 * 1024,
};
/// Bytes in one append, far below what any log takes.
const APPEND_BYTES_MAX: usize = 1024 * 1024;
/// Claims in a row that may collide with another's before the owner gives up for now.
const CLAIMS_MAX: usize = 8;

/// The windows log of one partition, held by a claim.
pub(crate) struct WindowsLog {
    log: Arc<dyn EventLog>,
    partition: u32,
    writer: Writer,
    epoch: u64,
    /// One past the last record that is known to be ours or to change nothing.
    next: Offset,
}

/// What the last owner left.
pub(crate) struct Inherited {
    /// Rows that stand: those of endpoints and of agents.
    pub(crate) rows: Vec<Entry>,
    /// When the claim was appended.
    pub(crate) claimed_at: Timestamp,
    /// Records that could not be decoded.
    pub(crate) unreadable: usize,
}

/// Whether an owner still is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tenure {
    Held,
    /// Another has claimed the partition since.
    Lost,
}

impl WindowsLog {
    /// Claims a partition.
    pub(crate) async fn claim(
        log: Arc<dyn EventLog>,
        partition: u32,
        owner: &str,
        stop: &CancellationToken,
    ) -> Result<(Self, Inherited), AggregatorError> {
        let mut seen = Seen::default();
        for _ in 0..CLAIMS_MAX {
            seen.read_on(&*log, partition).await?;
            if stop.is_cancelled() {
                // Another may own it by now, and would be displaced.
                return Err(AggregatorError::Log {
                    doing: "claiming a partition",
                    source: LogError::Unavailable {
                        reason: "told to let go of it".to_owned(),
                    },
                });
            }
            let log_id = seen.log_id.unwrap_or_else(rand::random);
            let claim = Entry::Claim {
                owner: owner.to_owned(),
            };
            let record = to_record(
                &claim,
                Writer {
                    epoch: None,
                    log_id,
                },
            );
            let appended = log
                .append(WINDOWS, partition, vec![record])
                .await
                .map_err(AggregatorError::log("claiming a partition"))?;
            seen.read_on(&*log, partition).await?;
            // Of two first claims, each with an id of its own, the earlier one names the log.
            if seen.log_id == Some(log_id) {
                let epoch = appended.first.0;
                let next = seen.next;
                let inherited = Inherited {
                    rows: seen.rows.into_values().collect(),
                    claimed_at: Timestamp::from_micros(appended.appended_at_us),
                    unreadable: seen.unreadable,
                };
                let writer = Writer {
                    epoch: Some(epoch),
                    log_id,
                };
                return Ok((
                    Self {
                        log,
                        partition,
                        writer,
                        epoch,
                        next,
                    },
                    inherited,
                ));
            }
        }
        Err(AggregatorError::Log {
            doing: "claiming a partition",
            source: LogError::Unavailable {
                reason: "others claimed it first".to_owned(),
            },
        })
    }

    /// The epoch of everything published here: the offset of the claim.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Appends entries in their order and learns whether the partition is still ours.
    pub(crate) async fn publish(&mut self, entries: &[Entry]) -> Result<Tenure, LogError> {
        for records in pieces(entries, self.writer) {
            if self.append(records).await? == Tenure::Lost {
                return Ok(Tenure::Lost);
            }
        }
        Ok(Tenure::Held)
    }

    async fn append(&mut self, records: Vec<Record>) -> Result<Tenure, LogError> {
        let count = records.len() as u64;
        let appended = self.log.append(WINDOWS, self.partition, records).await?;
        let ours = appended.last.0 + 1 - appended.first.0 == count;
        if ours && appended.first == self.next {
            self.next = appended.last.following();
            return Ok(Tenure::Held);
        }
        self.look_for_claims(appended.last).await
    }

    async fn look_for_claims(&mut self, last: Offset) -> Result<Tenure, LogError> {
        while self.next <= last {
            let fetched = self
                .log
                .read(
                    WINDOWS,
                    self.partition,
                    self.next,
                    READ_LIMIT,
                    Duration::ZERO,
                )
                .await?;
            let claimed = |record: LogRecord| {
                matches!(record.entry, Entry::Claim { .. }) && record.offset > self.epoch
            };
            let mut read = fetched
                .records
                .iter()
                .filter_map(|r| from_record(self.partition, r).ok());
            if read.any(claimed) {
                return Ok(Tenure::Lost);
            }
            if fetched.next == self.next {
                break;
            }
            self.next = fetched.next;
        }
        Ok(Tenure::Held)
    }
}

/// The records of entries, in pieces that one append takes.
fn pieces(entries: &[Entry], writer: Writer) -> Vec<Vec<Record>> {
    let mut pieces = Vec::new();
    let (mut piece, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        let record = to_record(entry, writer);
        if bytes + record.bytes() > APPEND_BYTES_MAX && !piece.is_empty() {
            pieces.push(std::mem::take(&mut piece));
            bytes = 0;
        }
        bytes += record.bytes();
        piece.push(record);
    }
    pieces.push(piece);
    pieces
}

/// What was read of a partition's windows log so far.
#[derive(Default)]
struct Seen {
    next: Offset,
    log_id: Option<u64>,
    rows: HashMap<Key, Entry>,
    unreadable: usize,
}

impl Seen {
    async fn read_on(&mut self, log: &dyn EventLog, partition: u32) -> Result<(), AggregatorError> {
        let reading = AggregatorError::log("reading the windows log");
        let bounds = log.bounds(WINDOWS, partition).await.map_err(&reading)?;
        self.next = self.next.max(bounds.earliest);
        while self.next < bounds.high_watermark {
            let fetched = log
                .read(WINDOWS, partition, self.next, READ_LIMIT, Duration::ZERO)
                .await
                .map_err(&reading)?;
            for stored in &fetched.records {
                match from_record(partition, stored) {
                    Ok(record) => self.note(record),
                    Err(_) => self.unreadable += 1,
                }
            }
            if fetched.next == self.next {
                break;
            }
            self.next = fetched.next;
        }
        Ok(())
    }

    fn note(&mut self, record: LogRecord) {
        self.log_id.get_or_insert(record.log_id);
        let key = record.entry.key();
        match record.entry {
            Entry::Claim { .. } | Entry::Progress(_) => {}
            Entry::EndpointGone(_) | Entry::AgentGone(_) => {
                self.rows.remove(&key);
            }
            entry @ (Entry::Endpoint(_) | Entry::Agent(_)) => {
                self.rows.insert(key, entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_is_appended_in_pieces_and_in_order() {
        let names: Vec<_> = (0..9).map(|n| n.to_string().repeat(300_000)).collect();
        let entries = names.iter().map(|owner| Entry::Claim {
            owner: owner.clone(),
        });
        let writer = Writer {
            epoch: Some(1),
            log_id: 2,
        };
        let pieces = pieces(&entries.collect::<Vec<_>>(), writer);
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3]);
        let values = pieces.iter().flatten().map(|record| record.value.as_ref());
        for (value, name) in values.zip(&names) {
            let value = String::from_utf8_lossy(value.unwrap());
            assert!(value.contains(name.as_str()));
        }
    }

    #[test]
    fn what_is_larger_than_a_piece_stands_alone() {
        let owner = "x".repeat(2 * APPEND_BYTES_MAX);
        let entries = ["a".to_owned(), owner, "b".to_owned()].map(|owner| Entry::Claim { owner });
        let writer = Writer {
            epoch: Some(1),
            log_id: 2,
        };
        let pieces = pieces(&entries, writer);
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
    }
}
