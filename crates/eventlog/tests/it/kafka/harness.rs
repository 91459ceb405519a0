//! Logs on a broker, each with names of its own.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use sextant_eventlog::EventLog;
use sextant_eventlog::kafka::{Compression, KafkaConfig, KafkaLog, SaslMechanism, Security};
use sextant_testkit::eventlog_contract::Harness;

/// Names of a test's own, on the run's broker.
pub(crate) struct KafkaHarness {
    pub(crate) config: KafkaConfig,
    open: Mutex<Option<Arc<KafkaLog>>>,
}

impl KafkaHarness {
    pub(crate) fn new() -> Self {
        Self::on(sextant_testbed::run::kafka())
    }

    pub(crate) fn on(broker: String) -> Self {
        Self {
            config: config(broker),
            open: Mutex::default(),
        }
    }

    /// Another process's view of the same log.
    pub(crate) fn instance(&self, name: &str) -> Arc<KafkaLog> {
        Arc::new(KafkaLog::open(&self.config, name).unwrap())
    }
}

/// Settings that are quick to give up, with a prefix that nothing else has.
pub(crate) fn config(broker: String) -> KafkaConfig {
    let own = tempfile::Builder::new().prefix("").tempdir().unwrap();
    let own = own
        .path()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .to_lowercase();
    KafkaConfig {
        brokers: broker,
        prefix: format!("t-{own}-"),
        replication: 1,
        append_timeout_ms: 10_000,
        linger_ms: 0,
        append_bytes_max: 16 << 20,
        fetch_bytes_max: 4 << 20,
        session_timeout_ms: 2_000,
        compression: Compression::Lz4,
        security: Security::Plaintext,
        ca_file: None,
        certificate_file: None,
        key_file: None,
        sasl_mechanism: SaslMechanism::ScramSha512,
        sasl_username: None,
        sasl_password_file: None,
    }
}

#[async_trait]
impl Harness for KafkaHarness {
    async fn open(&self) -> Arc<dyn EventLog> {
        let log = self.instance("test");
        *self.open.lock().unwrap() = Some(Arc::clone(&log));
        log
    }

    async fn reopen(&self) -> Arc<dyn EventLog> {
        let before = self.open.lock().unwrap().take();
        if let Some(before) = before {
            before.close().await.unwrap();
        }
        self.open().await
    }

    fn record_bytes_max(&self) -> usize {
        KafkaLog::record_bytes_max()
    }
}
