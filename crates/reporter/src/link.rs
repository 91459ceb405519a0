//! A connection as its driver sees it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sextant_measure::time::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::transport::{Event, Lost, Outgoing, Transport};

/// Answers that may wait for the driver.
const EVENTS_MAX: usize = 64;

/// A connection as its driver sees it.
pub(crate) struct Link {
    pub(crate) outgoing: mpsc::Sender<Outgoing>,
    pub(crate) incoming: Incoming,
    pub(crate) is_ready: bool,
    /// Whether the target has said anything.
    pub(crate) is_answered: bool,
    pub(crate) opened_at: Instant,
    pub(crate) opened: Timestamp,
    /// When it has served its time.
    pub(crate) renew_at: Instant,
}

/// What comes from a connection, up to its end.
pub(crate) struct Incoming {
    events: mpsc::Receiver<Event>,
    serving: Pin<Box<dyn Future<Output = Lost> + Send>>,
    lost: Option<Lost>,
}

/// What comes from a connection.
#[derive(Debug)]
pub(crate) enum Happening {
    Said(Event),
    Lost(Lost),
}

impl Link {
    /// Begins to connect, for about so long.
    pub(crate) fn open(
        transport: &Arc<dyn Transport>,
        now: Instant,
        opened: Timestamp,
        age_max: Duration,
    ) -> Self {
        // One at a time: what waits here has left the order of sending and aged its stamp.
        let (outgoing, to_send) = mpsc::channel(1);
        let (said, events) = mpsc::channel(EVENTS_MAX);
        let transport = Arc::clone(transport);
        let serving = async move { transport.serve(to_send, said).await };
        Self {
            outgoing,
            incoming: Incoming {
                events,
                serving: Box::pin(serving),
                lost: None,
            },
            is_ready: false,
            is_answered: false,
            opened_at: now,
            opened,
            renew_at: now + age_max.mul_f64(rand::random_range(0.9..=1.0)),
        }
    }
}

impl Incoming {
    /// The next thing that happens; the end comes after all that was said before it. To be
    /// dropped at any time loses nothing.
    pub(crate) async fn next(&mut self) -> Happening {
        while self.lost.is_none() {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => return Happening::Said(event),
                lost = &mut self.serving => self.lost = Some(lost),
            }
        }
        match (self.events.try_recv(), &self.lost) {
            (Err(_), Some(lost)) => Happening::Lost(lost.clone()),
            (Err(_), None) => Happening::Lost(Lost::new("the connection is gone")),
            (Ok(event), _) => Happening::Said(event),
        }
    }
}
