//! What may be left of a partition's former owners once it is whole again.
//!
//! A replaced owner's tombstone counts for nothing, yet compaction lets it take the place of the
//! row that it names, and deletes it an hour later. Until the next owner is whole and has written
//! that row anew or not, who read the row still holds it, and who reads the log from its start may
//! never learn of it. So those tombstones are noted, and removed with the rest when the partition is
//! whole. Where one may have been deleted before it was read, older positions are not resumed.

use std::collections::BTreeSet;

use sextant_measure::id::EndpointId;
use sextant_measure::time::Timestamp;

use crate::cursor::RESUME_US_MAX;

#[derive(Debug)]
pub(crate) struct Handover {
    /// When the log took the last word of a valid owner that it is whole.
    whole_at: Option<Timestamp>,
    /// Named by replaced owners' tombstones since then, and by nobody else.
    named: BTreeSet<EndpointId>,
    named_max: usize,
    resumes_from: u64,
}

impl Handover {
    pub(crate) fn new(named_max: usize) -> Self {
        Self {
            whole_at: None,
            named: BTreeSet::new(),
            named_max,
            resumes_from: 0,
        }
    }

    /// A replaced owner has written a tombstone.
    pub(crate) fn note(&mut self, id: EndpointId) {
        self.named.insert(id);
        if self.named.len() > self.named_max {
            self.named.pop_first();
            // As if it had been deleted before it was read.
            self.whole_at = None;
        }
    }

    /// A valid owner has written to the key.
    pub(crate) fn forget(&mut self, id: &EndpointId) {
        self.named.remove(id);
    }

    /// An owner says that it is whole, as it did before.
    pub(crate) fn still_whole(&mut self, at: Timestamp) {
        self.whole_at = Some(at);
    }

    /// An owner says for the first time that it is whole. Gives what is to be removed.
    ///
    /// A tombstone of after the partition was whole last stands in the log for an hour. If that was
    /// less than half an hour ago, it stood there for as long as any watcher of before can come.
    /// A first owner has none before it.
    pub(crate) fn whole(&mut self, epoch: u64, offset: u64, at: Timestamp) -> BTreeSet<EndpointId> {
        let gap_us = self.whole_at.map(|last| at.micros_since(last));
        if epoch > 0 && gap_us.is_none_or(|gap| gap > RESUME_US_MAX) {
            self.resumes_from = offset.saturating_add(1);
        }
        self.whole_at = Some(at);
        std::mem::take(&mut self.named)
    }

    /// Whether a watcher that has everything below this position can be told what is gone.
    pub(crate) fn resumes_from(&self, position: u64) -> bool {
        position >= self.resumes_from
    }
}
