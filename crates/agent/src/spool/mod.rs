//! Batches on disk until a collector has them.
//!
//! One SQLite file, written by one thread: what waits when it turns to its work is made durable
//! together, and only then answered. A batch is kept as it came, under its sender's number; what
//! came without one gets the agent's next, in the transaction that keeps it, so that after a crash
//! the same content has the same number. The epoch, the next number and the running totals stand
//! in the same file.
//!
//! Bounded by bytes and by age. Over a bound the oldest go that are not on their way already, which
//! half of the spool may be; how many observations that were is counted in the same transaction, and
//! told upstream.
//!
//! - `file`: how the file is opened, and what stands in it.
//! - `salvage`: what can be read of a damaged file.
//! - `life`: epoch, next number, totals.
//! - `held`: what the file holds.
//! - `ledger`: what a group of work does to the file.
//! - `merge`: single reports become batches.
//! - `way`: what is on its way.
//! - `writer`: the thread.

mod fault;
mod file;
mod held;
mod ledger;
mod life;
mod merge;
mod salvage;
mod way;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sextant_measure::id::AgentId;
use sextant_measure::time::{Clock, Timestamp};
use sextant_reporter::parcel::Settled;
use sextant_wire::batch::Totals;
use sextant_wire::held::HeldBatch;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

pub use self::fault::SpoolError;
pub(crate) use self::ledger::DROPS;
use self::ledger::Ledger;
pub use self::merge::Sizes;
pub(crate) use self::merge::merge;
use self::writer::{Command, Writer};
use crate::error::AgentError;

/// Work that waits for the thread.
const COMMANDS_MAX: usize = 8_192;

/// The bounds of a spool.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Bytes of batches.
    pub bytes_max: u64,
    /// How long a batch is kept.
    pub age_max: Duration,
    /// How large the batches are that the agent numbers.
    pub sizes: Sizes,
}

/// Batches on disk until a collector has them. Clones are one spool.
#[derive(Clone)]
pub struct Spool {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<State>,
    epoch: u64,
    turned: Arc<Mutex<Instant>>,
}

/// What a spool holds and has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Batches that are held.
    pub batches: u64,
    /// Observations in them.
    pub observations: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the oldest of them came.
    pub oldest: Option<Timestamp>,
    /// The highest ticket that was given.
    pub newest: u64,
    /// Batches that have found no end yet.
    pub undelivered: u64,
    /// Whether more may be on its way than is.
    pub has_way: bool,
    /// What the agent has done since its epoch began.
    pub totals: Totals,
    /// Observations that were carried without being kept, since the process began.
    pub passed: u64,
    /// Whether it keeps what comes.
    pub health: Health,
    /// What has failed since the process began.
    pub errors: Errors,
}

/// What has failed, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Errors {
    /// There was no room.
    pub full: u64,
    /// It could not be written.
    pub failed: u64,
    /// It could not be read.
    pub unreadable: u64,
}

/// Whether a spool keeps what comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Health {
    /// It does.
    #[default]
    Keeping,
    /// The disk is full; it tries again.
    Full,
    /// The disk has failed, and what it says of later writes can't be believed. A restart looks at
    /// the file anew.
    Failed,
}

/// A batch that is held.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// What it is known by; rising, and never given twice.
    pub ticket: u64,
    /// How many bytes it takes.
    pub bytes: usize,
    /// The batch, under a number.
    pub held: HeldBatch,
}

/// A batch that is not kept.
#[derive(Debug)]
pub struct Unkept {
    /// Why.
    pub error: SpoolError,
    /// The batch as it was, unless the spool is closed.
    pub held: Option<Box<HeldBatch>>,
}

/// What there is to carry after a ticket.
#[derive(Debug, Default)]
pub struct Load {
    /// In the order of their tickets.
    pub batches: Vec<Stored>,
    /// Up to here everything has been looked at.
    pub through: u64,
}

