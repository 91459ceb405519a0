//! Keeps single attempts, for drill-down.
//!
//! An [`Archive`] reads the observations log in a consumer group of its own, so that however far it
//! is behind, no window waits for it, and writes each attempt to the store once. What is sampled,
//! and how much a row then stands for, depends on the log alone.
//!
//! - `partition`, `sampling`: pure state, a function of the records read.
//! - `owner`, `start`, `storing`: the I/O around it.

mod archive;
mod config;
mod error;
mod metrics;
mod owner;
mod partition;
mod pulse;
mod sampling;
mod start;
mod storing;
mod tally;

pub use crate::archive::{Archive, Dependencies};
pub use crate::config::ArchiveConfig;
pub use crate::error::ArchiveError;
pub use crate::metrics::Metrics;
pub use crate::pulse::Pulse;
pub use crate::tally::Dropped;
