//! Several targets that stand for each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use sextant_measure::observation::Observation;
use tokio::sync::mpsc;

use super::{Event, Lost, Outgoing, Transport};

/// Several targets that stand for each other: when a connection is lost, the next one is tried.
///
/// The first is drawn, so that many senders spread over all of them. Nothing is final: what one
/// target refuses for good, another may take, and the same one once someone has mended it.
pub struct Failover {
    targets: Vec<(String, Arc<dyn Transport>)>,
    turn: AtomicUsize,
}

impl Failover {
    /// Between these targets, each under the name that errors tell. At least one.
    pub fn new(targets: Vec<(String, Arc<dyn Transport>)>) -> Self {
        Self {
            turn: AtomicUsize::new(rand::random_range(0..targets.len().max(1))),
            targets,
        }
    }
}

#[async_trait]
impl Transport for Failover {
    fn observation_bytes_max(&self, observation: &Observation) -> usize {
        let ways = self.targets.iter();
        let bytes = ways.map(|(_, way)| way.observation_bytes_max(observation));
        bytes.max().unwrap_or(0)
    }

    async fn serve(&self, outgoing: mpsc::Receiver<Outgoing>, events: mpsc::Sender<Event>) -> Lost {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let chosen = turn.checked_rem(self.targets.len());
        let Some((name, way)) = chosen.and_then(|at| self.targets.get(at)) else {
            return Lost::new("there is no target");
        };
        let lost = way.serve(outgoing, events).await;
        Lost {
            reason: format!("{name}: {}", lost.reason),
            is_final: false,
            // The next one asked for nothing.
            retry_after: lost.retry_after.filter(|_| self.targets.len() == 1),
        }
    }
}
