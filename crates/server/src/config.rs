//! The server's limits.

use std::num::NonZeroU32;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sextant_snapshot::picture::Limits;

/// The limits of a server. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What pages call the gateway that routes by these numbers. Default: Atlas.
    #[schemars(length(min = 1, max = 64))]
    pub gateway_name: String,

    /// How often a new edition is published at most. Default: 1,000.
    #[schemars(range(min = 1, max = 5_000))]
    pub publish_interval_ms: NonZeroU32,
    /// How long a watch is silent at most: less than the 5 s that watchers count on. Default:
    /// 4,000.
    #[schemars(range(min = 1, max = 4_900))]
    pub heartbeat_ms: NonZeroU32,
    /// Open watches, of which one caller has at most half. Default: 20,000.
    pub watchers_max: NonZeroU32,
    /// Watches that may begin in a second. Default: 2,000.
    pub watches_per_second_max: NonZeroU32,
    /// Models that one request may name. Default: 1,000.
    pub models_max: NonZeroU32,

    /// Endpoints held of a partition. Default: 100,000.
    pub rows_max: NonZeroU32,
    /// Senders held of a partition. Default: 20,000.
    pub agents_max: NonZeroU32,
    /// Removals remembered of a partition. Default: 100,000.
    pub removals_max: NonZeroU32,

    /// Gates that there may be, as long as one more is taken. Default: 20,000.
    #[schemars(range(min = 1, max = 20_000))]
    pub gates_max: NonZeroU32,
    /// Gates that one request may set or take back. Default: 1,000.
    #[schemars(range(min = 1, max = 1_000))]
    pub gates_put_max: NonZeroU32,
    /// Operations that there may be gates for. Default: none, which stands for any.
    pub operations: Vec<String>,

    /// Bytes read from a partition at once. Default: 256 KiB.
    pub read_bytes_max: NonZeroU32,
    /// Encoded forms that are kept of an edition, and as many of its pages. Default: 1,024.
    pub encodings_max: NonZeroU32,
    /// Bytes of encoded forms that are kept of an edition, and as many of its pages. Default: 64 MiB.
    pub encoded_bytes_max: NonZeroU32,

    /// Series of each of the endpoints' gauges in `/metrics`: one for each endpoint, and one for each
    /// region that it is seen from. Default: 2,000.
    pub metrics_endpoints_max: NonZeroU32,

    /// How long a loop may go without a turn before the process is called dead. Default: 15,000.
    pub tick_age_ms_max: NonZeroU32,
    /// Queries of the history at a time, of which one caller has at most half. Default: 16.
    pub history_queries_max: NonZeroU32,
    /// How long a query of the history may take. Default: 10,000.
    pub history_wait_ms_max: NonZeroU32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            gateway_name: "Atlas".to_owned(),
            publish_interval_ms: count(1_000),
            heartbeat_ms: count(4_000),
            watchers_max: count(20_000),
            watches_per_second_max: count(2_000),
            models_max: count(1_000),
            rows_max: count(100_000),
            agents_max: count(20_000),
            removals_max: count(100_000),
            gates_max: count(20_000),
            gates_put_max: count(1_000),
            operations: Vec::new(),
            read_bytes_max: count(256 << 10),
            encodings_max: count(1_024),
            encoded_bytes_max: count(64 << 20),
            metrics_endpoints_max: count(2_000),
            tick_age_ms_max: count(15_000),
            history_queries_max: count(16),
            history_wait_ms_max: count(10_000),
        }
    }
}

impl Config {
    pub(crate) fn publish_interval(&self) -> Duration {
        milliseconds(self.publish_interval_ms)
    }

    pub(crate) fn heartbeat(&self) -> Duration {
        milliseconds(self.heartbeat_ms)
    }

    pub(crate) fn history_wait_max(&self) -> Duration {
        milliseconds(self.history_wait_ms_max)
    }

    /// How long ago a loop may have turned, in microseconds.
    pub fn tick_age_us_max(&self) -> i64 {
        i64::from(self.tick_age_ms_max.get()) * 1_000
    }

    pub(crate) fn picture_limits(&self) -> Limits {
        Limits {
            rows_max: length(self.rows_max),
            agents_max: length(self.agents_max),
            removals_max: length(self.removals_max),
            ..Limits::default()
        }
    }
}

/// A limit as it is used for lengths.
pub(crate) fn length(limit: NonZeroU32) -> usize {
    usize::try_from(limit.get()).unwrap_or(usize::MAX)
}

fn milliseconds(limit: NonZeroU32) -> Duration {
    Duration::from_millis(limit.get().into())
}

const fn count(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
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
            watchers_max: count(3),
            ..Config::default()
        };
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<Config>(&text), Ok(config));
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_key() {
        for (text, named) in [
            ("watchers_max = 0", "watchers_max"),
            ("watcher = 1", "watcher"),
        ] {
            let error = toml::from_str::<Config>(text).unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
