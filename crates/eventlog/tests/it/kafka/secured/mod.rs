//! The log on a Kafka that wants passwords and shows certificates.

mod access;
mod broker;
mod certificates;
mod encrypted;
mod files;
mod passwords;

use std::time::Duration;

use sextant_eventlog::kafka::{KafkaConfig, KafkaLog, SaslMechanism};
use sextant_eventlog::{EventLog, LogError, MembershipEvent, Offset, Position, ReadLimit};

use super::harness::{KafkaHarness, by_age, next_change, numbered};

/// The whole contract, by certificate and by password.
mod contract_over_sasl_and_tls {
    use super::{KafkaHarness, SaslMechanism, broker};

    sextant_testkit::eventlog_contract!(KafkaHarness::by(
        broker::shared().sasl_tls(SaslMechanism::ScramSha512)
    ));
}

/// The whole contract, by certificates on both sides.
mod contract_over_mutual_tls {
    use super::{KafkaHarness, broker};

    sextant_testkit::eventlog_contract!(KafkaHarness::by(broker::shared().mutual_tls()));
}

const TOPIC: &str = "observed";

/// Appends, reads, joins a group and commits, all with these settings.
async fn use_everything(config: KafkaConfig) {
    let log = KafkaHarness::by(config).instance("test");
    log.prepare(&[by_age(TOPIC, 1)]).await.unwrap();
    log.append(TOPIC, 0, vec![numbered(1)]).await.unwrap();
    let limit = ReadLimit {
        records: 10,
        bytes: 1 << 20,
    };
    let read = log.read(TOPIC, 0, Offset(0), limit, Duration::ZERO).await;
    assert_eq!(read.unwrap().records[0].record, numbered(1));
    let mut member = log.join("readers", TOPIC).await.unwrap();
    let joined = next_change(&mut member).await.unwrap();
    assert_eq!(joined, MembershipEvent::Assigned(vec![0]));
    let position = Position {
        offset: Offset(1),
        time_us: 7,
    };
    log.commit("readers", TOPIC, 0, position).await.unwrap();
    let committed = log.committed("readers", TOPIC, 0).await.unwrap();
    assert_eq!(committed, Some(position));
}

/// What the log says who wants to prepare its topics, and who wants to use them.
async fn refusals(config: &KafkaConfig) -> [LogError; 2] {
    let log = KafkaLog::open(config, "test").unwrap();
    let specs = [by_age(TOPIC, 1)];
    let (prepared, asked) = tokio::join!(log.prepare(&specs), log.bounds(TOPIC, 0));
    [prepared.unwrap_err(), asked.unwrap_err()]
}

fn assert_denied(error: &LogError, parts: &[&str]) {
    assert!(matches!(error, LogError::Denied { .. }), "{error}");
    assert_says(error, parts);
}

fn assert_misconfigured(error: &LogError, parts: &[&str]) {
    assert!(matches!(error, LogError::Misconfigured { .. }), "{error}");
    assert_says(error, parts);
}

fn assert_says(error: &LogError, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{text} has no {part:?}");
    }
}
