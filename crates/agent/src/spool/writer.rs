//! The thread that has the file.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sextant_measure::time::Clock;
use sextant_reporter::parcel::Settled;
use sextant_wire::batch::Totals;
use sextant_wire::held::HeldBatch;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::fault::SpoolError;
use super::held::Damaged;
use super::ledger::{Group, Ledger};
use super::{Errors, Health, Load, State, Unkept};

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
    /// Batches that could not be read, and are still in the file.
    damaged: Vec<Damaged>,
    errors: Errors,
    passed: u64,
    /// When it last turned to its work.
    turned: Arc<Mutex<Instant>>,
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
        turned: Arc<Mutex<Instant>>,
    ) -> Self {
        let writer = Self {
            ledger,
            clock,
            commands,
            state,
            health: Health::Keeping,
            retry_at: None,
            settled: Vec::new(),
            damaged: Vec::new(),
            errors: Errors::default(),
            passed: 0,
            turned,
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
            *self.turned.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
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
            Command::Count(totals) => {
                self.passed += totals.recorded;
                self.ledger.count(totals);
            }
            Command::Tick => {}
            Command::Close { answer } => waiting.closing = Some(answer),
            load @ Command::Load { .. } => waiting.loads.push(load),
        }
    }

    fn write(&mut self, keeps: Vec<(Box<HeldBatch>, Answer)>) {
        let max = self.ledger.batch_bytes_max();
        // What comes without a number is divided. What is too large alone hinders no other.
        let is_too_large =
            |held: &HeldBatch| held.batch.identity.is_some() && held.bytes_about() as u64 > max;
        let (large, keeps): (Vec<_>, Vec<_>) =
            keeps.into_iter().partition(|(held, _)| is_too_large(held));
        for (held, answer) in large {
            let reason = format!("a batch of {} bytes is over {max}", held.bytes_about());
            self.errors.full += 1;
            give_back(held, answer, SpoolError::Full(reason));
        }
        let had_failed = self.health == Health::Failed;
        let outcome = self.attempt(&keeps);
        for (held, answer) in keeps {
            match &outcome {
                // Who no longer waits has its batch kept all the same.
                Ok(()) => drop(answer.send(Ok(()))),
                // What failed may be on the disk even so. Under its sender's number it may go
                // another way, too; without one it would count twice.
                Err(error @ SpoolError::Failed(_))
                    if !had_failed && held.batch.identity.is_none() =>
                {
                    let error = error.clone();
                    drop(answer.send(Err(Unkept { error, held: None })));
                }
                Err(error) => give_back(held, answer, error.clone()),
            }
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
        let has_ends = !self.settled.is_empty() || !self.damaged.is_empty();
        if keeps.is_empty() && !has_ends && !self.ledger.has_expired(wall) {
            return Ok(());
        }
        let group = Group {
            batches: keeps.iter().map(|(held, _)| &**held).collect(),
            settled: &self.settled,
            damaged: &self.damaged,
        };
        let outcome = self.ledger.write(&group, wall);
        self.judge(&outcome, now);
        outcome
    }

    fn judge(&mut self, outcome: &Result<(), SpoolError>, now: Instant) {
        let health = match outcome {
            Ok(()) => Health::Keeping,
            Err(SpoolError::Full(_)) => Health::Full,
            Err(_) => Health::Failed,
        };
        match outcome {
            Ok(()) => {
                self.settled.clear();
                self.damaged.clear();
                self.retry_at = None;
                if self.ledger.held().batches == 0 {
                    self.ledger.shrink();
                }
                if self.health != health {
                    tracing::info!("the spool keeps what comes again");
                }
            }
            Err(error) => {
                match health {
                    Health::Failed => self.errors.failed += 1,
                    _ => self.errors.full += 1,
                }
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
        let mut loaded = self.ledger.load(after, bytes_max);
        if let Err(SpoolError::Damaged(reason)) = &loaded
            && self.salvage(reason)
        {
            loaded = self.ledger.load(after, bytes_max);
        }
        let loaded = match loaded {
            Ok((load, damaged)) => {
                if !damaged.is_empty() {
                    let batches = damaged.len();
                    tracing::error!(
                        batches,
                        "batches in the spool were damaged and are given up"
                    );
                    self.damaged.extend(damaged);
                }
                Ok(load)
            }
            Err(error) => {
                self.errors.unreadable += 1;
                Err(error)
            }
        };
        drop(answer.send(loaded));
    }

    /// Whether the file could be begun anew with what can be read of it.
    fn salvage(&mut self, reason: &str) -> bool {
        self.errors.unreadable += 1;
        let salvaged = self.ledger.salvage(self.clock.now());
        match &salvaged {
            Ok(()) => tracing::error!(reason, "the spool was damaged; what can be read goes on"),
            Err(error) => tracing::error!(reason, %error, "the spool is damaged"),
        }
        salvaged.is_ok()
    }

    fn publish(&self) {
        let (held, life) = (self.ledger.held(), self.ledger.life());
        let heard = self.settled.len() + self.damaged.len();
        let state = State {
            batches: held.batches,
            observations: held.observations,
            bytes: held.bytes,
            oldest: held.oldest,
            newest: held.newest,
            undelivered: held.batches.saturating_sub(heard as u64),
            has_way: self.ledger.has_way(),
            totals: life.totals.clone(),
            health: self.health,
            errors: self.errors,
            passed: self.passed,
        };
        self.state.send_if_modified(|published| {
            let is_news = *published != state;
            *published = state;
            is_news
        });
    }
}

fn give_back(held: Box<HeldBatch>, answer: Answer, error: SpoolError) {
    let held = Some(held);
    // Who no longer waits has its own.
    drop(answer.send(Err(Unkept { error, held })));
}
