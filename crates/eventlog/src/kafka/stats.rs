//! What the log has done so far, for whoever exports it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{Appended, Fetched, LogError};

/// What a log has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Records appended.
    pub appended_records: u64,
    /// Bytes of keys, values and headers appended.
    pub appended_bytes: u64,
    /// Appends that failed; their records may stand.
    pub failed_appends: u64,
    /// Records read.
    pub read_records: u64,
    /// Damaged batches stepped over, each time.
    pub corrupt_records: u64,
    /// Reads that failed.
    pub failed_reads: u64,
    /// Positions committed.
    pub commits: u64,
    /// Positions not committed.
    pub failed_commits: u64,
}

/// The same, as they are counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    appended_records: AtomicU64,
    appended_bytes: AtomicU64,
    failed_appends: AtomicU64,
    read_records: AtomicU64,
    corrupt_records: AtomicU64,
    failed_reads: AtomicU64,
    commits: AtomicU64,
    failed_commits: AtomicU64,
}

impl Counters {
    pub(super) fn appended(
        &self,
        (records, bytes): (usize, usize),
        outcome: &Result<Appended, LogError>,
    ) {
        if outcome.is_ok() {
            add(&self.appended_records, records);
            add(&self.appended_bytes, bytes);
        } else {
            add(&self.failed_appends, 1);
        }
    }

    pub(super) fn read(&self, outcome: &Result<Fetched, LogError>) {
        match outcome {
            Ok(fetched) => {
                add(&self.read_records, fetched.records.len());
                add(&self.corrupt_records, fetched.corrupt.len());
            }
            Err(_) => add(&self.failed_reads, 1),
        }
    }

    pub(super) fn committed(&self, outcome: &Result<(), LogError>) {
        let counter = match outcome {
            Ok(()) => &self.commits,
            Err(_) => &self.failed_commits,
        };
        add(counter, 1);
    }

    pub(super) fn snapshot(&self) -> Stats {
        Stats {
            appended_records: self.appended_records.load(Relaxed),
            appended_bytes: self.appended_bytes.load(Relaxed),
            failed_appends: self.failed_appends.load(Relaxed),
            read_records: self.read_records.load(Relaxed),
            corrupt_records: self.corrupt_records.load(Relaxed),
            failed_reads: self.failed_reads.load(Relaxed),
            commits: self.commits.load(Relaxed),
            failed_commits: self.failed_commits.load(Relaxed),
        }
    }
}

fn add(counter: &AtomicU64, more: usize) {
    counter.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Relaxed);
}
