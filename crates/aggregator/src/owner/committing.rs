//! Commits the log beside the windows: one commit at a time, for which nothing else waits.

use std::sync::Arc;

use sextant_eventlog::{LogError, Offset, Position};
use sextant_wire::topics::{AGGREGATORS, OBSERVATIONS};
use tokio::task::JoinHandle;

use super::Shared;
use crate::error::AggregatorError;

/// How far one owner has committed.
pub(super) struct Committing {
    shared: Arc<Shared>,
    partition: u32,
    /// Everything before it is in the store, and the log knows.
    done: Offset,
    under_way: Option<(Offset, JoinHandle<Result<(), LogError>>)>,
}

impl Committing {
    pub(super) fn new(shared: Arc<Shared>, partition: u32, done: Offset) -> Self {
        Self {
            shared,
            partition,
            done,
            under_way: None,
        }
    }

    pub(super) fn done(&self) -> Offset {
        self.done
    }

    /// Begins to commit a position, unless one is being committed or it says nothing new.
    pub(super) async fn begin(&mut self, position: Position) -> Result<(), AggregatorError> {
        let is_finished = |(_, task): &(_, JoinHandle<_>)| task.is_finished();
        if self.under_way.as_ref().is_some_and(is_finished) {
            self.finish().await?;
        }
        if self.under_way.is_some() || position.offset <= self.done {
            return Ok(());
        }
        let (log, partition) = (Arc::clone(&self.shared.log), self.partition);
        let committing = self.shared.tasks.spawn(async move {
            log.commit(AGGREGATORS, OBSERVATIONS, partition, position)
                .await
        });
        self.under_way = Some((position.offset, committing));
        Ok(())
    }

    /// Waits for the commit under way, if any. May be dropped and called again.
    pub(super) async fn finish(&mut self) -> Result<(), AggregatorError> {
        let Some((offset, committing)) = &mut self.under_way else {
            return Ok(());
        };
        let (offset, ended) = (*offset, committing.await);
        self.under_way = None;
        match ended.map_err(|error| AggregatorError::Panicked(error.to_string()))? {
            Ok(()) => self.done = offset,
            // The next one says this too; until then more is read again than need be.
            Err(error) => {
                self.shared.metrics.error("committing");
                tracing::warn!(partition = self.partition, %error, "the position was not committed");
            }
        }
        Ok(())
    }
}

impl Drop for Committing {
    fn drop(&mut self) {
        if let Some((_, committing)) = &self.under_way {
            committing.abort();
        }
    }
}
