//! What can be set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sextant_snapshot::row::REGIONS_MAX;

/// What happens to observations of an endpoint that the catalog does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownEndpoints {
    /// They are measured, within the series cap, and shown without a price.
    #[default]
    Keep,
    /// They are dropped, counted.
    Drop,
}

/// Settings of the aggregator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AggregatorConfig {
    /// What happens to endpoints that the catalog does not know.
    pub unknown_endpoints: UnknownEndpoints,
    /// Series outside the catalog that one partition keeps; those of the catalog come on top.
    pub unknown_series_max: usize,
    /// Regions of one endpoint that are kept apart.
    #[schemars(range(min = 1, max = REGIONS_MAX))]
    pub regions_max: usize,
    /// Senders whose reports one partition keeps.
    #[schemars(range(min = 1))]
    pub agents_max: usize,
    /// Pairs of agent and epoch whose repeats one partition recognises.
    #[schemars(range(min = 1))]
    pub senders_max: usize,
    /// Bytes read from the log at once.
    #[schemars(range(min = 1))]
    pub read_bytes_max: usize,
}

impl Default for AggregatorConfig {
    fn default() -> Self {
        Self {
            unknown_endpoints: UnknownEndpoints::default(),
            unknown_series_max: 10_000,
            regions_max: 64,
            agents_max: 10_000,
            senders_max: 20_000,
            read_bytes_max: 4 * 1024 * 1024,
        }
    }
}
