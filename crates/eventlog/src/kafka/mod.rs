//! The log on Apache Kafka, for processes apart from each other.
//!
//! - `config`: what can be set; `setup`: what clients are given of it.
//! - `log`: the log itself. `topics`: topics with their settings; `known`: which there are.
//! - `appending`: one idempotent producer, acks from all in-sync replicas.
//! - `readers` finds a reader's `cursor`; a `lane` is the consumer that cursors read through.
//! - `groups`, `member`: who owns which partition, and what was committed.
//! - `client`: what all clients share. `fault`: what errors mean.
//!
//! An append is answered by its delivery report. A position is committed with its time, as the
//! metadata that Kafka keeps beside the offset. Times are whole milliseconds, as Kafka has them, and
//! the brokers' own (`LogAppendTime`).

#[cfg(feature = "kafka")]
mod appending;
#[cfg(feature = "kafka")]
mod client;
mod config;
#[cfg(feature = "kafka")]
mod cursor;
#[cfg(feature = "kafka")]
mod fault;
#[cfg(feature = "kafka")]
mod groups;
#[cfg(feature = "kafka")]
mod known;
#[cfg(feature = "kafka")]
mod lane;
#[cfg(feature = "kafka")]
mod log;
#[cfg(feature = "kafka")]
mod member;
#[cfg(feature = "kafka")]
mod readers;
#[cfg(feature = "kafka")]
mod setup;
#[cfg(feature = "kafka")]
mod stats;
#[cfg(feature = "kafka")]
mod topics;

pub use self::config::{Compression, KafkaConfig, SaslMechanism, Security};
#[cfg(feature = "kafka")]
pub use self::log::KafkaLog;
#[cfg(feature = "kafka")]
pub use self::stats::Stats;
