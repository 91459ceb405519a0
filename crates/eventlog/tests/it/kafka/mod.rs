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
mod settings;

use self::harness::KafkaHarness;

mod contract {
    use super::KafkaHarness;

    sextant_testkit::eventlog_contract!(KafkaHarness::new());
}
