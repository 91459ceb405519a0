//! What an owner gives to the store, and how far it commits the log.

use sextant_eventlog::Offset;
use sextant_measure::time::Timestamp;
use sextant_store::{MinuteRange, Revision};
use sextant_wire::topics::{AGGREGATORS, OBSERVATIONS};

use super::Owner;

/// Ticks between commits.
const COMMIT_EVERY: u64 = 5;
/// Endpoints asked of the store at once.
const ASKED_MAX: usize = 500;

impl Owner {
    pub(super) async fn use_store(&mut self, at: Timestamp) {
        if let Some(true) = self.storing.written().await {
            self.state
                .unstored
                .stored(self.state.now().minute().minus(60));
        }
        if !self.storing.is_writing() {
            self.commit(false).await;
            let rows = self.take_rows(at, false);
            if !rows.minutes.is_empty() || !rows.windows.is_empty() || !rows.agents.is_empty() {
                self.storing.write(rows);
            }
        }
        if let Some(answer) = self.storing.answered().await {
            self.state.restore(&answer.asked, answer.found);
        }
        if let Some((from, to)) = self.state.awaited() {
            let asked = self
                .state
                .awaiting_store()
                .take(ASKED_MAX)
                .map(|e| e.id.clone());
            self.storing
                .ask(asked.collect(), MinuteRange::new(from, to));
        }
    }

    /// Hands everything that the store lacks to it and waits; the log is the buffer meanwhile.
    pub(super) async fn store_everything(&mut self) {
        while self.state.unstored.oldest().is_some() || self.storing.is_writing() {
            if let Some(stored) = self.storing.finish().await {
                if !stored {
                    return;
                }
                self.state
                    .unstored
                    .stored(self.state.now().minute().minus(60));
            } else {
                let rows = self.take_rows(self.state.read_at(), true);
                self.storing.write(rows);
            }
        }
    }

    /// Before the partition is let go: everything read is stored, and the log committed.
    pub(super) async fn drain(&mut self) {
        self.store_everything().await;
        self.commit(true).await;
    }

    pub(super) async fn commit(&mut self, now: bool) {
        let position = self.state.unstored.committable(self.state.read_position());
        let moved = self
            .committed
            .is_none_or(|last| position.offset > last.offset);
        if !moved
            || position.offset == Offset(0)
            || !(now || self.ticks.is_multiple_of(COMMIT_EVERY))
        {
            return;
        }
        match self
            .shared
            .log
            .commit(AGGREGATORS, OBSERVATIONS, self.partition, position)
            .await
        {
            Ok(()) => self.committed = Some(position),
            Err(error) => {
                self.shared.metrics.error("committing");
                tracing::warn!(partition = self.partition, %error, "the position was not committed");
            }
        }
    }

    fn take_rows(&mut self, at: Timestamp, all: bool) -> sextant_store::Rows {
        self.revisions += 1;
        let revision = Revision {
            epoch: self.windows.epoch(),
            n: self.revisions,
        };
        let rows = self.state.take_rows(at, revision, all);
        self.shared
            .metrics
            .windows_dropped(std::mem::take(&mut self.state.ended.dropped));
        rows
    }
}
