//! When to wake someone.

mod objective;
mod read;
mod resolve;
mod rule;

use std::num::NonZeroU32;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::objective::{ObjectiveConfig, Objectives};
pub use self::resolve::{Problem, Resolved};
pub use self::rule::{KindName, PercentileName, RuleConfig, SeverityName, Window};

/// When to wake someone. Every field has a default.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether this process evaluates rules. Default: true.
    pub enabled: bool,
    /// Milliseconds between two evaluations. Default: 10,000.
    #[schemars(range(min = 100, max = 60_000))]
    pub evaluate_interval_ms: u32,
    /// Share of observations that are to be good for uptime. Default: 0.99.
    pub objective: f64,
    /// Objectives of models and providers that differ.
    #[serde(deserialize_with = "read::all")]
    pub objectives: Vec<ObjectiveConfig>,
    /// Observations that a rule needs in its longer window. Default: 100.
    pub observations_min: NonZeroU32,
    /// Agents that must have fed an endpoint within 5 minutes; one is enough where only one was
    /// seen within the hour. Default: 2.
    #[schemars(range(min = 1, max = 16))]
    pub agents_min: u8,
    /// Seconds for which a condition must have been over before its incident is closed.
    /// Default: 300.
    #[schemars(range(min = 0, max = 86_400))]
    pub resolve_after_s: u32,
    /// Seconds after which a row that its owner has not published again decides nothing.
    /// Default: 60.
    #[schemars(range(min = 15, max = 3_600))]
    pub row_age_s_max: u32,
    /// Incidents of each severity that may be open at a time. Default: 1,000.
    pub incidents_max: NonZeroU32,
    /// What is looked at.
    #[serde(deserialize_with = "read::all")]
    pub rules: Vec<RuleConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            evaluate_interval_ms: 10_000,
            objective: 0.99,
            objectives: Vec::new(),
            observations_min: count(100),
            agents_min: 2,
            resolve_after_s: 300,
            row_age_s_max: 60,
            incidents_max: count(1_000),
            rules: rule::defaults(),
        }
    }
}

impl Config {
    pub(crate) fn evaluate_interval(&self) -> Duration {
        Duration::from_millis(self.evaluate_interval_ms.into())
    }
}

const fn count(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}
