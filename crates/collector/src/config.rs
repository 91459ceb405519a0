//! The collector's limits.

use std::num::NonZeroU32;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sextant_intake::Limits;
use sextant_measure::id::Region;

/// The limits of a collector. Every field has a default.
///
/// Of what is bounded for all peers together (streams, definitions, bytes), one peer holds at most
/// half, so that none can starve the others alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The region of observations that name none. Default: `local`.
    #[serde(deserialize_with = "read_region", serialize_with = "write_region")]
    #[schemars(with = "String")]
    pub region: Region,

    /// Observations in a batch. Default: 10,000.
    pub observations_max: NonZeroU32,
    /// Bytes of a gRPC message or an HTTP body. Default: 4 MiB.
    pub message_bytes_max: NonZeroU32,
    /// Bytes of a record in the log; at most what the log takes. Default: 1,000,000.
    pub record_bytes_max: NonZeroU32,

    /// Observations that one peer may send in a second. Default: 1,000,000.
    pub observations_per_second_max: NonZeroU32,
    /// New pairs of agent and epoch that one peer may introduce in a minute. Default: 64.
    pub new_senders_per_minute_max: NonZeroU32,
    /// Peers that are kept apart at a time. Default: 10,000.
    pub peers_max: NonZeroU32,
    /// Pairs of agent and epoch that are remembered. Default: 100,000.
    pub senders_max: NonZeroU32,

    /// Open gRPC streams. Default: 1,024.
    pub streams_max: NonZeroU32,
    /// Batches of one stream that wait for the log. Default: 64.
    pub stream_batches_max: NonZeroU32,
    /// Endpoints that one stream may define. Default: 100,000.
    pub stream_definitions_max: NonZeroU32,
    /// Endpoints that all streams may define. Default: 2,000,000.
    pub definitions_max: NonZeroU32,

    /// Bytes that wait for the log. Default: 256 MiB.
    pub in_flight_bytes_max: NonZeroU32,
    /// Bytes of HTTP bodies and gRPC messages that are being read. Default: 128 MiB.
    pub body_bytes_max: NonZeroU32,
    /// How long an HTTP body or a gRPC message may take to arrive. Default: 30,000.
    pub body_wait_ms_max: NonZeroU32,

    /// When to send again after a refusal for want of room. Default: 250.
    pub load_retry_ms: u32,
    /// When to send again while the log takes nothing. Default: 1,000.
    pub unavailable_retry_ms: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            region: Region::default(),
            observations_max: count(10_000),
            message_bytes_max: count(4 << 20),
            record_bytes_max: count(1_000_000),
            observations_per_second_max: count(1_000_000),
            new_senders_per_minute_max: count(64),
            peers_max: count(10_000),
            senders_max: count(100_000),
            streams_max: count(1_024),
            stream_batches_max: count(64),
            stream_definitions_max: count(100_000),
            definitions_max: count(2_000_000),
            in_flight_bytes_max: count(256 << 20),
            body_bytes_max: count(128 << 20),
            body_wait_ms_max: count(30_000),
            load_retry_ms: 250,
            unavailable_retry_ms: 1_000,
        }
    }
}

impl Config {
    /// What holds before a batch comes to the log.
    pub(crate) fn limits(&self) -> Limits {
        let ms = |ms: u32| Duration::from_millis(ms.into());
        Limits {
            name: "collector",
            observations_max: self.observations_max,
            message_bytes_max: self.message_bytes_max,
            observations_per_second_max: self.observations_per_second_max,
            new_senders_per_minute_max: self.new_senders_per_minute_max,
            peers_max: self.peers_max,
            streams_max: self.streams_max,
            stream_batches_max: self.stream_batches_max,
            stream_definitions_max: self.stream_definitions_max,
            definitions_max: self.definitions_max,
            in_flight_bytes_max: self.in_flight_bytes_max,
            body_bytes_max: self.body_bytes_max,
            body_wait_max: ms(self.body_wait_ms_max.get()),
            load_retry: ms(self.load_retry_ms),
            unavailable_retry: ms(self.unavailable_retry_ms),
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

fn read_region<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Region, D::Error> {
    let text = String::deserialize(deserializer)?;
    Region::new(&text).map_err(D::Error::custom)
}

fn write_region<S: Serializer>(region: &Region, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(region.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_is_the_default() {
        assert_eq!(toml::from_str::<Config>(""), Ok(Config::default()));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let config = Config {
            region: Region::new("us-west-2").unwrap(),
            ..Config::default()
        };
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text), Ok(config));
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        for (text, named) in [
            ("region = 'global'", "region"),
            ("observations_max = 0", "observations_max"),
            ("streams = 1", "streams"),
        ] {
            let error = toml::from_str::<Config>(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
