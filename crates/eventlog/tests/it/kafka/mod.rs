//! The log on a real Kafka.

mod admin;
mod compaction;
mod damage;
mod differential;
mod faults;
mod groups;
mod harness;
mod membership;
mod memory;
#[cfg(feature = "kafka-tls")]
mod secured;
mod settings;

use self::harness::KafkaHarness;

mod contract {
    use super::KafkaHarness;

    sextant_testkit::eventlog_contract!(KafkaHarness::new());
}
