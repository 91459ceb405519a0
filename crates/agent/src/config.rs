//! What an agent is told.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sextant_intake::Limits;
use sextant_measure::id::Region;

use crate::keeping::NUMBERED_BYTES_MAX;
use crate::spool::{Bounds, Sizes};

/// The least that a spool may hold: half of it may be on its way, and the other half takes the
/// largest batch.
pub const SPOOL_BYTES_MIN: u64 = 2 * NUMBERED_BYTES_MAX as u64;

/// How large the batches are that an agent numbers.
pub(crate) const SIZES: Sizes = Sizes {
    observations_max: 1_000,
    bytes_max: NUMBERED_BYTES_MAX / 2,
};

/// What an agent is told. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Collectors that stand for each other, as `grpc://host:port` or `http://host:port`, separated
    /// by commas. Over gRPC they learn of clocks and losses, too.
    pub collectors: String,
    /// File with the token that collectors know this agent by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The region of observations that name none; without one, it is left to the collector.
    #[serde(
        deserialize_with = "read_region",
        serialize_with = "write_region",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub region: Option<Region>,

    /// Directory of the spool. It is made if it is missing.
    pub spool_dir: PathBuf,
    /// Bytes of batches in the spool, at least 1,500,000. Past it the oldest go. Default: 512 MiB.
    pub spool_bytes_max: NonZeroU64,
    /// How long a batch stays in the spool. Default: 7,200.
    pub spool_age_s_max: NonZeroU32,

    /// Batches on their way to a collector at a time, at most 1,024. Default: 64.
    pub in_flight_max: NonZeroU32,
    /// How long a collector may stay without an answer. Default: 15,000.
    pub answer_wait_ms_max: NonZeroU32,

    /// Observations in a batch that comes in. Default: 10,000.
    pub observations_max: NonZeroU32,
    /// Bytes of a gRPC message or an HTTP body. Default: 4 MiB.
    pub message_bytes_max: NonZeroU32,
    /// Observations that one peer may send in a second. Default: 1,000,000.
    pub observations_per_second_max: NonZeroU32,
    /// Open gRPC streams, of which one peer may hold half. Default: 256.
    pub streams_max: NonZeroU32,
    /// Bytes that are not in the spool yet, of which one peer may hold half. Default: 64 MiB.
    pub in_flight_bytes_max: NonZeroU32,
    /// Bytes of HTTP bodies and gRPC messages that are being read, of which one peer may hold half.
    /// Default: 64 MiB.
    pub body_bytes_max: NonZeroU32,
    /// How long an HTTP body or a gRPC message may take to arrive. Default: 30,000.
    pub body_wait_ms_max: NonZeroU32,
    /// When to send again after a refusal for want of room. Default: 250.
    pub load_retry_ms: u32,
    /// When to send again while nothing can be kept. Default: 1,000.
    pub unavailable_retry_ms: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            collectors: String::new(),
            token_file: None,
            region: None,
            spool_dir: PathBuf::from("sextant-spool"),
            spool_bytes_max: NonZeroU64::MIN.saturating_add((512 << 20) - 1),
            spool_age_s_max: count(7_200),
            in_flight_max: count(64),
            answer_wait_ms_max: count(15_000),
            observations_max: count(10_000),
            message_bytes_max: count(4 << 20),
            observations_per_second_max: count(1_000_000),
            streams_max: count(256),
            in_flight_bytes_max: count(64 << 20),
            body_bytes_max: count(64 << 20),
            body_wait_ms_max: count(30_000),
            load_retry_ms: 250,
            unavailable_retry_ms: 1_000,
        }
    }
}

impl Config {
    /// The addresses of the collectors, as they were written.
    pub fn collectors(&self) -> impl Iterator<Item = &str> {
        let parts = self.collectors.split(',').map(str::trim);
        parts.filter(|part| !part.is_empty())
    }

    /// The bounds of the spool.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            bytes_max: self.spool_bytes_max.get(),
            age_max: Duration::from_secs(self.spool_age_s_max.get().into()),
            sizes: SIZES,
        }
    }

    /// What holds before a batch comes to the spool.
    pub(crate) fn limits(&self) -> Limits {
        let ms = |ms: u32| Duration::from_millis(ms.into());
        Limits {
            name: "agent",
            observations_max: self.observations_max,
            message_bytes_max: self.message_bytes_max,
            observations_per_second_max: self.observations_per_second_max,
            streams_max: self.streams_max,
            in_flight_bytes_max: self.in_flight_bytes_max,
            body_bytes_max: self.body_bytes_max,
            body_wait_max: ms(self.body_wait_ms_max.get()),
            load_retry: ms(self.load_retry_ms),
            unavailable_retry: ms(self.unavailable_retry_ms),
            ..Limits::default()
        }
    }
}

const fn count(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

fn read_region<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Region>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let region = text.map(|text| Region::new(&text));
    region.transpose().map_err(D::Error::custom)
}

#[expect(clippy::ref_option, reason = "serde hands the field over like this")]
fn write_region<S: Serializer>(region: &Option<Region>, serializer: S) -> Result<S::Ok, S::Error> {
    match region {
        Some(region) => serializer.serialize_some(region.as_str()),
        None => serializer.serialize_none(),
    }
}
