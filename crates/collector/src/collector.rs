//! From a batch to its acknowledgement.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sextant_catalog::LiveCatalog;
use sextant_eventlog::{EventLog, LogError};
use sextant_measure::id::AgentId;
use sextant_measure::time::{Clock, Timestamp};
use sextant_wire::answer::{Acknowledgement, BatchRefusal};
use sextant_wire::batch::{Batch, Heartbeat};
use sextant_wire::identity::Identity;
use sextant_wire::part::ObservationsRecord;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::{Admitted, Stamp, Submission, admit};
use crate::agents::{Agents, Said};
use crate::append::{Appender, Placed};
use crate::budget::{Held, Refused};
use crate::config::{Config, length};
use crate::directory::{Directory, Rules, UnusableId};
use crate::metrics::{Metrics, Transport};
use crate::peer::{Peer, PeerKey, Peers};
use crate::refusal;
use crate::senders::Sender;

/// Bytes in flight that a batch costs beside its records.
const BATCH_BYTES: usize = 512;
/// Bytes in flight that the answer costs for each observation refused.
const REFUSAL_BYTES: usize = 8;

/// What a collector works with.
pub struct Wiring {
    /// Where observations go, its topics prepared.
    pub log: Arc<dyn EventLog>,
    /// How many partitions the topic of observations has.
    pub partitions: u32,
    /// Fills in quantizations.
    pub catalog: LiveCatalog,
    /// Tells when batches come.
    pub clock: Arc<dyn Clock>,
    /// Gives anonymous batches an identity.
    pub instance: Instance,
    /// Once cancelled, new batches are refused; what is in flight is answered.
    pub shutdown: CancellationToken,
}

/// The identity that a collector gives to anonymous batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its name among collectors.
    pub name: AgentId,
    /// 64 random bits, drawn anew at each start.
    pub epoch: u64,
}

/// Admits batches and acknowledges those that are durable.
pub struct Collector {
    pub(crate) config: Config,
    pub(crate) rules: Rules,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) metrics: Arc<Metrics>,
    instance: Instance,
    anonymous_batches: AtomicU64,
    peers: Peers,
    appender: Arc<Appender>,
    agents: Arc<Agents>,
}

/// A batch that has passed every check and is not in the log yet.
pub(crate) struct Pending {
    acknowledgement: Acknowledgement,
    records: Vec<Placed>,
    early: u32,
    observations: u32,
    /// Until this is dropped, records and answer count as in flight.
    _held: Held,
}

impl Collector {
    /// A collector that is ready.
    pub fn new(config: Config, wiring: Wiring, metrics: Metrics) -> Arc<Self> {
        let (metrics, tasks) = (Arc::new(metrics), TaskTracker::new());
        let appender = Appender::new(wiring.log, Arc::clone(&metrics));
        let appender = Arc::new(appender);
        let agents = Agents::new(
            &config,
            wiring.partitions,
            Arc::clone(&appender),
            Arc::clone(&metrics),
            tasks.clone(),
        );
        Arc::new(Self {
            rules: Rules {
                catalog: wiring.catalog,
                region: config.region.clone(),
                partitions: wiring.partitions,
            },
            clock: wiring.clock,
            shutdown: wiring.shutdown,
            tasks,
            metrics,
            instance: wiring.instance,
            anonymous_batches: AtomicU64::new(0),
            peers: Peers::new(&config),
            appender,
            agents: Arc::new(agents),
            config,
        })
    }

