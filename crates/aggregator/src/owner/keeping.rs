//! What an owner gives to the store, and how far it commits the log.

use std::time::Duration;

use sextant_measure::time::Timestamp;
use sextant_store::Revision;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::Owner;
use crate::error::AggregatorError;
use crate::publish::Writing;

/// Ticks between commits.
const COMMIT_EVERY: u64 = 5;
/// How long rebuilding waits for a store that is away. Then it goes on without, and begins again
/// once the store is back.
const STORE_WAIT: Duration = Duration::from_secs(5);
/// How long a partition that is let go waits for the store, and then for the log. Together they
/// are less than a process has for its end by default.
const LAST_WRITE: Duration = Duration::from_secs(3);
const LAST_COMMIT: Duration = Duration::from_secs(1);

impl Owner {
    pub(super) async fn use_store(&mut self, at: Timestamp) -> Result<(), AggregatorError> {
        if let Some(true) = self.storing.written().await? {
            self.note_stored();
        }
        // While it rebuilds, what it has of a minute may be less than the store has. And what has lost
        // a minute begins again, for which no write may be under way.
        let writes = self.state.whole && !self.state.lost_a_minute;
        if writes && !self.storing.is_writing() {
            self.commit(false).await?;
            let rows = self.take_rows(at, false);
            if !rows.is_empty() {
                self.storing.write(rows);
            }
        }
        if let Some(answer) = self.storing.answered().await? {
            self.state
                .restore(&answer.asked, answer.found, answer.range.to);
        }
        if let Some((asked, range)) = self.state.awaited() {
            self.storing.ask(asked, range);
        }
        Ok(())
    }

    /// Makes room for what the log has, of which memory holds half an hour: what the store lacks is
    /// handed to it first. Only while rebuilding: what is published waits for no store.
    pub(super) async fn make_room(&mut self, until: Timestamp) -> Result<(), AggregatorError> {
        let state = &self.state;
        if state.whole || state.lost_a_minute || !state.would_lose_a_minute(until) {
            return Ok(());
        }
        let Ok(stored) = timeout(STORE_WAIT, self.store_everything()).await else {
            tracing::warn!(partition = self.partition, "rebuilding without the store");
            return Ok(());
        };
        stored
    }

    /// Hands everything that the store lacks to it and waits; the log is the buffer meanwhile.
    async fn store_everything(&mut self) -> Result<(), AggregatorError> {
        loop {
            match self.storing.finish().await? {
                Some(true) => self.note_stored(),
                Some(false) => return Ok(()),
                None => {
                    let rows = self.take_rows(self.state.read_at(), true);
                    if rows.is_empty() {
                        return Ok(());
                    }
                    self.storing.write(rows);
                }
            }
        }
    }

    fn note_stored(&mut self) {
        let closed = self.state.now().minute().minus(60);
        self.state.unstored.stored(closed);
    }

    /// Before the partition is let go: everything read is stored, and the log committed. What an
    /// engine does not take in time is read again by the next owner.
    pub(super) async fn drain(&mut self) -> Result<(), AggregatorError> {
        let stored = timeout(LAST_WRITE, self.store_everything()).await;
        self.or_without("the store", stored)?;
        let committed = async {
            self.committing.finish().await?;
            self.commit(true).await?;
            self.committing.finish().await
        };
        let committed = timeout(LAST_COMMIT, committed).await;
        self.or_without("a commit", committed)
    }

    fn or_without(
        &self,
        what: &'static str,
        done: Result<Result<(), AggregatorError>, Elapsed>,
    ) -> Result<(), AggregatorError> {
        done.unwrap_or_else(|_| {
            let partition = self.partition;
            tracing::warn!(partition, what, "let go without waiting any longer");
            Ok(())
        })
    }

    async fn commit(&mut self, now: bool) -> Result<(), AggregatorError> {
        let is_due = now || self.ticks.is_multiple_of(COMMIT_EVERY);
        // A minute that the store will never get from memory is read again.
        if !is_due || self.state.lost_a_minute {
            return Ok(());
        }
        let position = self.state.unstored.committable(self.state.read_position());
        self.committing.begin(position).await
    }

    fn take_rows(&mut self, at: Timestamp, all: bool) -> sextant_store::Rows {
        self.revisions += 1;
        let revision = Revision {
            epoch: self.windows.epoch(),
            n: self.revisions,
        };
        let partition = self.partition;
        let by = Writing {
            partition,
            revision,
        };
        let rows = self.state.take_rows(at, by, all);
        self.shared
            .metrics
            .windows_dropped(std::mem::take(&mut self.state.ended.dropped));
        rows
    }
}
