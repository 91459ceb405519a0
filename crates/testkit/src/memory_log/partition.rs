//! One partition in memory.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use sextant_eventlog::{
    Appended, Bounds, Cleanup, Fetched, LogError, Offset, ReadLimit, Record, StoredRecord,
};

/// Records in rising order of offset, and what outlives them.
pub(super) struct Partition {
    entries: Vec<Entry>,
    earliest: u64,
    next: u64,
    last_time_us: i64,
}

struct Entry {
    stored: StoredRecord,
    is_damaged: bool,
}

impl Default for Partition {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            earliest: 0,
            next: 0,
            last_time_us: i64::MIN,
        }
    }
}

impl Partition {
    /// Appends at least one record.
    pub(super) fn append(&mut self, records: Vec<Record>, now_us: i64) -> Appended {
        self.last_time_us = self.last_time_us.max(now_us);
        let (first, appended_at_us) = (Offset(self.next), self.last_time_us);
        for record in records {
            let stored = StoredRecord {
                offset: Offset(self.next),
                appended_at_us,
                record,
            };
            self.entries.push(Entry {
                stored,
                is_damaged: false,
            });
            self.next += 1;
        }
        Appended {
            first,
            last: Offset(self.next.saturating_sub(1)),
            appended_at_us,
        }
    }

    pub(super) fn read(&self, from: Offset, limit: ReadLimit) -> Result<Fetched, LogError> {
        let Bounds {
            earliest,
            high_watermark,
        } = self.bounds();
        if from < earliest || from > high_watermark {
            return Err(LogError::OutOfRange {
                earliest,
                high_watermark,
            });
        }
        let start = self
            .entries
            .partition_point(|entry| entry.stored.offset < from);
        let (mut records, mut corrupt) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        let mut next = high_watermark;
        for entry in self.entries.iter().skip(start) {
            let offset = entry.stored.offset;
            bytes += entry.stored.record.bytes();
            let is_over = bytes > limit.bytes || records.len() + corrupt.len() >= limit.records;
            if is_over && !(records.is_empty() && corrupt.is_empty()) {
                next = offset;
                break;
            }
            if entry.is_damaged {
                corrupt.push(offset);
            } else {
                records.push(entry.stored.clone());
            }
        }
        Ok(Fetched {
            records,
            next,
            high_watermark,
            corrupt,
        })
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            earliest: Offset(self.earliest),
            high_watermark: Offset(self.next),
        }
    }

    pub(super) fn offset_at(&self, time_us: i64) -> Offset {
        let is_at_or_after = |entry: &&Entry| entry.stored.appended_at_us >= time_us;
        let found = self.entries.iter().find(is_at_or_after);
        found.map_or(Offset(self.next), |entry| entry.stored.offset)
    }

    pub(super) fn damage(&mut self, offset: Offset) -> bool {
        let found = self
            .entries
            .iter_mut()
            .find(|entry| entry.stored.offset == offset);
        if let Some(entry) = found {
            entry.is_damaged = true;
            return true;
        }
        false
    }

    pub(super) fn clean(&mut self, cleanup: Cleanup, now_us: i64) {
        match cleanup {
            Cleanup::Delete { retention } => {
                let oldest_us = before(now_us, retention);
                self.entries
                    .retain(|entry| entry.stored.appended_at_us >= oldest_us);
                self.earliest = self
                    .entries
                    .first()
                    .map_or(self.next, |entry| entry.stored.offset.0);
            }
            Cleanup::Compact {
                tombstone_retention,
            } => {
                self.compact(before(now_us, tombstone_retention));
            }
        }
    }

    fn compact(&mut self, oldest_tombstone_us: i64) {
        let keyed = self.entries.iter().map(|Entry { stored, .. }| {
            let key: Option<Bytes> = stored.record.key.clone();
            (key, stored.offset)
        });
        let latest: HashMap<Option<Bytes>, Offset> = keyed.collect();
        self.entries.retain(|Entry { stored, .. }| {
            let is_latest = latest.get(&stored.record.key) == Some(&stored.offset);
            let is_gone =
                stored.record.value.is_none() && stored.appended_at_us < oldest_tombstone_us;
            is_latest && !is_gone
        });
    }
}

fn before(now_us: i64, retention: Duration) -> i64 {
    now_us.saturating_sub(i64::try_from(retention.as_micros()).unwrap_or(i64::MAX))
}
