//! An agent, put together.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use sextant_intake::Intake;
use sextant_intake::senders::Senders;
use sextant_measure::id::AgentId;
use sextant_measure::time::Clock;
use sextant_reporter::courier::{Courier, Errand};
use sextant_reporter::options::Options;
use sextant_reporter::relay::Relay;
use sextant_reporter::report::Counters;
use sextant_reporter::transport::Transport;
use sextant_wire::batch::Totals;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::error::AgentError;
use crate::forwarding;
use crate::keeping::Keeping;
use crate::metrics::Metrics;
use crate::passing::Passing;
use crate::spool::{Spool, State};

/// Parcels that pass and wait for the courier.
const PASSING_MAX: usize = 64;
/// Ends that wait to be heard of.
const SETTLED_MAX: usize = 4_096;
/// Senders that are told from new ones.
const SENDERS_MAX: NonZeroU32 = NonZeroU32::new(10_000).expect("is not zero");
/// Senders whose signs of life are passed on.
const RELAYED_MAX: usize = 1_024;

/// What an agent works with.
pub struct Wiring {
    /// Its name among agents.
    pub name: AgentId,
    /// The way to a collector.
    pub transport: Arc<dyn Transport>,
    /// Tells when batches come.
    pub clock: Arc<dyn Clock>,
    /// Once cancelled, new batches are refused; what is in flight is answered.
    pub shutdown: CancellationToken,
}

/// Keeps what comes, and sends it on.
pub struct Agent {
    intake: Arc<Intake<Keeping>>,
    spool: Spool,
    courier: Arc<Courier>,
    counters: watch::Receiver<Counters>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Cancelled once one of the tasks has ended.
    ended: CancellationToken,
}

impl Agent {
    /// Opens the spool and starts to send, in tasks of the present runtime.
    ///
    /// # Errors
    /// The spool can't be opened, or an option makes no sense.
    pub fn start(config: &Config, wiring: Wiring, metrics: Metrics) -> Result<Self, AgentError> {
        let clock = Arc::clone(&wiring.clock);
        let spool = Spool::open(
            &config.spool_dir,
            wiring.name.clone(),
            config.bounds(),
            Arc::clone(&clock),
        )?;
        let (settled, ends) = mpsc::channel(SETTLED_MAX);
        let (parcels, passing) = mpsc::channel(PASSING_MAX);
        let tasks = TaskTracker::new();
        let relay = Arc::new(Relay::new(RELAYED_MAX));
        let errand = Errand {
            settled,
            totals: totals_of(spool.state(), &tasks),
            relay: Arc::clone(&relay),
        };
        let options = options(config, &wiring.name, spool.epoch());
        let courier = Courier::start(options, wiring.transport, Arc::clone(&clock), errand)?;
        let courier = Arc::new(courier);
        let counters = courier.counters();
        let passing_on = Passing::new(wiring.name, parcels, spool.state(), counters.clone());
        let passing_on = Arc::new(passing_on);
        let stop = CancellationToken::new();
        let (kept, handed) = (spool.clone(), Arc::clone(&courier));
        let carrying = Arc::clone(&passing_on);
        let carry = forwarding::carry(kept, handed, carrying, passing, stop.clone());
        let settle = forwarding::settle(spool.clone(), Arc::clone(&passing_on), ends);
        let ended = CancellationToken::new();
        let (one, other) = (ended.clone().drop_guard(), ended.clone().drop_guard());
        tasks.spawn(async move {
            let _guard = one;
            carry.await;
        });
        tasks.spawn(async move {
            let _guard = other;
            settle.await;
        });
        metrics.follow(spool.state(), counters.clone());
        let limits = config.limits();
        let keeping = Keeping {
            limits: limits.clone(),
            spool: spool.clone(),
            passing: passing_on,
            relay,
            senders: Senders::new(SENDERS_MAX),
        };
        let wiring = sextant_intake::Wiring {
            clock,
            shutdown: wiring.shutdown,
            tasks: TaskTracker::new(),
        };
        Ok(Self {
            intake: Intake::new(limits, wiring, metrics.intake, Arc::new(keeping)),
            spool,
            courier,
            counters,
            tasks,
            stop,
            ended,
        })
    }

    /// Where batches come in.
    pub fn intake(&self) -> &Arc<Intake<Keeping>> {
        &self.intake
    }

    /// Waits until a part of it has ended before its time, and says which.
    pub async fn failed(&self) -> &'static str {
        let mut counters = self.counters.clone();
        let courier = async { while counters.changed().await.is_ok() {} };
        tokio::select! {
            () = self.spool.ended() => "the spool's thread has ended",
            () = courier => "the way to the collectors has ended",
            () = self.ended.cancelled() => "the way from the spool has ended",
        }
    }

    /// The spool, for who looks after it.
    pub fn spool(&self) -> &Spool {
        &self.spool
    }

    /// What the way to the collectors has done.
    pub fn counters(&self) -> watch::Receiver<Counters> {
        self.counters.clone()
    }

    /// Answers what is in flight, sends for a little longer, and closes the spool. For after the
    /// shutdown token has been cancelled. What has not been sent stays in the spool.
    pub async fn finish(self, within: Duration) {
        self.intake.drained().await;
        self.stop.cancel();
        let Self {
            intake,
            spool,
            courier,
            tasks,
            ..
        } = self;
        drop(intake);
        tasks.close();
        // The task that hands over has ended, or ends at once.
        if let Some(courier) = sole(courier).await {
            let report = courier.finish(within).await;
            tracing::debug!(sent = report.acknowledged, "the courier has ended");
        }
        tasks.wait().await;
        spool.close().await;
    }
}

/// The courier, once nobody else has it.
async fn sole(mut courier: Arc<Courier>) -> Option<Courier> {
    for _ in 0..1_000 {
        match Arc::try_unwrap(courier) {
            Ok(courier) => return Some(courier),
            Err(shared) => courier = shared,
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    None
}

fn options(config: &Config, name: &AgentId, epoch: u64) -> Options {
    let wait = Duration::from_millis(config.answer_wait_ms_max.get().into());
    Options {
        epoch,
        in_flight_max: usize::try_from(config.in_flight_max.get()).unwrap_or(usize::MAX),
        answer_timeout: wait,
        ..Options::new(name.clone())
    }
}

/// The totals alone, as the courier tells them.
fn totals_of(mut state: watch::Receiver<State>, tasks: &TaskTracker) -> watch::Receiver<Totals> {
    let (publisher, totals) = watch::channel(state.borrow_and_update().totals.clone());
    tasks.spawn(async move {
        loop {
            tokio::select! {
                changed = state.changed() => match changed {
                    Ok(()) => publisher.send_replace(state.borrow_and_update().totals.clone()),
                    Err(_) => return,
                },
                // The courier has ended.
                () = publisher.closed() => return,
            };
        }
    });
    totals
}
