//! A driver in a task of its own, and the way to it.

use std::sync::Arc;
use std::time::Duration;

use sextant_measure::time::Clock;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::driver::{Driver, Intake};
use crate::error::ReporterError;
use crate::options::Options;
use crate::recorder::Unqueued;
use crate::report::{Counters, Report};
use crate::stock::Stock;
use crate::transport::Transport;

/// A driver in a task of its own. Dropped without [`finish`](Self::finish), it stops at once.
pub(crate) struct Run<I> {
    pub(crate) items: mpsc::Sender<I>,
    pub(crate) counters: watch::Receiver<Counters>,
    task: JoinHandle<Report>,
    /// Takes no more, and ends when everything has its answer.
    closing: CancellationToken,
    running: DropGuard,
}

impl<I: Send + 'static> Run<I> {
    /// Starts to connect, in a task of the present runtime.
    pub(crate) fn start<S: Stock<Item = I>>(
        options: Options,
        stock: S,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        unqueued: Arc<Unqueued>,
    ) -> Result<Self, ReporterError> {
        options.check()?;
        let (items, queue) = mpsc::channel(options.queue_observations_max);
        let (publisher, counters) = watch::channel(Counters::default());
        let closing = CancellationToken::new();
        let intake = Intake {
            queue,
            unqueued,
            closing: closing.clone(),
        };
        let driver = Driver::new(options, stock, transport, clock, intake, publisher);
        let stop = CancellationToken::new();
        let task = TaskTracker::new().spawn(driver.run(stop.clone()));
        Ok(Self {
            items,
            counters,
            task,
            closing,
            running: stop.drop_guard(),
        })
    }

    /// Hands an item over; waits while the queue is full.
    pub(crate) async fn give(&self, item: I) -> Result<(), ReporterError> {
        let sent = self.items.send(item).await;
        sent.map_err(|_| ReporterError::Stopped)
    }

    /// Takes no more and waits until everything has its answer, at most for so long.
    pub(crate) async fn finish(self, within: Duration) -> Report {
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
