//! The thread that has the file.

use std::sync::Arc;
use std::time::Duration;

use sextant_measure::time::Clock;
use sextant_reporter::parcel::Settled;
use sextant_wire::batch::Totals;
use sextant_wire::held::HeldBatch;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::fault::SpoolError;
use super::ledger::{Group, Ledger};
use super::{Health, Load, State, Unkept};

/// Work that is done together, at most.
const GROUP_MAX: usize = 4_096;
/// Ends that wait for room on the disk.
const SETTLED_MAX: usize = 100_000;
/// How long a full disk is left alone.
const FULL_PAUSE: Duration = Duration::from_secs(1);

/// Says whether a batch is durable; if not, gives it back.
type Answer = oneshot::Sender<Result<(), Unkept>>;

/// What the thread is asked to do.
pub(super) enum Command {
    Keep {
        held: Box<HeldBatch>,
        answer: Answer,
    },
    Load {
        after: u64,
        bytes_max: u64,
        answer: oneshot::Sender<Result<Load, SpoolError>>,
    },
    Settle(Vec<Settled>),
    Count(Totals),
    Tick,
    Close {
        answer: oneshot::Sender<()>,
    },
}

/// The thread's state.
pub(super) struct Writer {
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    commands: mpsc::Receiver<Command>,
    state: watch::Sender<State>,
    health: Health,
    retry_at: Option<Instant>,
    /// Ends that are not in the file yet.
    settled: Vec<Settled>,
    reason: String,
}

/// What was found waiting.
#[derive(Default)]
struct Waiting {
    keeps: Vec<(Box<HeldBatch>, Answer)>,
    loads: Vec<Command>,
    closing: Option<oneshot::Sender<()>>,
}

impl Writer {
    pub(super) fn new(
        ledger: Ledger,
        clock: Arc<dyn Clock>,
        commands: mpsc::Receiver<Command>,
        state: watch::Sender<State>,
    ) -> Self {
        let writer = Self {
            ledger,
            clock,
            commands,
            state,
            health: Health::Keeping,
            retry_at: None,
            settled: Vec::new(),
            reason: String::new(),
        };
        writer.publish();
        writer
    }

    /// Works until the spool is closed or nobody is left who could ask.
    pub(super) fn run(mut self) {
        while let Some(first) = self.commands.blocking_recv() {
            let mut waiting = Waiting::default();
            self.sort(first, &mut waiting);
            for _ in 1..GROUP_MAX {
                let Ok(next) = self.commands.try_recv() else {
                    break;
                };
                self.sort(next, &mut waiting);
            }
            self.write(waiting.keeps);
            for load in waiting.loads {
                self.load(load);
            }
            self.publish();
            if let Some(answer) = waiting.closing {
                self.write(Vec::new());
                // Who is answered may open the file again.
                drop(self);
                _ = answer.send(());
                return;
            }
        }
        self.write(Vec::new());
    }

    fn sort(&mut self, command: Command, waiting: &mut Waiting) {
        match command {
            Command::Keep { held, answer } => waiting.keeps.push((held, answer)),
            Command::Settle(settled) => {
                self.ledger.arrived(&settled);
                self.settled.extend(settled);
            }
            Command::Count(totals) => self.ledger.count(totals),
            Command::Tick => {}
            Command::Close { answer } => waiting.closing = Some(answer),
            load @ Command::Load { .. } => waiting.loads.push(load),
        }
    }

    fn write(&mut self, keeps: Vec<(Box<HeldBatch>, Answer)>) {
        let outcome = self.attempt(&keeps);
        for (held, answer) in keeps {
            // Who no longer waits has its batch kept all the same.
            drop(answer.send(match &outcome {
                Ok(()) => Ok(()),
                Err(error) => Err(Unkept {
                    error: error.clone(),
                    held: Some(held),
                }),
            }));
        }
    }

    fn attempt(&mut self, keeps: &[(Box<HeldBatch>, Answer)]) -> Result<(), SpoolError> {
        if self.health == Health::Failed {
            self.count_settled();
            return Err(SpoolError::Failed(self.reason.clone()));
        }
        let now = Instant::now();
        if self.retry_at.is_some_and(|at| now < at) {
            return Err(SpoolError::Full(self.reason.clone()));
        }
        let wall = self.clock.now();
        if keeps.is_empty() && self.settled.is_empty() && !self.ledger.has_expired(wall) {
            return Ok(());
        }
        let group = Group {
            batches: keeps.iter().map(|(held, _)| &**held).collect(),
            settled: &self.settled,
        };
        let outcome = self.ledger.write(&group, wall);
        self.judge(&outcome, now);
        outcome
    }

    fn judge(&mut self, outcome: &Result<(), SpoolError>, now: Instant) {
        let health = match outcome {
            Ok(()) => Health::Keeping,
            Err(SpoolError::Full(_)) => Health::Full,
            Err(SpoolError::Failed(_) | SpoolError::Closed) => Health::Failed,
        };
        match outcome {
            Ok(()) => {
                self.settled.clear();
                self.retry_at = None;
                if self.ledger.held().batches == 0 {
                    self.ledger.shrink();
                }
                if self.health != health {
                    tracing::info!("the spool keeps what comes again");
                }
            }
            Err(error) => {
                if health == Health::Failed || self.settled.len() > SETTLED_MAX {
                    self.count_settled();
                }
                self.retry_at = Some(now + FULL_PAUSE);
                self.reason = error.to_string();
                if self.health != health {
                    tracing::error!(%error, "nothing is kept; what comes is passed on at once");
                }
            }
        }
        self.health = health;
    }

    /// They stay in the file, and are sent once more after a restart; a collector knows them then.
    fn count_settled(&mut self) {
        self.ledger.count_settled(&self.settled);
        self.settled.clear();
    }

    fn load(&mut self, command: Command) {
        let Command::Load {
            after,
            bytes_max,
            answer,
        } = command
        else {
            return;
        };
        let loaded = self.ledger.load(after, bytes_max);
        drop(answer.send(loaded));
    }

    fn publish(&self) {
        let (held, life) = (self.ledger.held(), self.ledger.life());
        let state = State {
            batches: held.batches,
            observations: held.observations,
            bytes: held.bytes,
            oldest: held.oldest,
            newest: held.newest,
            has_way: self.ledger.has_way(),
            totals: life.totals.clone(),
            health: self.health,
        };
        self.state.send_if_modified(|published| {
            let is_news = *published != state;
            *published = state;
            is_news
        });
    }
}
