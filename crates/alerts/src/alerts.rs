//! How evaluating and telling are put together.

use std::sync::Arc;

use sextant_eventlog::EventLog;
use sextant_measure::time::Clock;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::book::Terms;
use crate::config::Resolved;
use crate::delivery::{Board, Delivered};
use crate::leader::Leader;
use crate::metrics::Metrics;
use crate::pulse::Pulse;
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
    /// The rules.
    pub config: Arc<Resolved>,
    /// The counters.
    pub metrics: Metrics,
}

/// Evaluates alerts, whenever it is its turn.
pub struct Alerts {
    pulse: Arc<Pulse>,
    board: watch::Receiver<Board>,
    heard: mpsc::Sender<Delivered>,
}

impl Alerts {
    /// Starts evaluating. `receivers` names those of whom an incident has to be heard before it is
    /// let go of. All tasks belong to the tracker and end when `stop` is cancelled.
    pub fn start(
        wiring: Wiring,
        receivers: impl IntoIterator<Item = String>,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let Wiring {
            log,
            sight,
            clock,
            name,
            config,
            metrics,
        } = wiring;
        let sees_back = config.rules.iter().map(|it| it.condition.sees_back_us());
        let terms = Terms {
            resolve_after_us: config.resolve_after_us,
            incidents_max: config.incidents_max,
            covers_for_us: sees_back.max().unwrap_or(0),
            receivers: receivers.into_iter().collect(),
        };
        let pulse = Arc::new(Pulse::new());
        let (board, shown) = watch::channel(Board::from([]));
        let (hearing, heard) = mpsc::channel(HEARD_MAX);
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
        Self {
            pulse,
            board: shown,
            heard: hearing,
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

    /// Where to say who has heard of what.
    pub fn heard(&self) -> mpsc::Sender<Delivered> {
        self.heard.clone()
    }
}
