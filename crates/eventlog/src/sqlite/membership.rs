//! Consumer groups of one process: whoever joins first owns all partitions, the others wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::state::{Life, Shared};
use crate::{LogError, Membership, MembershipEvent};

/// The groups that have members.
#[derive(Default)]
pub(super) struct Groups {
    /// By group and topic: one permit, which the owner holds.
    turns: Mutex<HashMap<(String, String), Weak<Semaphore>>>,
}

impl Groups {
    pub(super) fn join(
        &self,
        shared: Arc<Shared>,
        group: &str,
        topic: &str,
        partitions: u32,
    ) -> Member {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        let key = (group.to_owned(), topic.to_owned());
        let turn = turns.get(&key).and_then(Weak::upgrade).unwrap_or_else(|| {
            let turn = Arc::new(Semaphore::new(1));
            turns.insert(key, Arc::downgrade(&turn));
            turn
        });
        Member {
            shared,
            turn,
            partitions,
            owned: None,
        }
    }
}

/// A member of a group. Dropping it lets the next one own the partitions.
pub(super) struct Member {
    shared: Arc<Shared>,
    turn: Arc<Semaphore>,
    partitions: u32,
    owned: Option<OwnedSemaphorePermit>,
}

#[async_trait]
impl Membership for Member {
    async fn next(&mut self) -> Result<MembershipEvent, LogError> {
        let mut life = self.shared.follow();
        let turn = Arc::clone(&self.turn);
        let is_owner = self.owned.is_some();
        let own = async {
            if is_owner {
                // Nothing is ever revoked: the one process has no one to share with.
                std::future::pending::<()>().await;
            }
            turn.acquire_owned().await.map_err(|_| LogError::Closed)
        };
        tokio::select! {
            biased;
            ended = life.wait_for(|life| *life != Life::Running) => {
                drop(ended);
                self.shared.check().and(Err(LogError::Closed))
            }
            owned = own => {
                self.owned = Some(owned?);
                Ok(MembershipEvent::Assigned((0..self.partitions).collect()))
            }
        }
    }
}
