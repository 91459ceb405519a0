//! What clients are given of the settings.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rdkafka::ClientConfig;

use super::config::{Compression, KafkaConfig, SaslMechanism, Security};
use crate::{LogError, Record};

/// The largest record that is taken, in bytes, as [`Record::bytes`] counts.
pub(super) const RECORD_BYTES_MAX: usize = 1 << 20;
/// What a broker counts beside that: headers' lengths and the batch around the record.
pub(super) const MESSAGE_BYTES_MAX: usize = RECORD_BYTES_MAX + (64 << 10);

impl KafkaConfig {
    /// The settings that all clients have in common. `instance` tells processes apart.
    ///
    /// # Errors
    /// [`LogError::Misconfigured`] if TLS or SASL is wanted and not built in, or a file can't be
    /// read.
    pub(super) fn client(&self, instance: &str) -> Result<ClientConfig, LogError> {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.brokers)
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
        if self.security == Security::Plaintext {
            return Ok(());
        }
        if !cfg!(feature = "kafka-tls") {
            return Err(misconfigured(
                "TLS and SASL need a build with the feature `tls`",
            ));
        }
        client.set("security.protocol", self.security.name());
        if matches!(self.security, Security::Tls | Security::SaslTls) {
            // Unless a file is named: where OpenSSL was built to look is nowhere here.
            client.set("ssl.ca.location", "probe");
            let files = [
                ("ssl.ca.location", &self.ca_file),
                ("ssl.certificate.location", &self.certificate_file),
                ("ssl.key.location", &self.key_file),
            ];
            for (name, file) in files {
                if let Some(file) = file {
                    // Librdkafka says only that a file won't do; this says which and why.
                    content(file)?;
                    client.set(name, file.to_string_lossy());
                }
            }
        }
        if self.security == Security::SaslPlaintext && self.sasl_mechanism == SaslMechanism::Plain {
            return Err(misconfigured("a plain password is for TLS alone"));
        }
        if matches!(self.security, Security::SaslPlaintext | Security::SaslTls) {
            let (Some(username), Some(file)) = (&self.sasl_username, &self.sasl_password_file)
            else {
                return Err(misconfigured(
                    "SASL needs `sasl_username` and `sasl_password_file`",
                ));
            };
            client
                .set("sasl.mechanism", self.sasl_mechanism.name())
                .set("sasl.username", username)
                .set("sasl.password", content(file)?.trim_end());
        }
        Ok(())
    }
}

impl Security {
    const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Tls => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslTls => "sasl_ssl",
        }
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

fn misconfigured(reason: &str) -> LogError {
    LogError::Misconfigured {
        reason: reason.to_owned(),
    }
}

fn content(file: &Path) -> Result<String, LogError> {
    fs::read_to_string(file).map_err(|error| LogError::Misconfigured {
        reason: format!("cannot read {}: {error}", file.display()),
    })
}
