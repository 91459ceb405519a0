//! When to wake someone, and how they hear of it.
//!
//! One process of a consumer group leads: it looks at all windows, opens and closes incidents, and
//! makes what they stand at durable before anyone hears of it.
//!
//! - [`config`], [`rule`]: what is looked at. [`view`]: what is seen.
//! - `judge`: which rules are broken, as of a view. `book`: what becomes of that. `log`: where it is
//!   kept. `leader`: who does all this, and when. `recorder`: how the store hears of it.
//! - [`delivery`]: how people hear of it.
//!
//! # Constraints
//!
//! - Nobody hears of what is not durable. A restart neither repeats nor loses an incident.
//! - What is not known opens nothing and closes nothing.
//! - One trouble is one incident: the widest and most urgent that tells of it.
//! - Incidents, and what is kept of each, are bounded.

mod alerts;
mod book;
pub mod config;
pub mod delivery;
mod judge;
mod leader;
mod log;
mod metrics;
mod pulse;
mod recorder;
pub mod rule;
pub mod view;

pub use crate::alerts::{Alerts, Wiring};
pub use crate::config::Config;
pub use crate::metrics::Metrics;
pub use crate::pulse::Pulse;
