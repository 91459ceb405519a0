//! How endpoints that nobody uses are asked whether they live.
//!
//! A [`Prober`] asks each of its targets once in an interval, by a streamed chat completion of a few
//! tokens or by the list of models, and records how that ended as an observation of source `probe`.
//! Several agents share the work without a word between them: each sees in a server's snapshot
//! whether the endpoint was observed already, by users or by another agent, and then asks nothing.
//!
//! - [`config`]: what is asked. [`Prober`] carries out what `schedule` decides: a pure state machine,
//!   whose rule and arithmetic stand there. `ask`: one request, and what it means; `listing`: lists of
//!   models; `large`: reading what may be long.
//! - [`sight`]: what is known of others.
//! - `ledger`: what was spent of the budgets. [`state`]: how each target stands.

mod ask;
pub mod config;
mod error;
mod large;
mod ledger;
mod listing;
mod metrics;
mod prober;
mod schedule;
pub mod sight;
pub mod state;
mod target;

pub use crate::config::Config;
pub use crate::error::ProberError;
pub use crate::prober::{Prober, Setup};
pub use crate::target::Endpoint;
