//! What one has to do who keeps batches.

use std::sync::Arc;

use async_trait::async_trait;
use sextant_measure::time::Timestamp;
use sextant_wire::answer::{Acknowledgement, BatchRefusal};
use sextant_wire::batch::{Batch, Heartbeat};

use crate::directory::{Directory, Resolve};
use crate::metrics::Transport;
use crate::peer::Peer;
use crate::submission::Submission;

/// How and from whom something came.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// Who sent it.
    pub peer: &'a Peer,
    /// The way that it came.
    pub transport: Transport,
    /// When, by this process' clock.
    pub at: Timestamp,
}

/// Keeps batches.
#[async_trait]
pub trait Keeper: Send + Sync + 'static {
    /// Whether what comes without a number gets the keeper's own.
    const NUMBERS: bool = false;

    /// By what it understands definitions.
    type Rules: Resolve;
    /// A batch that has passed every check and is not kept yet.
    type Pending: Send;

    /// By what it understands definitions.
    fn rules(&self) -> &Self::Rules;

    /// Takes note of a batch's sender, also of one whose batch is refused for its rate.
    ///
    /// # Errors
    /// It takes nothing now, or nothing of this sender.
    fn meet(&self, arrived: Arrived<'_>, batch: &Batch) -> Result<(), BatchRefusal>;

    /// Judges a batch, up to where it would be kept. Waits for nothing.
    ///
    /// # Errors
    /// Nothing of the batch may be taken.
    fn judge(
        &self,
        arrived: Arrived<'_>,
        submission: Submission,
        directory: &mut Directory<<Self::Rules as Resolve>::Meaning>,
    ) -> Result<Self::Pending, BatchRefusal>;

    /// Makes a batch durable, and only then acknowledges it.
    ///
    /// # Errors
    /// It is not, or not for certain. Sent again under the same identity it counts once.
    async fn commit(
        self: Arc<Self>,
        pending: Self::Pending,
    ) -> Result<Acknowledgement, BatchRefusal>;

    /// Keeps what a heartbeat says. It has no answer.
    ///
    /// # Errors
    /// It is one too many from there.
    fn hear(&self, arrived: Arrived<'_>, heartbeat: Heartbeat) -> Result<(), BatchRefusal>;
}