    /// By what this collector stamps and splits.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Judges a batch, makes it durable and only then acknowledges it.
    ///
    /// Who drops the future leaves the batch to its fate: it may become durable all the same.
    ///
    /// # Errors
    /// The batch is refused as a whole. Sent again under the same identity it counts once.
    pub async fn submit(
        self: &Arc<Self>,
        peer: &PeerKey,
        transport: Transport,
        submission: impl Into<Submission>,
        directory: &mut Directory,
    ) -> Result<Acknowledgement, BatchRefusal> {
        let submission = submission.into();
        let mut pending = match self.peer(peer) {
            Ok(peer) => self.admit(&peer, transport, submission, directory)?,
            Err(refusal) => {
                return Err(self.refuse(transport, submission.observations(), refusal));
            }
        };
        let collector = Arc::clone(self);
        // A task of its own, so that it is counted to its end when the caller goes away.
        let commit = async move { collector.commit(&mut pending).await };
        let answer = self.tasks.spawn(commit).await;
        answer.unwrap_or_else(|_| Err(refusal::unavailable("the collector stops", &self.config)))
    }

    /// Waits until the log is beyond repair: nothing is acknowledged any more, and the process
    /// should say so and exit.
    pub async fn failed(&self) -> LogError {
        self.appender.failed().await
    }

