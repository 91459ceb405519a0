//! From a batch to its acknowledgement.

use std::sync::Arc;

use sextant_measure::time::Clock;
use sextant_wire::answer::{Acknowledgement, BatchRefusal};
use sextant_wire::batch::Heartbeat;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::budget::Held;
use crate::directory::{Directory, Resolve};
use crate::keeper::{Arrived, Keeper};
use crate::limits::Limits;
use crate::metrics::{Metrics, Transport};
use crate::peer::{Peer, PeerKey, Peers};
use crate::refusal;
use crate::submission::Submission;

/// What the ids of a keeper's streams stand for.
pub type DirectoryOf<K> = Directory<<<K as Keeper>::Rules as Resolve>::Meaning>;

/// What an intake works with.
pub struct Wiring {
    /// Tells when batches come.
    pub clock: Arc<dyn Clock>,
    /// Once cancelled, new batches are refused; what is in flight is answered.
    pub shutdown: CancellationToken,
    /// Owns what goes on when a caller has gone.
    pub tasks: TaskTracker,
}

/// Takes batches within bounds, and acknowledges those that are durable.
pub struct Intake<K> {
    pub(crate) limits: Limits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) metrics: Metrics,
    peers: Peers,
    keeper: Arc<K>,
}

/// A batch that has passed every check and is not kept yet.
pub(crate) struct Pending<K: Keeper> {
    kept: K::Pending,
    observations: u32,
}

impl<K: Keeper> Intake<K> {
    /// An intake that is ready.
    pub fn new(limits: Limits, wiring: Wiring, metrics: Metrics, keeper: Arc<K>) -> Arc<Self> {
        Arc::new(Self {
            peers: Peers::new(&limits),
            limits,
            clock: wiring.clock,
            shutdown: wiring.shutdown,
            tasks: wiring.tasks,
            metrics,
            keeper,
        })
    }

    /// Who keeps what is taken in.
    pub fn keeper(&self) -> &Arc<K> {
        &self.keeper
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
        directory: &mut DirectoryOf<K>,
    ) -> Result<Acknowledgement, BatchRefusal> {
        let submission = submission.into();
        let pending = match self.peer(peer) {
            Ok(peer) => self.admit(&peer, transport, submission, directory)?,
            Err(refusal) => {
                return Err(self.refuse(transport, submission.observations(), refusal));
            }
        };
        let intake = Arc::clone(self);
        // A task of its own, so that it is counted to its end when the caller goes away.
        let commit = async move { intake.commit(pending).await };
        let answer = self.tasks.spawn(commit).await;
        answer.unwrap_or_else(|_| Err(refusal::stopping(&self.limits)))
    }

    /// Waits until everything in flight has been answered. For after the shutdown token has been
    /// cancelled.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Room for bytes that somebody else reads for this intake, until it is dropped.
    ///
    /// # Errors
    /// This peer holds all that one may, or nothing is left.
    pub fn room(&self, key: &PeerKey, bytes: u32) -> Result<Held, BatchRefusal> {
        let held = self.peer(key)?.body_bytes.take(bytes);
        held.map_err(|_| refusal::load("bodies", &self.limits))
    }

    pub(crate) fn peer(&self, key: &PeerKey) -> Result<Arc<Peer>, BatchRefusal> {
        let peer = self.peers.get(key);
        peer.ok_or_else(|| refusal::load("senders", &self.limits))
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

    /// Judges a batch, up to where it would be kept. Waits for nothing.
    pub(crate) fn admit(
        &self,
        peer: &Peer,
        transport: Transport,
        submission: Submission,
        directory: &mut DirectoryOf<K>,
    ) -> Result<Pending<K>, BatchRefusal> {
        let observations = submission.observations();
        self.metrics.count_received(transport, observations);
        let kept = self.judge(peer, transport, submission, directory);
        let kept = kept.inspect_err(|refusal| {
            self.metrics
                .count_refused_batch(refusal.reason, observations);
        })?;
        Ok(Pending { kept, observations })
    }

    /// Makes a batch durable.
    pub(crate) async fn commit(
        &self,
        pending: Pending<K>,
    ) -> Result<Acknowledgement, BatchRefusal> {
        let Pending { kept, observations } = pending;
        let acknowledgement = Arc::clone(&self.keeper).commit(kept).await;
        let acknowledgement = acknowledgement.inspect_err(|refusal| {
            self.metrics
                .count_refused_batch(refusal.reason, observations);
        })?;
        self.metrics.count_sent(&acknowledgement);
        Ok(Acknowledgement {
            sent_at: self.clock.now(),
            ..acknowledgement
        })
    }

    pub(crate) fn hear(&self, peer: &Peer, heartbeat: Heartbeat) {
        let arrived = self.arrived(peer, Transport::GrpcStream);
        if self.keeper.hear(arrived, heartbeat).is_err() {
            self.metrics.refused_heartbeats.inc();
        }
    }

    fn judge(
        &self,
        peer: &Peer,
        transport: Transport,
        submission: Submission,
        directory: &mut DirectoryOf<K>,
    ) -> Result<K::Pending, BatchRefusal> {
        let observations = submission.observations();
        if observations > self.limits.observations_max.get() {
            return Err(refusal::too_many_observations(observations, &self.limits));
        }
        if self.shutdown.is_cancelled() {
            return Err(refusal::stopping(&self.limits));
        }
        let arrived = self.arrived(peer, transport);
        self.keeper.meet(arrived, &submission.batch)?;
        peer.rate.take(observations).map_err(refusal::rate)?;
        self.keeper.judge(arrived, submission, directory)
    }

    fn arrived<'a>(&self, peer: &'a Peer, transport: Transport) -> Arrived<'a> {
        Arrived {
            peer,
            transport,
            at: self.clock.now(),
        }
    }
}
