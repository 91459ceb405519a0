//! Turns observations into windows.
//!
//! An [`Aggregator`] joins the consumer group of the observations log and owns partitions. The
//! owner of a partition claims it in the windows log, rebuilds its windows by replay, and from
//! then on publishes once a second what changed and hands finished minutes to the store.
//!
//! - `partition`, `endpoint`, `series`, `unstored`: pure state, a function of the records
//!   read and of the times given.
//! - `owner`, `windows_log`, `storing`: the I/O around it. `gates`: what the operator rules.

mod agents;
mod aggregator;
#[doc(hidden)]
pub mod bench;
mod config;
mod ended;
mod endpoint;
mod error;
mod gates;
mod holding;
mod metrics;
mod owner;
mod partition;
mod publish;
mod pulse;
mod seen;
mod series;
mod storing;
mod tally;
mod unknown;
mod unstored;
mod windows_log;

pub use crate::aggregator::{Aggregator, Dependencies};
pub use crate::config::{AggregatorConfig, UnknownEndpoints};
pub use crate::error::AggregatorError;
pub use crate::metrics::Metrics;
pub use crate::pulse::{Beat, Pulse};
pub use crate::tally::Dropped;
