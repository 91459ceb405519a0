//! What clients are given of the settings.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use super::config::{Compression, KafkaConfig, SaslMechanism, Security};
use crate::{LogError, RECORD_BYTES_MAX, Record};

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

    /// What it means that no client can be made.
    pub(super) fn unusable(&self, error: &KafkaError) -> LogError {
        let text = error.to_string();
        let mut files = self.pem_files();
        // Librdkafka has names of its own for the settings.
        match files.find(|(_, name, _)| text.contains(name)) {
            Some((setting, _, file)) => {
                misconfigured(&format!("`{setting}`: {}: {text}", file.display()))
            }
            None => misconfigured(&text),
        }
    }

    /// The files in use, by our name of the setting and by librdkafka's.
    fn pem_files(&self) -> impl Iterator<Item = (&'static str, &'static str, &Path)> {
        let certificate = &self.certificate_file;
        [
            ("ca_file", "ssl.ca.location", &self.ca_file),
            ("certificate_file", "ssl.certificate.location", certificate),
            ("key_file", "ssl.key.location", &self.key_file),
        ]
        .into_iter()
        .filter_map(|(setting, name, file)| Some((setting, name, file.as_deref()?)))
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
            if self.certificate_file.is_some() != self.key_file.is_some() {
                return Err(misconfigured(
                    "`certificate_file` and `key_file` go together",
                ));
            }
            for (setting, name, file) in self.pem_files() {
                check_pem(setting, file)?;
                client.set(name, file.to_string_lossy());
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
            let password = content("sasl_password_file", file)?;
            client
                .set("sasl.mechanism", self.sasl_mechanism.name())
                .set("sasl.username", username)
                .set("sasl.password", password.trim_end());
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

fn check_pem(setting: &str, file: &Path) -> Result<(), LogError> {
    if content(setting, file)?.contains("-----BEGIN ") {
        return Ok(());
    }
    Err(misconfigured(&format!(
        "`{setting}`: {} is no PEM file: it has no line that begins with -----BEGIN",
        file.display()
    )))
}

/// What a file that a setting names holds.
fn content(setting: &str, file: &Path) -> Result<String, LogError> {
    let shown = file.display();
    match fs::read_to_string(file) {
        Ok(content) if content.trim().is_empty() => {
            Err(misconfigured(&format!("`{setting}`: {shown} is empty")))
        }
        Ok(content) => Ok(content),
        Err(error) => Err(misconfigured(&format!(
            "`{setting}`: cannot read {shown}: {error}"
        ))),
    }
}
