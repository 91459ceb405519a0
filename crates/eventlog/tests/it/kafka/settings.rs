//! What is refused at the start, with what is wrong.

use std::time::Duration;

use sextant_eventlog::kafka::KafkaLog;
#[cfg(not(feature = "kafka-tls"))]
use sextant_eventlog::kafka::Security;
use sextant_eventlog::{Cleanup, EventLog, LogError, TopicSpec};

use super::admin::Admin;
use super::harness::{KafkaHarness, by_age, by_key, config, until};
use tokio::time::Instant;

fn minutes(minutes: u64) -> Cleanup {
    Cleanup::Delete {
        retention: Duration::from_mins(minutes),
    }
}

/// A topic, its setting, what it is changed to, and what it was made with.
const CHANGES: [(&str, &str, &str, &str); 11] = [
    ("aged", "cleanup.policy", "compact", "delete"),
    ("keyed", "cleanup.policy", "delete", "compact"),
    (
        "aged",
        "message.timestamp.type",
        "CreateTime",
        "LogAppendTime",
    ),
    ("aged", "max.message.bytes", "9999", "1114112"),
    ("aged", "retention.ms", "60000", "7200000"),
    ("aged", "retention.bytes", "77777", "-1"),
    ("keyed", "delete.retention.ms", "1000", "3600000"),
    ("keyed", "min.compaction.lag.ms", "0", "60000"),
    ("keyed", "max.compaction.lag.ms", "1200001", "120000"),
    ("keyed", "segment.ms", "604800000", "60000"),
    ("keyed", "segment.bytes", "1073741824", "16777216"),
];

#[tokio::test]
async fn a_setting_that_was_changed_is_refused_by_name_with_both_figures() {
    let harness = KafkaHarness::new();
    let admin = Admin::new(&harness.config);
    let log = harness.instance("test");
    let specs = [by_age("aged", 1), by_key("keyed", 1)];
    log.prepare(&specs).await.unwrap();
    for (topic, setting, found, wanted) in CHANGES {
        admin.alter(topic, &[(setting, found)]).await;
        // The brokers hear of it one after the other.
        let refusal = until(async || match log.prepare(&specs).await {
            Ok(()) => Err("accepted"),
            Err(refusal) => Ok(refusal),
        });
        let expected = LogError::SettingsDiffer {
            topic: admin.full_name(topic),
            setting,
            wanted: wanted.to_owned(),
            found: found.to_owned(),
        };
        assert_eq!(refusal.await, expected);
        admin.alter(topic, &[(setting, wanted)]).await;
        until(async || log.prepare(&specs).await).await;
    }
}

#[tokio::test]
async fn more_copies_than_brokers_are_refused_for_good() {
    let mut harness = KafkaHarness::new();
    harness.config.replication = 3;
    let prepared = harness.instance("test").prepare(&[by_age("aged", 1)]).await;
    let refusal = prepared.unwrap_err();
    assert!(
        matches!(refusal, LogError::Misconfigured { .. }),
        "{refusal}"
    );
    assert!(refusal.to_string().contains("`replication`"), "{refusal}");
}

#[tokio::test]
async fn a_name_that_brokers_refuse_is_refused_for_good() {
    let mut harness = KafkaHarness::new();
    harness.config.prefix = "fleet/".to_owned();
    let prepared = harness.instance("test").prepare(&[by_age("aged", 1)]).await;
    let refusal = prepared.unwrap_err();
    assert!(
        matches!(refusal, LogError::Misconfigured { .. }),
        "{refusal}"
    );
    for part in ["fleet/aged", "`prefix`"] {
        assert!(refusal.to_string().contains(part), "{refusal}");
    }
}

#[tokio::test]
async fn a_longer_retention_than_wanted_is_accepted() {
    let harness = KafkaHarness::new();
    let admin = Admin::new(&harness.config);
    let log = harness.instance("test");
    let spec = |cleanup| TopicSpec {
        name: "aged".to_owned(),
        partitions: 1,
        cleanup,
    };
    log.prepare(&[spec(minutes(120))]).await.unwrap();
    log.prepare(&[spec(minutes(60))]).await.unwrap();
    admin.alter("aged", &[("retention.ms", "-1")]).await;
    let for_ever = async || log.prepare(&[spec(minutes(1_000_000))]).await;
    until(for_ever).await;
}

#[tokio::test]
async fn a_topic_with_too_few_copies_is_refused() {
    let mut harness = KafkaHarness::new();
    harness
        .instance("test")
        .prepare(&[by_age("aged", 1)])
        .await
        .unwrap();
    harness.config.replication = 3;
    let refusal = harness
        .instance("test")
        .prepare(&[by_age("aged", 1)])
        .await
        .unwrap_err();
    assert!(
        refusal
            .to_string()
            .contains("replication factor 1 where 3 is wanted"),
        "{refusal}"
    );
}

#[tokio::test]
async fn brokers_that_are_not_there_are_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let log = KafkaLog::open(&config(address.clone()), "test").unwrap();
    let begun = Instant::now();
    let prepared = log.prepare(&[by_age("aged", 1)]).await;
    let read = log.bounds("aged", 0).await;
    for error in [prepared.unwrap_err(), read.unwrap_err()] {
        assert!(matches!(error, LogError::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains(&address), "{error}");
    }
    assert!(
        begun.elapsed() < Duration::from_secs(25),
        "{:?}",
        begun.elapsed()
    );
}

#[cfg(not(feature = "kafka-tls"))]
#[tokio::test]
async fn tls_that_was_not_built_in_is_refused() {
    let mut config = config("127.0.0.1:1".to_owned());
    config.security = Security::Tls;
    let Err(refusal) = KafkaLog::open(&config, "test") else {
        panic!("it was opened")
    };
    assert!(
        matches!(refusal, LogError::Misconfigured { .. }),
        "{refusal}"
    );
    assert!(refusal.to_string().contains("`tls`"), "{refusal}");
}
