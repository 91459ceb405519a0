//! The log on a real Kafka.

mod harness;

use self::harness::KafkaHarness;

mod contract {
    use super::KafkaHarness;

    sextant_testkit::eventlog_contract!(KafkaHarness::new());
}
