//! Batches into the observations log; and an acknowledgement only for what the log has
//! acknowledged.
//!
//! How batches come in, and what each sender may hold, stands in `sextant-intake`; here is what
//! comes after: new senders have a quota, a batch is validated, stamped, split over the partitions
//! and hashed, and needs room for its bytes in flight. All of them come before anything is
//! produced. A single observation is refused only for what follows from the batch's own bytes, so
//! that a retry is judged alike everywhere.
//!
//! - [`admission`]: validates, stamps, splits and hashes. Pure; time is an argument.
//! - [`directory`]: what the endpoint ids of a stream stand for, resolved once each.
//! - [`keeping`]: the checks, the appends, the acknowledgement.
//! - [`collector`]: all of it put together.
//! - [`config`], [`metrics`]: limits and counts.

pub mod admission;
mod agents;
mod append;
pub mod collector;
pub mod config;
pub mod directory;
pub mod keeping;
pub mod metrics;

pub use collector::{Collector, Instance, Wiring};
pub use config::Config;
pub use metrics::Metrics;
