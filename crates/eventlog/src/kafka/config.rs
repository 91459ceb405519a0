//! What can be set. It is there in every build, so that one configuration file fits all.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// Apache Kafka, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// Brokers to ask first, as `host:port`, separated by commas; they name the others.
    #[schemars(length(min = 1))]
    pub brokers: String,
    /// What the names of topics and groups begin with, so that one Kafka can serve several fleets.
    pub prefix: String,
    /// Copies of each partition. With three or more, two must have a record before it counts.
    #[schemars(range(min = 1, max = 9))]
    pub replication: u16,
    /// Milliseconds that an append may take, all its attempts together.
    #[schemars(range(min = 1_000, max = 600_000))]
    pub append_timeout_ms: u32,
    /// Milliseconds that a record may wait for others to travel with.
    #[schemars(range(max = 1_000))]
    pub linger_ms: u32,
    /// Bytes of records that may wait for the brokers.
    #[schemars(range(min = 1_048_576, max = 2_147_483_647))]
    pub append_bytes_max: u32,
    /// Bytes read ahead of each partition.
    #[schemars(range(min = 1_048_576, max = 1_073_741_824))]
    pub fetch_bytes_max: u32,
    /// Milliseconds of silence after which a group gives a member's partitions to others. Brokers take
    /// no less than their `group.min.session.timeout.ms`, 6000 by default.
    #[schemars(range(min = 6_000, max = 300_000))]
    pub session_timeout_ms: u32,
    /// Compression of what is appended.
    pub compression: Compression,
    /// How brokers and this process convince each other.
    pub security: Security,
    /// PEM file of the authorities that may vouch for a broker; without it, the system's.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub ca_file: Option<PathBuf>,
    /// PEM file of the certificate to show.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub certificate_file: Option<PathBuf>,
    /// PEM file of its key.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub key_file: Option<PathBuf>,
    /// How the password is shown.
    pub sasl_mechanism: SaslMechanism,
    /// Who to be for the brokers.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub sasl_username: Option<String>,
    /// File with the password.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub sasl_password_file: Option<PathBuf>,
}

/// How brokers and a process convince each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Not at all.
    Plaintext,
    /// Brokers by certificate; the process too, if it has one.
    Tls,
    /// The process by password, over a connection that anyone can read.
    SaslPlaintext,
    /// Brokers by certificate, the process by password.
    SaslTls,
}

/// Compression of what is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// As it is.
    None,
    /// LZ4.
    Lz4,
}

/// How a password is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SaslMechanism {
    /// As it is; only over TLS.
    Plain,
    /// As SCRAM with SHA-256.
    ScramSha256,
    /// As SCRAM with SHA-512.
    ScramSha512,
}
