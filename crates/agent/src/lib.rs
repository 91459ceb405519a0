//! Keeps what a gateway's host reports until a collector has it.
//!
//! A gateway of any language reports here, on its own host, by the interfaces of a collector. What
//! is acknowledged is in the spool, on the disk, and leaves it when a collector has acknowledged
//! it. While the disk takes nothing, what comes is passed on at once and acknowledged when a
//! collector has it. Senders keep their numbers: a batch that comes twice, here or there, counts
//! once.
//!
//! - [`spool`]: batches on disk.
//! - [`keeping`]: what comes in, into the spool.
//! - `forwarding`: what is in the spool, to a collector.
//! - `passing`: what the spool can't keep.
//! - [`agent`]: all of it put together.
//! - [`config`], [`metrics`], [`error`].

pub mod agent;
pub mod config;
pub mod error;
mod forwarding;
pub mod keeping;
pub mod metrics;
mod passing;
pub mod spool;

pub use agent::{Agent, Wiring};
pub use config::{Config, SPOOL_BYTES_MIN};
pub use metrics::Metrics;
