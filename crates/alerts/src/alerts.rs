//! How evaluating and telling are put together.

use std::sync::Arc;

use sextant_eventlog::EventLog;
use sextant_measure::time::Clock;
use sextant_store::Store;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::book::Terms;
use crate::config::Resolved;
use crate::delivery::{self, Board, Receivers, Setup};
use crate::leader::Leader;
use crate::metrics::Metrics;
use crate::pulse::Pulse;
use crate::recorder::{self, Recorder};
use crate::view::Sight;

/// What receivers have heard of that the leader has not taken note of yet.
const HEARD_MAX: usize = 1_000;

/// What alerts work with.
pub struct Wiring {
    /// Keeps what alerts stand at; its topics are prepared.
    pub log: Arc<dyn EventLog>,
    /// Sees all windows.
    pub sight: Arc<dyn Sight>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What this process is called among those that evaluate.
    pub name: String,
    /// Takes incidents.
    pub store: Arc<dyn Store>,
    /// The rules.
    pub config: Arc<Resolved>,
    /// Who is told.
    pub receivers: Receivers,
    /// The counters of evaluating.
    pub metrics: Metrics,
    /// The counters of telling.
    pub delivery_metrics: delivery::Metrics,
}

/// Evaluates alerts whenever it is its turn, and tells of them.
pub struct Alerts {
    pulse: Arc<Pulse>,
    board: watch::Receiver<Board>,
}

impl Alerts {
    /// Starts evaluating and telling. All tasks belong to the tracker and end when `stop` is
    /// cancelled.
    pub fn start(wiring: Wiring, tracker: &TaskTracker, stop: &CancellationToken) -> Self {
        let Wiring {
            log,
            sight,
            clock,
            name,
            store,
            config,
            receivers,
            metrics,
            delivery_metrics,
        } = wiring;
        let sees_back = config.rules.iter().map(|it| it.condition.sees_back_us());
        let terms = Terms {
            resolve_after_us: config.resolve_after_us,
            incidents_max: config.incidents_max,
            covers_for_us: sees_back.max().unwrap_or(0),
            audience: receivers.audience().with(recorder::NAME),
        };
        let pulse = Arc::new(Pulse::new());
        let (board, shown) = watch::channel(Board::from([]));
        let (hearing, heard) = mpsc::channel(HEARD_MAX);
        let recorder = Recorder {
            store,
            board: shown.clone(),
            heard: hearing.clone(),
            metrics: metrics.clone(),
        };
        let setup = Setup {
            board: shown.clone(),
            delivered: hearing,
            clock: Arc::clone(&clock),
            metrics: delivery_metrics,
        };
        let leader = Leader {
            log,
            sight,
            clock,
            name,
            config,
            terms,
            metrics,
            pulse: Arc::clone(&pulse),
            board,
            heard,
        };
        tracker.spawn(leader.run(stop.clone()));
        tracker.spawn(stop.clone().run_until_cancelled_owned(recorder.run()));
        receivers.start(&setup, tracker, stop);
        Self {
            pulse,
            board: shown,
        }
    }

    /// Whether it is alive.
    pub fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// What receivers are to hear of; nothing while another leads.
    pub fn board(&self) -> watch::Receiver<Board> {
        self.board.clone()
    }
}
