//! Observations that wait for a number.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::batch::{Batch, Row};

/// How much fits into a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) observations_max: usize,
    pub(crate) bytes_max: usize,
}

impl Limits {
    /// The tighter of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            observations_max: self.observations_max.min(other.observations_max),
            bytes_max: self.bytes_max.min(other.bytes_max),
        }
    }

    /// Whether a batch that can't be divided fits. One of a single observation always does.
    pub(crate) fn hold(self, batch: &Batch) -> bool {
        let fits = batch.len() <= self.observations_max && batch.bytes() <= self.bytes_max;
        fits || batch.len() <= 1
    }

    /// How many of the rows fit. The first always does: nothing smaller could be sent.
    pub(crate) fn fit<'a>(self, rows: impl Iterator<Item = &'a Row>) -> usize {
        let mut bytes: usize = 0;
        let fits = rows.enumerate().take_while(|(before, row)| {
            bytes = bytes.saturating_add(row.bytes);
            *before == 0 || (*before < self.observations_max && bytes <= self.bytes_max)
        });
        fits.count()
    }
}

/// Observations that wait for a number.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// Parts of batches whose numbers have been given up; each gets a number of its own.
    returned: VecDeque<Vec<Row>>,
    rows: VecDeque<Row>,
    bytes: usize,
    due_at: Option<Instant>,
}

impl Gathering {
    /// How many wait that never had a number.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.returned.is_empty()
    }

    /// Whether a batch of those that never had a number would be a full one.
    pub(crate) fn is_full(&self, limits: Limits) -> bool {
        self.rows.len() >= limits.observations_max || self.bytes >= limits.bytes_max
    }

    /// Whether there is a batch that has waited long enough, or need not wait.
    pub(crate) fn is_due(&self, limits: Limits, now: Instant) -> bool {
        let is_old = self.due_at.is_some_and(|at| at <= now);
        !self.returned.is_empty() || is_old || self.is_full(limits)
    }

    /// When what has been gathered is sent though it is not full.
    pub(crate) fn due_at(&self) -> Option<Instant> {
        self.due_at
    }

    pub(crate) fn push(&mut self, row: Row, now: Instant, delay: Duration) {
        self.bytes = self.bytes.saturating_add(row.bytes);
        self.rows.push_back(row);
        self.due_at.get_or_insert(now + delay);
    }

    /// Takes back what had a number and needs another.
    pub(crate) fn put_back(&mut self, rows: Vec<Row>) {
        self.returned.push_front(rows);
    }

    /// What the next batch is made of: what was taken back first, then the oldest.
    pub(crate) fn take(&mut self, limits: Limits, now: Instant, delay: Duration) -> Vec<Row> {
        if let Some(mut part) = self.returned.pop_front() {
            let rest = part.split_off(limits.fit(part.iter()));
            if !rest.is_empty() {
                self.returned.push_front(rest);
            }
            return part;
        }
        let fit = limits.fit(self.rows.iter());
        let taken: Vec<_> = self.rows.drain(..fit).collect();
        let bytes: usize = taken.iter().map(|row| row.bytes).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
        self.due_at = (!self.rows.is_empty()).then(|| now + delay);
        taken
    }
}
