//! What must hold of the settings of a process among others, of Kafka and of ClickHouse.

use std::path::Path;

use sextant_agent::{Config as AgentConfig, SPOOL_BYTES_MIN};
use sextant_eventlog::kafka::{KafkaConfig, SaslMechanism, Security};
use sextant_reporter::target::Target;
use sextant_store::clickhouse::ClickHouseConfig;
use sextant_wire::identity::SEQUENCES_IN_FLIGHT_MAX;

use super::Engines;
use super::sections::ProcessConfig;

/// What is wrong: section, name, what, advice.
pub(super) type Wrong = (&'static str, &'static str, String, &'static str);

/// Files that settings of these engines name, with section and name.
pub(super) fn files<'c>(
    engines: Engines,
    agent: &'c AgentConfig,
    kafka: &'c KafkaConfig,
    clickhouse: &'c ClickHouseConfig,
) -> impl Iterator<Item = (&'static str, &'static str, &'c Path)> {
    let files = [
        ("agent", "token_file", &agent.token_file),
        ("kafka", "ca_file", &kafka.ca_file),
        ("kafka", "certificate_file", &kafka.certificate_file),
        ("kafka", "key_file", &kafka.key_file),
        ("kafka", "sasl_password_file", &kafka.sasl_password_file),
        ("clickhouse", "password_file", &clickhouse.password_file),
    ];
    let named =
        |(section, name, file): (_, _, &'c Option<_>)| Some((section, name, file.as_deref()?));
    let is_used = move |(section, ..): &(&str, _, _)| match *section {
        "agent" => engines.collectors,
        "kafka" => engines.kafka,
        _ => engines.clickhouse,
    };
    files.into_iter().filter(is_used).filter_map(named)
}

/// All else that is wrong with them.
pub(super) fn problems(
    engines: Engines,
    process: &ProcessConfig,
    agent: &AgentConfig,
    kafka: &KafkaConfig,
    clickhouse: &ClickHouseConfig,
) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    instance(process, &mut wrong);
    collectors(engines, agent, &mut wrong);
    spool(agent, &mut wrong);
    brokers(kafka, &mut wrong);
    if !is_name(&kafka.prefix) {
        let what = format!("{:?} cannot begin the name of a topic", kafka.prefix);
        wrong.push(("kafka", "prefix", what, NAME_ADVICE));
    }
    credentials(kafka, &mut wrong);
    unused(kafka, &mut wrong);
    for (name, what) in clickhouse.problems() {
        wrong.push(("clickhouse", name, what, "give another"));
    }
    wrong
}

const INSTANCE_BYTES_MAX: usize = 128;
const NAME_ADVICE: &str = "take lower-case letters, digits, `.`, `-` and `_`, at most 100";

/// Whether Kafka takes it as a name, or as a part of one.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    text.len() <= 100 && text.chars().all(allowed)
}

/// It becomes part of the name that a consumer group knows a member by.
fn instance(process: &ProcessConfig, wrong: &mut Vec<Wrong>) {
    let Some(name) = &process.instance else {
        return;
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if name.len() > INSTANCE_BYTES_MAX || !name.chars().all(allowed) {
        let what = format!("{name:?} cannot be the name of a process");
        let advice = "take letters, digits, `.`, `-` and `_`, at most 128";
        wrong.push(("process", "instance", what, advice));
    }
}

fn collectors(engines: Engines, agent: &AgentConfig, wrong: &mut Vec<Wrong>) {
    let advice = "give them as grpc://host:port, separated by commas";
    if engines.is_agents() && agent.collectors().next().is_none() {
        let what = "there is no collector to send to".to_owned();
        wrong.push(("agent", "collectors", what, advice));
    }
    for collector in agent.collectors() {
        if let Err(error) = collector.parse::<Target>() {
            wrong.push(("agent", "collectors", error.to_string(), advice));
        }
    }
}

fn spool(agent: &AgentConfig, wrong: &mut Vec<Wrong>) {
    let given = u64::from(agent.in_flight_max.get());
    if given > SEQUENCES_IN_FLIGHT_MAX {
        let what = format!("{given} batches are more than a collector can tell apart");
        wrong.push(("agent", "in_flight_max", what, "give at most 1024"));
    }
    let given = agent.spool_bytes_max.get();
    if given < SPOOL_BYTES_MIN {
        let what = format!("{given} bytes are less than two of the largest batches");
        wrong.push(("agent", "spool_bytes_max", what, "give at least 1500000"));
    }
}

fn brokers(kafka: &KafkaConfig, wrong: &mut Vec<Wrong>) {
    for broker in kafka.brokers.split(',').map(str::trim) {
        let port = broker.rsplit_once(':').map(|(_, port)| port);
        if !port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port != 0)) {
            let what = format!("{broker:?} is not a host and a port");
            let advice = "give brokers as host:port, separated by commas";
            wrong.push(("kafka", "brokers", what, advice));
        }
    }
}

/// Settings of a security that is not asked for: whoever set them takes it for granted.
fn unused(kafka: &KafkaConfig, wrong: &mut Vec<Wrong>) {
    let by_tls = matches!(kafka.security, Security::Tls | Security::SaslTls);
    let by_password = matches!(kafka.security, Security::SaslPlaintext | Security::SaslTls);
    for (name, is_given, is_used, of) in [
        ("ca_file", kafka.ca_file.is_some(), by_tls, "TLS"),
        (
            "certificate_file",
            kafka.certificate_file.is_some(),
            by_tls,
            "TLS",
        ),
        ("key_file", kafka.key_file.is_some(), by_tls, "TLS"),
        (
            "sasl_username",
            kafka.sasl_username.is_some(),
            by_password,
            "SASL",
        ),
        (
            "sasl_password_file",
            kafka.sasl_password_file.is_some(),
            by_password,
            "SASL",
        ),
    ] {
        if is_given && !is_used {
            let what = format!("is for {of}, which kafka.security does not ask for");
            let advice = "set kafka.security to tls, sasl_plaintext or sasl_tls, or take it out";
            wrong.push(("kafka", name, what, advice));
        }
    }
}

fn credentials(kafka: &KafkaConfig, wrong: &mut Vec<Wrong>) {
    if kafka.security != Security::Plaintext && !cfg!(feature = "tls") {
        let what = "this build has neither TLS nor SASL".to_owned();
        let advice = "take a build with the feature `tls`";
        wrong.push(("kafka", "security", what, advice));
    }
    let by_password = matches!(kafka.security, Security::SaslPlaintext | Security::SaslTls);
    for (name, is_given) in [
        ("sasl_username", kafka.sasl_username.is_some()),
        ("sasl_password_file", kafka.sasl_password_file.is_some()),
    ] {
        if by_password && !is_given {
            let what = "is missing, and kafka.security asks for it".to_owned();
            wrong.push(("kafka", name, what, "set it"));
        }
    }
    if kafka.security == Security::SaslPlaintext && kafka.sasl_mechanism == SaslMechanism::Plain {
        let what = "\"plain\" would send the password for anyone to read".to_owned();
        wrong.push(("kafka", "sasl_mechanism", what, "take a scram, or sasl_tls"));
    }
    if kafka.certificate_file.is_some() != kafka.key_file.is_some() {
        let name = if kafka.key_file.is_some() {
            "certificate_file"
        } else {
            "key_file"
        };
        let what = "is missing: a certificate and its key go together".to_owned();
        wrong.push(("kafka", name, what, "set both of them, or neither"));
    }
}
