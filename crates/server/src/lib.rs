//! What gateways and people pull: gRPC and HTTP.
//!
//! One task follows the windows log and the gates log and owns the picture of them. At most once a second it publishes
//! an [`edition`]: an immutable snapshot with its version, in which each encoded form is made once,
//! when it is first asked for, and shared by all who ask; what tells ages, once a second. Readers
//! take the present edition without a lock.
//!
//! - [`follow`]: from the log to editions. [`hub`]: what readers ask.
//! - [`grpc`]: `SnapshotService`. [`http`]: the routes. `watch`: watches, which both have.
//! - `gates`: takes the operator's verdicts.
//! - [`health`]: whether every loop turns, and what is still missing.
//! - [`config`], [`metrics`]: limits and counts. `exposed`: endpoints in `/metrics`.
//!
//! # Constraints
//!
//! - Serving depends on nothing: while the log is away the last edition is served, with its age.
//!   Only the history needs the store.
//! - A number says nothing of a time that it wasn't measured in: once a row is older than a
//!   number's window, people are shown its absence.
//! - So many watches begin in a second; who comes too early is told when to come back.
//! - A watcher has at most one message that it hasn't taken; who is slow gets the latest next.
//! - Watchers, filters, encoded forms, queries and what is read at once are all bounded. Of watches
//!   and queries one [`Caller`] has at most half.

mod admissions;
mod coding;
pub mod config;
pub mod edition;
mod encoder;
mod encodings;
mod events;
mod exposed;
pub mod filter;
pub mod follow;
mod gates;
pub mod grpc;
pub mod health;
pub mod http;
pub mod hub;
pub mod metrics;
mod nearest;
mod seats;
mod server;
mod watch;

pub use crate::config::Config;
pub use crate::metrics::Metrics;
pub use crate::seats::Caller;
pub use crate::server::{Server, ServerError, Wiring};
