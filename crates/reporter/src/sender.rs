//! Takes observations and sends them until they are acknowledged.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sextant_measure::observation::Observation;
use sextant_measure::time::Clock;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::driver::{Driver, Intake};
use crate::error::ReporterError;
use crate::options::Options;
use crate::recorder::{Recorder, Unqueued};
use crate::report::{Counters, Report};
use crate::transport::Transport;

/// Takes observations and sends them until they are acknowledged.
///
/// At most `queue_observations_max` observations wait, one batch is being filled, and at most
/// `in_flight_max` batches are sent without an answer. Dropped without [`finish`](Self::finish),
/// it stops at once.
pub struct Sender {
    observations: mpsc::Sender<Observation>,
    unqueued: Arc<Unqueued>,
    clock: Arc<dyn Clock>,
    counters: watch::Receiver<Counters>,
    task: JoinHandle<Report>,
    /// Takes no more, and ends when everything has its answer.
    closing: CancellationToken,
    running: DropGuard,
}

impl Sender {
    /// Starts to connect, in a task of the present runtime.
    pub fn start(
        options: Options,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ReporterError> {
        options.check()?;
        let (observations, queue) = mpsc::channel(options.queue_observations_max);
        let (publisher, counters) = watch::channel(Counters::default());
        let (unqueued, closing) = (Arc::<Unqueued>::default(), CancellationToken::new());
        let intake = Intake {
            queue,
            unqueued: Arc::clone(&unqueued),
            closing: closing.clone(),
        };
        let driver = Driver::new(options, transport, Arc::clone(&clock), intake, publisher);
        let stop = CancellationToken::new();
        let task = TaskTracker::new().spawn(driver.run(stop.clone()));
        Ok(Self {
            observations,
            unqueued,
            clock,
            closing,
            counters,
            task,
            running: stop.drop_guard(),
        })
    }

    /// Hands an observation over; waits while the queue is full.
    ///
    /// # Errors
    /// [`ReporterError::Stopped`] when the sender has ended before its time.
    pub async fn send(&self, observation: Observation) -> Result<(), ReporterError> {
        let sent = self.observations.send(observation).await;
        sent.map_err(|_| ReporterError::Stopped)
    }

    /// What hands observations over without waiting.
    pub fn recorder(&self) -> Recorder {
        let (queue, unqueued) = (self.observations.clone(), Arc::clone(&self.unqueued));
        Recorder::new(queue, unqueued, Arc::clone(&self.clock))
    }

    /// The running figures.
    pub fn counters(&self) -> watch::Receiver<Counters> {
        self.counters.clone()
    }

    /// Takes no more and waits until everything has its answer, at most for so long.
    pub async fn finish(self, within: Duration) -> Report {
        let Self {
            mut task,
            closing,
            running,
            ..
        } = self;
        closing.cancel();
        let in_time = timeout(within, &mut task).await;
        drop(running);
        let ended = match in_time {
            Ok(ended) => ended,
            Err(_) => task.await,
        };
        ended.unwrap_or_else(lost_task)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("counters", &*self.counters.borrow())
            .finish_non_exhaustive()
    }
}

fn lost_task(error: JoinError) -> Report {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // The runtime is shutting down.
        Err(_) => Report {
            failure: Some(ReporterError::Stopped),
            ..Report::default()
        },
    }
}