impl Errors {
    pub(crate) fn by_kind(self) -> [(&'static str, u64); 3] {
        [
            ("full", self.full),
            ("failed", self.failed),
            ("unreadable", self.unreadable),
        ]
    }
}

impl Spool {
    /// Opens the spool in a directory, which is made if it is missing. A damaged file is put aside
    /// and begun anew.
    ///
    /// # Errors
    /// [`AgentError::Locked`], [`AgentError::Spool`].
    pub fn open(
        directory: &Path,
        agent: AgentId,
        bounds: Bounds,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AgentError> {
        let file = file::open(directory, clock.now())?;
        let ledger = Ledger::new(file, agent, bounds);
        let ledger = ledger.map_err(|error| AgentError::Spool {
            reason: error.to_string(),
        })?;
        Self::over(ledger, clock)
    }

    fn over(ledger: Ledger, clock: Arc<dyn Clock>) -> Result<Self, AgentError> {
        let (commands, queue) = mpsc::channel(COMMANDS_MAX);
        let (publisher, state) = watch::channel(State::default());
        let epoch = ledger.life().epoch;
        let turned = Arc::new(Mutex::new(Instant::now()));
        let writer = Writer::new(ledger, clock, queue, publisher, Arc::clone(&turned));
        let thread = std::thread::Builder::new().name("spool".to_owned());
        let started = thread.spawn(move || writer.run());
        started.map_err(|error| AgentError::Spool {
            reason: format!("start its thread: {error}"),
        })?;
        Ok(Self {
            commands,
            state,
            epoch,
            turned,
        })
    }

    /// 64 random bits, drawn when the file was made.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How long ago its thread last turned to its work.
    pub fn idle_for(&self) -> Duration {
        let turned = *self.turned.lock().unwrap_or_else(PoisonError::into_inner);
        turned.elapsed()
    }

    /// Waits until the thread has ended.
    pub(crate) async fn ended(&self) {
        self.commands.closed().await;
    }

    /// What it holds and has done.
    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Makes a batch durable. One without an identity gets the agent's.
    ///
    /// # Errors
    /// It is not durable; as long as the spool is open, the batch comes back.
    pub async fn keep(&self, held: HeldBatch) -> Result<(), Unkept> {
        let (answer, answered) = oneshot::channel();
        let held = Box::new(held);
        let sent = self.commands.send(Command::Keep { held, answer }).await;
        let closed = Unkept {
            error: SpoolError::Closed,
            held: None,
        };
        if sent.is_err() {
            return Err(closed);
        }
        answered.await.unwrap_or(Err(closed))
    }

    /// What came after the ticket, up to about so many bytes. It counts as on its way until it is
    /// settled; while that is half of the spool, nothing more is loaded.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn load(&self, after: u64, bytes_max: u64) -> Result<Load, SpoolError> {
        let (answer, answered) = oneshot::channel();
        let command = Command::Load {
            after,
            bytes_max,
            answer,
        };
        let sent = self.commands.send(command).await;
        sent.map_err(|_| SpoolError::Closed)?;
        answered.await.unwrap_or(Err(SpoolError::Closed))
    }

    /// Lets go of batches that have found their end. Durable a little later; until then a restart
    /// sends them again, under the same numbers.
    pub async fn settle(&self, settled: Vec<Settled>) {
        self.tell(Command::Settle(settled)).await;
    }

    /// Looks whether something is too old.
    pub async fn tick(&self) {
        self.tell(Command::Tick).await;
    }

    /// Counts what was carried without being kept.
    pub async fn count(&self, totals: Totals) {
        self.tell(Command::Count(totals)).await;
    }

    /// Makes everything durable and closes the file.
    pub async fn close(self) {
        let (answer, answered) = oneshot::channel();
        self.tell(Command::Close { answer }).await;
        if answered.await.is_err() {
            tracing::debug!("the spool had closed before");
        }
    }

    /// After its end there is nobody left who could mind.
    async fn tell(&self, command: Command) {
        if self.commands.send(command).await.is_err() {
            tracing::debug!("the spool is closed");
        }
    }
}

impl Stored {
    /// Reads the bytes of a batch again.
    pub(crate) fn read(ticket: u64, body: &Bytes) -> Option<Self> {
        Some(Self {
            ticket,
            bytes: body.len(),
            held: HeldBatch::decode(body).ok()?,
        })
    }
}
