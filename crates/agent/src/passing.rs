//! What the spool can't keep goes straight on, and is acknowledged when a collector has it.
//!
//! Nothing of it is on the disk, so its numbers are of a life of their own that ends with the
//! process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sextant_measure::id::AgentId;
use sextant_reporter::parcel::{Fate, Parcel, Settled};
use sextant_wire::batch::Totals;
use sextant_wire::held::HeldBatch;
use sextant_wire::identity::Identity;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Marks the tickets of what passes, which the spool never gives.
const PASSING: u64 = 1 << 63;
/// How long a caller waits for a collector's answer.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Lets batches pass.
#[derive(Debug)]
pub(crate) struct Passing {
    agent: AgentId,
    epoch: u64,
    next: AtomicU64,
    parcels: mpsc::Sender<Parcel>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Fate>>>,
}

impl Passing {
    pub(crate) fn new(agent: AgentId, parcels: mpsc::Sender<Parcel>) -> Self {
        Self {
            agent,
            epoch: rand::random(),
            next: AtomicU64::new(1),
            parcels,
            waiting: Mutex::default(),
        }
    }

    /// Returns once a collector has the batch; or says why the caller should come again.
    pub(crate) async fn carry(&self, mut held: HeldBatch) -> Result<(), &'static str> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if held.batch.identity.is_none() {
            held.batch.sequence = number;
            held.batch.identity = Some(Identity {
                agent: self.agent.clone(),
                epoch: self.epoch,
                sequence: number,
            });
        }
        let (bytes, ticket) = (held.bytes_about(), PASSING | number);
        let (told, fate) = oneshot::channel();
        self.waiting().insert(ticket, told);
        let carried = async {
            let parcel = Parcel::new(ticket, held, bytes);
            self.parcels.send(parcel).await.ok()?;
            fate.await.ok()
        };
        let fate = timeout(WAIT_MAX, carried).await;
        self.waiting().remove(&ticket);
        match fate {
            Ok(Some(Fate::Acknowledged { .. })) => Ok(()),
            Ok(Some(Fate::Dropped(_))) => Err("the spool keeps nothing, and the collector refused"),
            Ok(None) => Err("the agent stops"),
            Err(_) => Err("the spool keeps nothing, and no collector answers; send again later"),
        }
    }

    /// Whether the parcel was one that passed; if so, its caller learns its fate.
    pub(crate) fn hear(&self, settled: Settled) -> bool {
        let is_passing = settled.ticket & PASSING != 0;
        if is_passing && let Some(told) = self.waiting().remove(&settled.ticket) {
            // A caller that has gone sends again, under its own number if it has one.
            _ = told.send(settled.fate);
        }
        is_passing
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Fate>>> {
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
