//! From records as they are stored to what the picture takes.

use sextant_eventlog::Fetched;
use sextant_snapshot::gates::GateRecord;
use sextant_snapshot::record::LogRecord;
use sextant_wire::DecodeError;
use sextant_wire::gates::{self, Reading, Taken};
use sextant_wire::windows;

use super::source::Source;
use crate::metrics::{Metrics, Unread};

/// Records of one source, in their order.
#[derive(Debug)]
pub(super) enum Records {
    /// Of the windows log.
    Windows(Vec<LogRecord>),
    /// Of the gates log, and what it is called once that is known.
    Gates {
        log_id: Option<u64>,
        records: Vec<GateRecord>,
    },
    /// None: what follows is read from the start, and nothing of before counts.
    Again,
}

/// Decodes the records of a source.
pub(super) struct Decoding {
    source: Source,
    metrics: Metrics,
    gates: Reading,
}

impl Decoding {
    pub(super) fn new(source: Source, metrics: Metrics) -> Self {
        Self {
            source,
            metrics,
            gates: Reading::default(),
        }
    }

    /// The earliest record is read next.
    pub(super) fn restart(&mut self) {
        self.gates.restart();
    }

    /// The records; nothing if all of the log has to be read again.
    pub(super) fn decode(&mut self, fetched: &Fetched) -> Option<Records> {
        let (read, damaged) = (count(fetched.records.len()), count(fetched.corrupt.len()));
        self.metrics.received_records.inc_by(read + damaged);
        self.metrics.unread(Unread::Damaged, damaged);
        match self.source {
            Source::Windows(partition) => {
                let decode = |stored: &_| windows::from_record(partition, stored);
                Some(Records::Windows(self.each(fetched, decode).collect()))
            }
            Source::Gates => self.gates(fetched),
        }
    }

    fn gates(&mut self, fetched: &Fetched) -> Option<Records> {
        let decoded: Vec<_> = self.each(fetched, gates::from_record).collect();
        let mut records = Vec::with_capacity(decoded.len());
        let mut left = decoded.into_iter();
        while let Some(record) = left.next() {
            match self.gates.take(record) {
                Taken::Ruling(record) => records.push(record),
                Taken::Name => self.metrics.unread(Unread::Name, 1),
                Taken::OtherLog => self.metrics.unread(Unread::OtherLog, 1),
                Taken::Anew => {
                    tracing::warn!("the gates log may have been made anew: it is read again");
                    let passed_over = count(records.len() + left.len() + 1);
                    self.metrics.unread(Unread::ReadAgain, passed_over);
                    return None;
                }
            }
        }
        Some(Records::Gates {
            log_id: self.gates.log_id(),
            records,
        })
    }

    /// What can be decoded. The first that cannot is told, all are counted.
    fn each<'f, T>(
        &self,
        fetched: &'f Fetched,
        decode: impl Fn(&'f sextant_eventlog::StoredRecord) -> Result<T, DecodeError>,
    ) -> impl Iterator<Item = T> {
        let mut undecodable = 0;
        fetched.records.iter().filter_map(move |stored| {
            let decoded = decode(stored);
            if let Err(error) = &decoded {
                if undecodable == 0 {
                    let offset = stored.offset.0;
                    tracing::warn!(source = %self.source, offset, %error, "skipped a record");
                }
                undecodable += 1;
                self.metrics.unread(Unread::Undecodable, 1);
            }
            decoded.ok()
        })
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
