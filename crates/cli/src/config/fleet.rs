//! What must hold of the settings for Kafka and ClickHouse.

use sextant_eventlog::kafka::{KafkaConfig, SaslMechanism, Security};
use sextant_store::clickhouse::ClickHouseConfig;

/// What is wrong: section, name, what, advice.
pub(super) type Wrong = (&'static str, &'static str, String, &'static str);

/// All that is wrong with them.
pub(super) fn problems(kafka: &KafkaConfig, clickhouse: &ClickHouseConfig) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    brokers(kafka, &mut wrong);
    if !is_name(&kafka.prefix) {
        let what = format!("{:?} cannot begin the name of a topic", kafka.prefix);
        wrong.push(("kafka", "prefix", what, NAME_ADVICE));
    }
    credentials(kafka, &mut wrong);
    for (name, what) in clickhouse.problems() {
        wrong.push(("clickhouse", name, what, "give another"));
    }
    wrong
}

const NAME_ADVICE: &str = "take lower-case letters, digits, `.`, `-` and `_`, at most 100";

/// Whether Kafka takes it as a name, or as a part of one.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    text.len() <= 100 && text.chars().all(allowed)
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
