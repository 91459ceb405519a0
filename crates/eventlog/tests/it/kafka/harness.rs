//! Logs on a broker, each with names of its own.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sextant_eventlog::kafka::{Compression, KafkaConfig, KafkaLog, SaslMechanism, Security};
use sextant_eventlog::{
    Cleanup, EventLog, LogError, Membership, MembershipEvent, Offset, RECORD_BYTES_MAX, ReadLimit,
    Record, StoredRecord, TopicSpec,
};
use sextant_testkit::eventlog_contract::Harness;
use tokio::time::{Instant, sleep};

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
        Self::by(config(broker))
    }

    pub(crate) fn by(config: KafkaConfig) -> Self {
        Self {
            config,
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
        RECORD_BYTES_MAX
    }
}

/// More than any partition of these tests holds.
pub(crate) const ALL: ReadLimit = ReadLimit {
    records: 100_000,
    bytes: 256 << 20,
};

/// A topic that keeps records for longer than a test.
pub(crate) fn by_age(name: &str, partitions: u32) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions,
        cleanup: Cleanup::Delete {
            retention: Duration::from_hours(2),
        },
    }
}

/// A compacted topic.
pub(crate) fn by_key(name: &str, partitions: u32) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions,
        cleanup: Cleanup::Compact {
            tombstone_retention: Duration::from_hours(1),
        },
    }
}

pub(crate) fn numbered(number: u64) -> Record {
    Record::new(format!("key {number}"), format!("value {number}"))
}

/// Everything in partition 0 from an offset on: records, and offsets of damaged ones.
pub(crate) async fn read_all(
    log: &KafkaLog,
    topic: &str,
    mut from: Offset,
) -> (Vec<StoredRecord>, Vec<u64>) {
    let (mut records, mut corrupt) = (Vec::new(), Vec::new());
    loop {
        let read = log.read(topic, 0, from, ALL, Duration::ZERO).await;
        let fetched = read.unwrap();
        records.extend(fetched.records);
        corrupt.extend(fetched.corrupt.iter().map(|offset| offset.0));
        if fetched.next >= fetched.high_watermark {
            return (records, corrupt);
        }
        assert!(fetched.next > from, "a read goes on");
        from = fetched.next;
    }
}

/// Tries until it succeeds, for half a minute at most.
pub(crate) async fn until<T, E: Debug>(mut attempt: impl AsyncFnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(Instant::now() < deadline, "not within 30 s: {error:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// The next event that changes what a member owns. That it is a member without partitions, as all
/// that come to a group are at first, changes nothing.
pub(crate) async fn next_change(
    member: &mut Box<dyn Membership>,
) -> Result<MembershipEvent, LogError> {
    loop {
        match member.next().await? {
            MembershipEvent::Assigned(partitions) if partitions.is_empty() => {}
            event => return Ok(event),
        }
    }
}
