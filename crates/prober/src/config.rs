//! What is asked, how often, and with which means.

mod header;
mod rules;
mod target;
mod target_rules;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use sextant_outbound::SecretSource;

pub use self::header::HeaderConfig;
pub use self::rules::{Problem, Resolved};
pub use self::target::{Given, Kind, LimitName, TargetConfig};

/// What is asked, how often, and with which means. Every field has a default, and without targets
/// nothing is asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Endpoints to ask, at most 1,000.
    pub targets: Vec<Given>,
    /// Servers, as `http://host:port` or `https://host`, that say what else is seen of the endpoints.
    /// Without any, this process asks as if it were the only one.
    pub servers: Vec<String>,
    /// What the servers know this process by: `{ file = "…" }` or `{ env = "…" }`.
    pub server_token: Option<SecretSource>,
    /// Milliseconds between two looks at a server. Default: 2,000.
    #[schemars(range(min = 100, max = 10_000))]
    pub server_poll_ms: u32,
    /// Requests to providers at a time, at most half of them to one host. Default: 32.
    pub in_flight_max: NonZeroU32,
    /// Bytes read of one answer. Default: 4 MiB.
    pub answer_bytes_max: NonZeroU32,
    /// PEM file of authorities that may vouch for providers and servers, in place of the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            servers: Vec::new(),
            server_token: None,
            server_poll_ms: 2_000,
            in_flight_max: count(32),
            answer_bytes_max: count(4 << 20),
            ca_file: None,
        }
    }
}

impl Config {
    pub(crate) fn server_poll(&self) -> Duration {
        Duration::from_millis(self.server_poll_ms.into())
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