    /// Waits until everything in flight has been answered. For after the shutdown token has been
    /// cancelled.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(crate) fn peer(&self, key: &PeerKey) -> Result<Arc<Peer>, BatchRefusal> {
        let peer = self.peers.get(key);
        peer.ok_or_else(|| refusal::load("senders", &self.config))
    }

    /// Counts a batch that is refused before it can be judged.
    pub(crate) fn refuse(
        &self,
        transport: Transport,
        observations: u32,
        refusal: BatchRefusal,
    ) -> BatchRefusal {
        self.metrics.count_received(transport, observations);
        self.metrics
            .count_refused_batch(refusal.reason, observations);
        refusal
    }

    /// Judges a batch, up to where it would be appended. Waits for nothing.
    pub(crate) fn admit(
        &self,
        peer: &Peer,
        transport: Transport,
        submission: Submission,
        directory: &mut Directory,
    ) -> Result<Pending, BatchRefusal> {
        let observations = submission.observations();
        self.metrics.count_received(transport, observations);
        self.judge(peer, transport, submission, directory)
            .inspect_err(|refusal| {
                self.metrics
                    .count_refused_batch(refusal.reason, observations);
            })
    }

    /// Makes a batch durable.
    pub(crate) async fn commit(
        &self,
        pending: &mut Pending,
    ) -> Result<Acknowledgement, BatchRefusal> {
        let records = std::mem::take(&mut pending.records);
        if !records.is_empty() {
            self.metrics.begun_appends.inc();
            let outcome = self.appender.append_all(records).await;
            self.metrics.ended_appends.inc();
            outcome.map_err(|error| {
                let refusal = refusal::not_appended(&error, &self.config);
                self.metrics
                    .count_refused_batch(refusal.reason, pending.observations);
                refusal
            })?;
        }
        let acknowledgement = Acknowledgement {
            refused: std::mem::take(&mut pending.acknowledgement.refused),
            sent_at: self.clock.now(),
            ..pending.acknowledgement.clone()
        };
        let accepted = acknowledgement.accepted.into();
        self.metrics.sent_batches.inc();
        self.metrics.sent_observations.inc_by(accepted);
        self.metrics.early_observations.inc_by(pending.early.into());
        self.metrics.count_refused(&acknowledgement.refused);
        Ok(acknowledgement)
    }

    /// Keeps what a heartbeat says, at most every ten seconds. It has no answer.
    pub(crate) fn hear(&self, peer: &Peer, heartbeat: Heartbeat) {
        let sender = Sender {
            agent: heartbeat.agent,
            epoch: heartbeat.epoch,
        };
        if self.agents.meet(peer, &sender).is_err() {
            self.metrics.refused_heartbeats.inc();
            return;
        }
        let said = Said {
            totals: heartbeat.totals,
            clock_offset_us: heartbeat.clock_offset_us,
            received_at: self.clock.now(),
        };
        self.agents.report(peer, &sender, said);
    }

    fn judge(
        &self,
        peer: &Peer,
        transport: Transport,
        submission: Submission,
        directory: &mut Directory,
    ) -> Result<Pending, BatchRefusal> {
        let (observations, received_at) = (submission.observations(), self.clock.now());
        if observations > self.config.observations_max.get() {
            return Err(refusal::too_many_observations(observations, &self.config));
        }
        self.check_open()?;
        let batch = &submission.batch;
        let sender = batch.identity.as_ref().map(|identity| Sender {
            agent: AgentId::clone(&identity.agent),
            epoch: identity.epoch,
        });
        if let Some(sender) = &sender {
            self.agents.meet(peer, sender)?;
            // Also while its batches are refused for rate or load, when its losses matter most.
            if let Some(totals) = batch.totals.clone() {
                let said = Said {
                    totals,
                    clock_offset_us: batch.clock_offset_us,
                    received_at,
                };
                self.agents.report(peer, sender, said);
            }
        }
        peer.rate.take(observations).map_err(refusal::rate)?;
        let (sequence, stamp) = (batch.sequence, self.stamp(batch, received_at));
        directory.stamp_anew(&self.rules);
        let admitted = admit(submission, directory, &stamp)
            .map_err(|unusable| self.unusable(transport, unusable))?;
        self.hold(peer, sequence, &stamp, admitted)
    }

    fn hold(
        &self,
        peer: &Peer,
        sequence: u64,
        stamp: &Stamp,
        admitted: Admitted,
    ) -> Result<Pending, BatchRefusal> {
        let refused = u32::try_from(admitted.refused.len()).unwrap_or(u32::MAX);
        let mut bytes = BATCH_BYTES + admitted.refused.len() * REFUSAL_BYTES;
        let mut records = Vec::with_capacity(admitted.parts.len());
        for (partition, part) in admitted.parts {
            let record = ObservationsRecord::Part(Box::new(part)).encode();
            // Found after other parts are in the log, it would count those twice: their
            // observations come again in smaller batches.
            if record.len() > length(self.config.record_bytes_max) {
                return Err(refusal::record_too_large(record.len(), &self.config));
            }
            bytes += record.len();
            records.push((partition, record));
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let held = peer.in_flight_bytes.take(bytes);
        let held = held.map_err(|refused| match refused {
            Refused::Never => refusal::larger_than_a_share(bytes),
            Refused::Now => refusal::load("bytes", &self.config),
        })?;
        Ok(Pending {
            acknowledgement: Acknowledgement {
                sequence,
                accepted: admitted.accepted,
                refused: admitted.refused,
                received_at: stamp.received_at,
                sent_at: stamp.received_at,
                deduplicated: !stamp.anonymous,
            },
            records,
            early: admitted.early,
            observations: admitted.accepted.saturating_add(refused),
            _held: held,
        })
    }

    fn check_open(&self) -> Result<(), BatchRefusal> {
        if self.appender.has_failed() {
            let message = "the log has failed; send elsewhere";
            return Err(refusal::unavailable(message, &self.config));
        }
        if self.shutdown.is_cancelled() {
            return Err(refusal::unavailable("the collector stops", &self.config));
        }
        Ok(())
    }

    fn stamp(&self, batch: &Batch, received_at: Timestamp) -> Stamp {
        let own = || Identity {
            agent: AgentId::clone(&self.instance.name),
            epoch: self.instance.epoch,
            sequence: self.anonymous_batches.fetch_add(1, Ordering::Relaxed),
        };
        Stamp {
            identity: batch.identity.clone().unwrap_or_else(own),
            anonymous: batch.identity.is_none(),
            received_at,
        }
    }

    fn unusable(&self, transport: Transport, unusable: UnusableId) -> BatchRefusal {
        match transport {
            Transport::GrpcStream => refusal::definitions(unusable.to_string(), &self.config),
            // The definitions came with the batch: the same bytes never pass.
            Transport::GrpcUnary | Transport::Http => refusal::invalid(unusable.to_string()),
        }
    }
}
