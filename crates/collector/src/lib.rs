//! Who may send what, and how fast; and an acknowledgement only for what the log has acknowledged.
//!
//! A batch passes these, in this order, and is refused as a whole by the first that it fails:
//! its size, the quota of new senders, its sender's rate, the room for bytes in flight. All of
//! them come before anything is produced. A single observation is refused only for what follows
//! from the batch's own bytes, so that a retry is judged alike everywhere.
//!
//! - [`admission`]: validates, stamps, splits and hashes. Pure; time is an argument.
//! - [`directory`]: what the endpoint ids of a stream stand for, resolved once each.
//! - [`collector`]: the checks, the appends, the acknowledgement.
//! - [`grpc`], [`http`]: how batches come in.
//! - [`peer`]: who sends, for quotas. What a peer may hold is a share of what all may hold.
//! - [`config`], [`metrics`]: limits and counts.
//!
//! What is absent: access control, which is one layer in front of gRPC and HTTP and hands the
//! [`peer::PeerKey`] on as a request extension; and any task that nobody waits for.

pub mod admission;
mod agents;
mod append;
mod budget;
pub mod collector;
pub mod config;
pub mod directory;
pub mod grpc;
pub mod http;
mod limiter;
pub mod metrics;
pub mod peer;
mod refusal;
mod senders;

pub use collector::{Collector, Instance, Wiring};
pub use config::Config;
pub use metrics::Metrics;
pub use peer::PeerKey;
