//! What can be set, and what a client is given of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rdkafka::ClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{LogError, Record};

/// The largest record that is taken, in bytes, as [`Record::bytes`] counts.
pub(super) const RECORD_BYTES_MAX: usize = 1 << 20;
/// What a broker counts beside that: headers' lengths and the batch around the record.
pub(super) const MESSAGE_BYTES_MAX: usize = RECORD_BYTES_MAX + (64 << 10);

/// Apache Kafka, and how it is used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// Brokers to ask first, as `host:port`; they name the others.
    #[schemars(length(min = 1))]
    pub brokers: Vec<String>,
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
    /// Milliseconds of silence after which a group gives a member's partitions to others.
    #[schemars(range(min = 1_000, max = 300_000))]
    pub session_timeout_ms: u32,
    /// Compression of what is appended.
    pub compression: Compression,
    /// TLS, if the brokers want it.
    #[serde(default)]
    pub tls: Option<KafkaTls>,
    /// Who to be, if the brokers want to know.
    #[serde(default)]
    pub sasl: Option<KafkaSasl>,
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

/// TLS to the brokers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KafkaTls {
    /// PEM file of the authorities that may vouch for a broker; without it, the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// PEM file of the certificate to show.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// PEM file of its key.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
}

/// Who to be for the brokers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KafkaSasl {
    /// How it is shown.
    pub mechanism: SaslMechanism,
    /// The name.
    pub username: String,
    /// File with the password.
    pub password_file: PathBuf,
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

impl KafkaConfig {
    /// The settings that all clients have in common. `instance` tells processes apart.
    ///
    /// # Errors
    /// [`LogError::Misconfigured`] if TLS or SASL is wanted and not built in, or a file can't be
    /// read.
    pub(super) fn client(&self, instance: &str) -> Result<ClientConfig, LogError> {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", format!("sextant-{instance}"))
            .set("socket.timeout.ms", "10000")
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "2000")
            .set("message.max.bytes", MESSAGE_BYTES_MAX.to_string());
        self.secure(&mut client)?;
        Ok(client)
    }

    /// How long an append may take.
    pub(super) fn append_timeout(&self) -> Duration {
        Duration::from_millis(self.append_timeout_ms.into())
    }

    fn secure(&self, client: &mut ClientConfig) -> Result<(), LogError> {
        if (self.tls.is_some() || self.sasl.is_some()) && !cfg!(feature = "kafka-tls") {
            return Err(LogError::Misconfigured {
                reason: "TLS and SASL need a build with the feature `tls`".to_owned(),
            });
        }
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => return Ok(()),
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        client.set("security.protocol", protocol);
        if let Some(tls) = &self.tls {
            let files = [
                ("ssl.ca.location", &tls.ca_file),
                ("ssl.certificate.location", &tls.certificate_file),
                ("ssl.key.location", &tls.key_file),
            ];
            for (name, file) in files {
                if let Some(file) = file {
                    // Librdkafka says only that a file won't do; this says which and why.
                    content(file)?;
                    client.set(name, file.to_string_lossy());
                }
            }
        }
        if let Some(sasl) = &self.sasl {
            let password = content(&sasl.password_file)?;
            client
                .set("sasl.mechanism", sasl.mechanism.name())
                .set("sasl.username", &sasl.username)
                .set("sasl.password", password.trim_end());
        }
        Ok(())
    }
}

impl SaslMechanism {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Compression {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
        }
    }
}

/// Refuses records that no broker of this configuration would take.
pub(super) fn fit(records: &[Record]) -> Result<(), LogError> {
    match records.iter().map(Record::bytes).max() {
        Some(bytes) if bytes > RECORD_BYTES_MAX => Err(LogError::TooLarge {
            bytes,
            max: RECORD_BYTES_MAX,
        }),
        _ => Ok(()),
    }
}

fn content(file: &Path) -> Result<String, LogError> {
    fs::read_to_string(file).map_err(|error| LogError::Misconfigured {
        reason: format!("cannot read {}: {error}", file.display()),
    })
}
