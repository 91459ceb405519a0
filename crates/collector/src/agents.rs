//! What agents say of themselves, on its way into the log.

use std::sync::Arc;

use sextant_intake::peer::Peer;
use sextant_intake::senders::{Sender, Senders};
use sextant_measure::id::AgentId;
use sextant_measure::time::Timestamp;
use sextant_wire::answer::BatchRefusal;
use sextant_wire::batch::Totals;
use sextant_wire::definition::partition_of_agent;
use sextant_wire::part::{AgentReport, ObservationsRecord};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::append::Appender;
use crate::config::Config;
use crate::metrics::Logged;

/// The senders of late and their reports.
pub(crate) struct Agents {
    senders: Senders,
    partitions: u32,
    appender: Arc<Appender>,
    metrics: Arc<Logged>,
    tasks: TaskTracker,
}

/// What a batch or a heartbeat says of its sender.
pub(crate) struct Said {
    pub(crate) totals: Totals,
    pub(crate) clock_offset_us: i64,
    pub(crate) received_at: Timestamp,
}

impl Agents {
    pub(crate) fn new(
        config: &Config,
        partitions: u32,
        appender: Arc<Appender>,
        metrics: Arc<Logged>,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            senders: Senders::new(config.senders_max),
            partitions,
            appender,
            metrics,
            tasks,
        }
    }

    /// Lets a known sender pass, and a new one within its peer's quota.
    pub(crate) fn meet(&self, peer: &Peer, sender: &Sender) -> Result<(), BatchRefusal> {
        let evicted = self.senders.meet(peer, sender)?;
        self.metrics.evicted_senders.inc_by(evicted);
        Ok(())
    }

    /// Writes a sender's figures to the log, unless that was done a moment ago.
    ///
    /// Nobody waits for it: what is lost, the next report says again.
    pub(crate) fn report(self: &Arc<Self>, peer: &Peer, sender: &Sender, said: Said) {
        let now = Instant::now();
        if !self.senders.begin_report(sender, now) {
            return;
        }
        let partition = partition_of_agent(sender.agent.as_str(), self.partitions);
        let record = ObservationsRecord::Agent(AgentReport {
            agent: AgentId::clone(&sender.agent),
            epoch: sender.epoch,
            received_at: said.received_at,
            clock_offset_us: said.clock_offset_us,
            totals: said.totals,
        });
        let record = record.encode();
        let bytes = u32::try_from(record.len()).unwrap_or(u32::MAX);
        let Ok(held) = peer.in_flight_bytes.take(bytes) else {
            self.metrics.count_dropped_report("load");
            self.senders.finish_report(sender, now);
            return;
        };
        let (agents, sender) = (Arc::clone(self), sender.clone());
        self.tasks.spawn(async move {
            let outcome = agents.appender.append_all(vec![(partition, record)]).await;
            drop(held);
            if outcome.is_ok() {
                agents.metrics.sent_reports.inc();
            } else {
                agents.metrics.count_dropped_report("not_appended");
            }
            agents.senders.finish_report(&sender, now);
        });
    }
}
