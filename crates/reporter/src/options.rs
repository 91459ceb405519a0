//! How a sender batches, waits and gives up.

use std::time::Duration;

use sextant_measure::id::AgentId;
use sextant_wire::identity::SEQUENCES_IN_FLIGHT_MAX;

use crate::error::ReporterError;

/// How a sender batches, waits and gives up.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name it gives itself.
    pub agent: AgentId,
    /// Tells this life of the agent from its others: 64 random bits.
    pub epoch: u64,
    /// Most observations in a batch.
    pub batch_observations_max: usize,
    /// Most bytes in a batch, as estimated from above.
    pub batch_bytes_max: usize,
    /// How long an observation waits for others to join its batch.
    pub batch_delay: Duration,
    /// Most batches that are sent and not acknowledged.
    pub in_flight_max: usize,
    /// Most observations that wait for a batch; past it, the caller waits.
    pub queue_observations_max: usize,
    /// Shortest wait before something is tried again; doubles with each failure in a row.
    pub retry_delay_min: Duration,
    /// Where that stops growing. A jitter of up to as much again is added.
    pub retry_delay_max: Duration,
    /// How long a batch, or a new connection, may stay without an answer.
    pub answer_timeout: Duration,
    /// How long nothing may be acknowledged before the sender ends; `None`: for ever.
    pub patience: Option<Duration>,
    /// How often an idle sender says that it lives.
    pub heartbeat_interval: Duration,
    /// After which a connection is renewed, or up to a tenth sooner: where several targets stand
    /// for each other, one that was away gets its share of senders again.
    pub connection_age_max: Duration,
}

impl Options {
    /// The defaults, with an epoch of its own.
    pub fn new(agent: AgentId) -> Self {
        Self {
            agent,
            epoch: rand::random(),
            batch_observations_max: 1_000,
            batch_bytes_max: 1 << 20,
            batch_delay: Duration::from_millis(200),
            in_flight_max: 64,
            queue_observations_max: 4_096,
            retry_delay_min: Duration::from_millis(100),
            retry_delay_max: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(15),
            patience: None,
            heartbeat_interval: Duration::from_secs(10),
            connection_age_max: Duration::from_mins(10),
        }
    }

    /// Refuses what no sender could work with.
    pub fn check(&self) -> Result<(), ReporterError> {
        let in_flight = self.in_flight_max as u64;
        let rules = [
            (
                "batch_observations_max",
                "at least 1",
                self.batch_observations_max >= 1,
            ),
            ("batch_bytes_max", "at least 1", self.batch_bytes_max >= 1),
            (
                "in_flight_max",
                "from 1 to 1024",
                (1..=SEQUENCES_IN_FLIGHT_MAX).contains(&in_flight),
            ),
            (
                "queue_observations_max",
                "at least 1",
                self.queue_observations_max >= 1,
            ),
            (
                "retry_delay_min",
                "above zero and at most retry_delay_max",
                !self.retry_delay_min.is_zero() && self.retry_delay_min <= self.retry_delay_max,
            ),
            (
                "answer_timeout",
                "above zero",
                !self.answer_timeout.is_zero(),
            ),
            (
                "heartbeat_interval",
                "above zero",
                !self.heartbeat_interval.is_zero(),
            ),
            (
                "connection_age_max",
                "above zero",
                !self.connection_age_max.is_zero(),
            ),
        ];
        let broken = rules.into_iter().find(|(_, _, holds)| !holds);
        broken.map_or(Ok(()), |(option, wanted, _)| {
            Err(ReporterError::Option { option, wanted })
        })
    }
}
