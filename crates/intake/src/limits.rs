//! The bounds of an intake.

use std::num::NonZeroU32;
use std::time::Duration;

/// The bounds of an intake.
///
/// Of what is bounded for all peers together (streams, definitions, bytes), one peer holds at most
/// half, so that none can starve the others alone.
#[derive(Debug, Clone)]
pub struct Limits {
    /// What the process is called in refusals, as in "the collector stops".
    pub name: &'static str,

    /// Observations in a batch.
    pub observations_max: NonZeroU32,
    /// Bytes of a gRPC message or an HTTP body.
    pub message_bytes_max: NonZeroU32,

    /// Observations that one peer may send in a second.
    pub observations_per_second_max: NonZeroU32,
    /// New pairs of agent and epoch that one peer may introduce in a minute.
    pub new_senders_per_minute_max: NonZeroU32,
    /// Peers that are kept apart at a time.
    pub peers_max: NonZeroU32,

    /// Open gRPC streams.
    pub streams_max: NonZeroU32,
    /// Batches of one stream that are not durable yet.
    pub stream_batches_max: NonZeroU32,
    /// Endpoints that one stream may define.
    pub stream_definitions_max: NonZeroU32,
    /// Endpoints that all streams may define.
    pub definitions_max: NonZeroU32,

    /// Bytes that are not durable yet.
    pub in_flight_bytes_max: NonZeroU32,
    /// Bytes of HTTP bodies and gRPC messages that are being read.
    pub body_bytes_max: NonZeroU32,
    /// How long an HTTP body or a gRPC message may take to arrive.
    pub body_wait_max: Duration,

    /// When to send again after a refusal for want of room.
    pub load_retry: Duration,
    /// When to send again while nothing can be kept.
    pub unavailable_retry: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            name: "intake",
            observations_max: count(10_000),
            message_bytes_max: count(4 << 20),
            observations_per_second_max: count(1_000_000),
            new_senders_per_minute_max: count(64),
            peers_max: count(10_000),
            streams_max: count(1_024),
            stream_batches_max: count(64),
            stream_definitions_max: count(100_000),
            definitions_max: count(2_000_000),
            in_flight_bytes_max: count(256 << 20),
            body_bytes_max: count(128 << 20),
            body_wait_max: Duration::from_secs(30),
            load_retry: Duration::from_millis(250),
            unavailable_retry: Duration::from_secs(1),
        }
    }
}

/// A limit as it is used for lengths.
pub(crate) fn length(limit: NonZeroU32) -> usize {
    usize::try_from(limit.get()).unwrap_or(usize::MAX)
}

const fn count(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}
