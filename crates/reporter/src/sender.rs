//! Takes observations and sends them until they are acknowledged.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sextant_measure::observation::Observation;
use sextant_measure::time::Clock;
use tokio::sync::watch;

use crate::error::ReporterError;
use crate::loose::Loose;
use crate::options::Options;
use crate::recorder::{Recorder, Unqueued};
use crate::report::{Counters, Report};
use crate::run::Run;
use crate::transport::Transport;

/// Takes observations and sends them until they are acknowledged.
///
/// At most `queue_observations_max` observations wait, one batch is being filled, and at most
/// `in_flight_max` batches are sent without an answer. Dropped without [`finish`](Self::finish),
/// it stops at once.
pub struct Sender {
    run: Run<Observation>,
    unqueued: Arc<Unqueued>,
    clock: Arc<dyn Clock>,
}

impl Sender {
    /// Starts to connect, in a task of the present runtime.
    pub fn start(
        options: Options,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ReporterError> {
        let unqueued = Arc::<Unqueued>::default();
        let (loose, told) = (Loose::new(&options), Arc::clone(&unqueued));
        Ok(Self {
            run: Run::start(options, loose, transport, Arc::clone(&clock), told)?,
            unqueued,
            clock,
        })
    }

    /// Hands an observation over; waits while the queue is full.
    ///
    /// # Errors
    /// [`ReporterError::Stopped`] when the sender has ended before its time.
    pub async fn send(&self, observation: Observation) -> Result<(), ReporterError> {
        self.run.give(observation).await
    }

    /// What hands observations over without waiting.
    pub fn recorder(&self) -> Recorder {
        let (queue, unqueued) = (self.run.items.clone(), Arc::clone(&self.unqueued));
        Recorder::new(queue, unqueued, Arc::clone(&self.clock))
    }

    /// The running figures.
    pub fn counters(&self) -> watch::Receiver<Counters> {
        self.run.counters.clone()
    }

    /// Takes no more and waits until everything has its answer, at most for so long.
    pub async fn finish(self, within: Duration) -> Report {
        self.run.finish(within).await
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("counters", &*self.run.counters.borrow())
            .finish_non_exhaustive()
    }
}
