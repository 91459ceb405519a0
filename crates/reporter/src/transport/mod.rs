//! How batches reach a target, behind one small trait.

mod chain;
pub mod failover;
pub mod grpc;
pub mod http;
mod http_answer;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sextant_measure::observation::{Definition, Observation};
use sextant_measure::time::Timestamp;
use sextant_wire::answer::BatchRefusal;
use sextant_wire::batch::{Heartbeat, Totals};
use tokio::sync::mpsc;

use crate::batch::Batch;

/// Longest text of a target's that is kept, in characters.
const TOLD_CHARS_MAX: usize = 256;

/// A way to a target.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// At most as many bytes as the observation takes when it is sent.
    fn observation_bytes_max(&self, observation: &Observation) -> usize;

    /// Connects and stays until the connection ends. First says [`Event::Ready`]; before that it
    /// is given nothing to send. When `outgoing` ends, so does the connection, once what is under
    /// way has been answered.
    async fn serve(&self, outgoing: mpsc::Receiver<Outgoing>, events: mpsc::Sender<Event>) -> Lost;
}

/// What goes to a target.
#[derive(Debug)]
pub enum Outgoing {
    /// Observations.
    Batch(OutgoingBatch),
    /// A sign of life.
    Heartbeat(Heartbeat),
}

/// A batch as it is sent this time.
#[derive(Debug)]
pub struct OutgoingBatch {
    /// The same each time.
    pub batch: Arc<Batch>,
    /// What its endpoint ids stand for, as far as this connection has not been told.
    pub definitions: Vec<(u32, Definition)>,
    /// By the sender's clock.
    pub sent_at: Timestamp,
    /// What to add to the batch's times, in microseconds, as far as it has been learnt.
    pub clock_offset_us: i64,
    /// What the batch's sender has done.
    pub totals: Option<Totals>,
}

/// What a target says.
#[derive(Debug)]
pub enum Event {
    /// It takes batches now.
    Ready(Ready),
    /// It keeps a batch.
    Acknowledged(Acknowledged),
    /// It took nothing of a batch.
    Refused {
        /// The batch's number.
        sequence: u64,
        /// Why.
        refusal: BatchRefusal,
    },
}

/// What a target says first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ready {
    /// By the target's clock.
    pub time: Option<Timestamp>,
    /// Most observations that it takes in a batch.
    pub batch_observations_max: Option<usize>,
    /// Most bytes that it takes in a message.
    pub message_bytes_max: Option<usize>,
}

/// What a target says of a batch that it keeps.
#[derive(Debug)]
pub struct Acknowledged {
    /// The batch's number.
    pub sequence: u64,
    /// How many of its observations it took.
    pub accepted: u64,
    /// Index within the batch and reason of those that it did not take.
    pub refused: Vec<(u32, String)>,
    /// When it received the batch and when it answered, by its own clock.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Whether it would recognise a repeat.
    pub deduplicated: bool,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// What happened.
    pub reason: String,
    /// Another try would end alike.
    pub is_final: bool,
    /// When the target wants to be tried again.
    pub retry_after: Option<Duration>,
}

impl Lost {
    /// A connection that may be made again.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_final: false,
            retry_after: None,
        }
    }

    /// One that may not.
    pub fn for_good(reason: impl Into<String>) -> Self {
        Self {
            is_final: true,
            ..Self::new(reason)
        }
    }
}

/// What a target told, fit for one line of a log.
fn told(text: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(TOLD_CHARS_MAX).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_target_tells_stays_on_one_line_and_short() {
        assert_eq!(told("a\nb\u{1b}[31m"), "a b [31m");
        assert_eq!(told(&"é".repeat(10_000)).chars().count(), TOLD_CHARS_MAX);
    }
}
