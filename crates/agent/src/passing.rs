//! What the spool can't keep goes straight on, and is acknowledged when a collector has it.
//!
//! Nothing of it is on the disk, so its numbers are of a life of their own that ends with the
//! process.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sextant_measure::id::AgentId;
use sextant_reporter::parcel::{Fate, Parcel, Settled};
use sextant_reporter::report::{Counters, DropReason};
use sextant_wire::batch::Totals;
use sextant_wire::held::HeldBatch;
use sextant_wire::identity::Identity;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use crate::config::SIZES;
use crate::spool::{State, merge};

/// Marks the tickets of what passes, which the spool never gives.
pub(crate) const PASSING: u64 = 1 << 63;
/// How long a caller waits for a collector's answer.
const WAIT_MAX: Duration = Duration::from_secs(5);
const UNANSWERED: &str = "the spool keeps nothing now, and no collector answered; send again later";

/// Lets batches pass.
pub(crate) struct Passing {
    agent: AgentId,
    epoch: u64,
    next: AtomicU64,
    tickets: AtomicU64,
    parcels: mpsc::Sender<Parcel>,
    /// The spool's, whose batches go first.
    spool: watch::Receiver<State>,
    counters: watch::Receiver<Counters>,
    waiting: Mutex<HashMap<u64, Waiting>>,
}

/// What is held until it is dropped.
type Room = Arc<dyn Any + Send + Sync>;

/// A parcel that has not found its end. It holds room for as long as it is in memory.
struct Waiting {
    /// Closed once its caller has been told to come again.
    told: oneshot::Sender<Fate>,
    _room: Room,
}

/// Why a batch did not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotPassed {
    /// The caller may come again.
    Now(&'static str),
    /// A collector refused it for good.
    Refused(DropReason),
}

impl Passing {
    pub(crate) fn new(
        agent: AgentId,
        parcels: mpsc::Sender<Parcel>,
        spool: watch::Receiver<State>,
        counters: watch::Receiver<Counters>,
    ) -> Self {
        Self {
            agent,
            epoch: rand::random(),
            next: AtomicU64::new(1),
            tickets: AtomicU64::new(1),
            parcels,
            spool,
            counters,
            waiting: Mutex::default(),
        }
    }

    /// Returns once a collector has the batch. The room is held for as long as the batch is in memory.
    pub(crate) async fn carry(
        &self,
        held: HeldBatch,
        room: impl Any + Send + Sync,
    ) -> Result<(), NotPassed> {
        // A number far ahead of those that wait on the disk would make these look like repeats.
        if held.batch.identity.is_some() && self.spool.borrow().undelivered > 0 {
            let reason = "the spool keeps nothing now, and what it holds goes first; send again";
            return Err(NotPassed::Now(reason));
        }
        if !self.counters.borrow().takes_batches {
            let reason = "the spool keeps nothing now, and no collector answers; send again later";
            return Err(NotPassed::Now(reason));
        }
        let room: Room = Arc::new(room);
        let deadline = Instant::now() + WAIT_MAX;
        let mut fates = Vec::new();
        for held in self.numbered(held) {
            fates.push(self.hand_over(held, &room, deadline).await?);
        }
        for fate in fates {
            match timeout_at(deadline, fate).await {
                Ok(Ok(Fate::Acknowledged { .. })) => {}
                Ok(Ok(Fate::Dropped(reason))) => return Err(NotPassed::Refused(reason)),
                Ok(Err(_)) => return Err(NotPassed::Now("the agent stops")),
                Err(_) => return Err(NotPassed::Now(UNANSWERED)),
            }
        }
        Ok(())
    }

    /// Whether the parcel's caller still waits. If not, it is forgotten.
    pub(crate) fn is_awaited(&self, ticket: u64) -> bool {
        let mut waiting = self.waiting();
        let is_awaited = waiting.get(&ticket).is_some_and(|it| !it.told.is_closed());
        if !is_awaited {
            waiting.remove(&ticket);
        }
        is_awaited
    }

    /// Whether the parcel was one that passed; if so, its caller learns its fate.
    pub(crate) fn hear(&self, settled: Settled) -> bool {
        let is_passing = settled.ticket & PASSING != 0;
        let waiting = self.waiting().remove(&settled.ticket);
        if let Some(waiting) = waiting {
            // A caller that has gone sends again, under its own number if it has one.
            _ = waiting.told.send(settled.fate);
        }
        is_passing
    }

    /// The same observations, each batch under a number.
    fn numbered(&self, held: HeldBatch) -> Vec<HeldBatch> {
        if held.batch.identity.is_some() {
            return vec![held];
        }
        let batches = merge(&[&held], SIZES).into_iter();
        let number = |mut held: HeldBatch| {
            let sequence = self.next.fetch_add(1, Ordering::Relaxed);
            held.batch.sequence = sequence;
            held.batch.identity = Some(Identity {
                agent: self.agent.clone(),
                epoch: self.epoch,
                sequence,
            });
            held
        };
        batches.map(number).collect()
    }

    async fn hand_over(
        &self,
        held: HeldBatch,
        room: &Room,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Fate>, NotPassed> {
        let ticket = PASSING | self.tickets.fetch_add(1, Ordering::Relaxed);
        let (told, fate) = oneshot::channel();
        let waiting = Waiting {
            told,
            _room: Arc::clone(room),
        };
        self.waiting().insert(ticket, waiting);
        let bytes = held.bytes_about();
        let parcel = Parcel::new(ticket, held, bytes);
        let why = match timeout_at(deadline, self.parcels.send(parcel)).await {
            Ok(Ok(())) => return Ok(fate),
            Ok(Err(_)) => "the agent stops",
            Err(_) => UNANSWERED,
        };
        self.waiting().remove(&ticket);
        Err(NotPassed::Now(why))
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a parcel that passed adds to the agent's totals.
pub(crate) fn totals(settled: Settled) -> Totals {
    let mut totals = Totals {
        recorded: settled.observations,
        ..Totals::default()
    };
    match settled.fate {
        Fate::Acknowledged { accepted } => {
            totals.acknowledged = accepted;
            totals.refused = settled.observations.saturating_sub(accepted);
        }
        Fate::Dropped(reason) => {
            let name = reason.name().to_owned();
            totals.dropped.insert(name, settled.observations);
        }
    }
    totals
}

#[cfg(test)]
mod tests;
