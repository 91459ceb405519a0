//! Membership in a group of one process.

use std::sync::Arc;

use async_trait::async_trait;
use sextant_eventlog::{LogError, Membership, MembershipEvent};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// A member of a group: the first one owns all partitions until it is dropped.
pub(super) struct Member {
    turn: Arc<Semaphore>,
    partitions: u32,
    owned: Option<OwnedSemaphorePermit>,
    is_open: watch::Receiver<bool>,
}

impl Member {
    pub(super) fn new(
        turn: Arc<Semaphore>,
        partitions: u32,
        is_open: watch::Receiver<bool>,
    ) -> Self {
        Self {
            turn,
            partitions,
            owned: None,
            is_open,
        }
    }
}

#[async_trait]
impl Membership for Member {
    async fn next(&mut self) -> Result<MembershipEvent, LogError> {
        let is_owner = self.owned.is_some();
        let turn = Arc::clone(&self.turn);
        tokio::select! {
            biased;
            closed = self.is_open.wait_for(|is_open| !is_open) => {
                drop(closed);
                Err(LogError::Closed)
            }
            owned = turn.acquire_owned(), if !is_owner => {
                self.owned = Some(owned.map_err(|_| LogError::Closed)?);
                Ok(MembershipEvent::Assigned((0..self.partitions).collect()))
            }
        }
    }
}
