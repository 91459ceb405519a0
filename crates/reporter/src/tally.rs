//! Counts what becomes of the observations, and keeps the first of what went wrong.

use std::collections::BTreeMap;

use sextant_wire::batch::Totals;

use crate::batch::Batch;
use crate::error::ReporterError;
use crate::report::{Counters, DETAILS_MAX, DropReason, Dropped, Refused, Report};
use crate::transport::Acknowledged;

/// Counts what becomes of the observations, and keeps the first of what went wrong.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) counters: Counters,
    dropped: BTreeMap<DropReason, u64>,
    refusals: Vec<Refused>,
    drops: Vec<Dropped>,
    deduplicated: bool,
    /// Those that found no place in the queue, as far as they are counted.
    unqueued: BTreeMap<DropReason, u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            counters: Counters::default(),
            dropped: BTreeMap::new(),
            refusals: Vec::new(),
            drops: Vec::new(),
            deduplicated: true,
            unqueued: BTreeMap::new(),
        }
    }
}

impl Tally {
    pub(crate) fn acknowledged(&mut self, batch: &Batch, answer: Acknowledged) {
        let observations = batch.len() as u64;
        let accepted = answer.accepted.min(observations);
        self.counters.acknowledged += accepted;
        self.counters.refused += observations - accepted;
        self.deduplicated &= answer.deduplicated;
        for (index, reason) in answer.refused {
            if self.refusals.len() == DETAILS_MAX {
                break;
            }
            let row = usize::try_from(index)
                .ok()
                .and_then(|i| batch.rows().get(i));
            self.refusals.extend(row.map(|row| Refused {
                ordinal: row.ordinal,
                observation: row.observation.clone(),
                reason,
            }));
        }
    }

    pub(crate) fn dropped(&mut self, batch: &Batch, reason: DropReason, message: String) {
        let observations = batch.len() as u64;
        self.lost(observations, reason);
        if self.drops.len() < DETAILS_MAX {
            self.drops.push(Dropped {
                sequence: batch.identity().sequence,
                observations,
                reason,
                message,
            });
        }
    }

    /// Observations given up that no batch tells of.
    pub(crate) fn lost(&mut self, observations: u64, reason: DropReason) {
        if observations > 0 {
            self.counters.dropped += observations;
            *self.dropped.entry(reason).or_default() += observations;
        }
    }

    /// Observations that found no place in the queue; the count goes on where it was.
    pub(crate) fn unqueued(&mut self, reason: DropReason, count: u64) {
        let known = self.unqueued.entry(reason).or_default();
        let news = count.saturating_sub(*known);
        *known = count;
        self.counters.recorded += news;
        self.lost(news, reason);
    }

    /// As the target is told.
    pub(crate) fn totals(&self) -> Totals {
        let dropped = self.dropped.iter();
        Totals {
            recorded: self.counters.recorded,
            acknowledged: self.counters.acknowledged,
            refused: self.counters.refused,
            dropped: dropped.map(|(r, n)| (r.name().to_owned(), *n)).collect(),
        }
    }

    /// What has no answer counts as given up.
    pub(crate) fn settle(&mut self) {
        let counters = self.counters;
        let settled = counters.acknowledged + counters.refused + counters.dropped;
        self.lost(counters.recorded - settled, DropReason::Unacknowledged);
    }

    /// As the caller is told.
    pub(crate) fn into_report(self, failure: Option<ReporterError>) -> Report {
        let counters = self.counters;
        Report {
            recorded: counters.recorded,
            acknowledged: counters.acknowledged,
            refused: counters.refused,
            dropped: self.dropped,
            batches: counters.batches,
            retries: counters.retries,
            deduplicated: self.deduplicated,
            refusals: self.refusals,
            drops: self.drops,
            failure,
        }
    }
}
