//! The sections that belong to the process itself. Those of the stages stand in their crates.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use sextant_agent::Config as AgentConfig;
use sextant_aggregator::AggregatorConfig;
use sextant_alerts::Config as AlertsConfig;
use sextant_alerts::delivery::Config as DeliveryConfig;
use sextant_archive::ArchiveConfig;
use sextant_collector::Config as CollectorConfig;
use sextant_eventlog::kafka::KafkaConfig;
use sextant_otlp::Config as OtlpConfig;
use sextant_prober::Config as ProberConfig;
use sextant_server::Config as ServerConfig;
use sextant_store::clickhouse::ClickHouseConfig;

/// All sections.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// All roles in one process.
    pub standalone: StandaloneConfig,
    /// This process among others.
    pub process: ProcessConfig,
    /// Where HTTP is served.
    pub http: HttpConfig,
    /// Where gRPC is served.
    pub grpc: GrpcConfig,
    /// Who may call what.
    pub access: AccessConfig,
    /// What is known of models and prices.
    pub catalog: CatalogConfig,
    /// What a gateway's host reports, until a collector has it.
    pub agent: AgentConfig,
    /// Who may send what, and how fast.
    pub collector: CollectorConfig,
    /// What spans of OpenTelemetry stand for.
    pub otlp: OtlpConfig,
    /// How observations become windows.
    pub aggregator: AggregatorConfig,
    /// Which single attempts are kept.
    pub archive: ArchiveConfig,
    /// What gateways and people pull.
    pub server: ServerConfig,
    /// When to wake someone.
    pub alerts: AlertsConfig,
    /// Who is told of incidents.
    pub delivery: DeliveryConfig,
    /// What is asked whether it lives.
    pub prober: ProberConfig,
    /// The log's topics.
    pub log: LogConfig,
    /// What the store keeps.
    pub store: StoreConfig,
    /// The log of processes apart from each other.
    pub kafka: KafkaConfig,
    /// The store of processes apart from each other.
    pub clickhouse: ClickHouseConfig,
    /// What the process says of itself.
    pub telemetry: TelemetryConfig,
    /// How the process ends.
    pub shutdown: ShutdownConfig,
}

/// All roles in one process.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StandaloneConfig {
    /// Directory for the log and the store.
    #[schemars(length(min = 1))]
    pub data_dir: PathBuf,
}

/// This process among others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessConfig {
    /// What it is called among the processes of its role, also when it is started again.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub instance: Option<String>,
}

/// Where HTTP is served.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Connections at a time, of which one address may hold half.
    pub connections_max: NonZeroU32,
}

/// Where gRPC is served.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrpcConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Connections at a time, of which one address may hold half.
    pub connections_max: NonZeroU32,
}

/// Who may call what.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessConfig {
    /// File with one token a line.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub token_file: Option<PathBuf>,
    /// Let everyone in, also on other addresses than loopback.
    pub insecure: bool,
}

/// What is known of models and prices.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CatalogConfig {
    /// File in place of the shipped catalog.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub file: Option<PathBuf>,
}

/// The log's topics.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Partitions of each topic.
    #[schemars(range(min = 1, max = 1_024))]
    pub partitions: u32,
    /// Hours that observations stay in the log. Rebuilding reads back less than the minimum.
    #[schemars(range(min = 2, max = 8_760))]
    pub retention_hours: u32,
}

/// What the store keeps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// Days that minutes with their histograms are kept.
    #[schemars(range(min = 2, max = 3_650))]
    pub minutes_retention_days: u32,
    /// Days that windows as published are kept.
    #[schemars(range(min = 1, max = 3_650))]
    pub windows_retention_days: u32,
    /// Days that what agents reported of themselves is kept.
    #[schemars(range(min = 1, max = 3_650))]
    pub agents_retention_days: u32,
    /// Hours that single attempts are kept.
    #[schemars(range(min = 1, max = 8_760))]
    pub observations_retention_hours: u32,
    /// Single attempts that an embedded store keeps.
    #[schemars(range(min = 1))]
    pub observations_rows_max: u32,
}

/// What the process says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// What to log: levels by target.
    pub filter: String,
    /// How to log.
    pub format: LogFormat,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Compact,
    /// For programs.
    Json,
}

/// How the process ends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShutdownConfig {
    /// Milliseconds that an ordered shutdown may take.
    #[schemars(range(min = 100, max = 600_000))]
    pub deadline_ms: u32,
}

impl LogConfig {
    /// How long observations stay in the log.
    pub fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.retention_hours) * 60 * 60)
    }
}

impl ShutdownConfig {
    /// How long an ordered shutdown may take.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms.into())
    }
}
