//! How people hear of incidents.
//!
//! Whoever evaluates rules posts a board: incidents that are open or were closed lately, with what
//! was delivered of them. Each receiver has a task that tells it what is on the board: [`Receivers`].
//! An empty board is that of a process that doesn't evaluate, and nothing is told.
//!
//! - [`config`]: who is told; `rules`: what must hold of that.
//! - `outbox` decides what a receiver is told next and when, `notifier` carries that out for a
//!   `webhook` and for the `log`. Each event is told at least once, under a name by which a receiver
//!   knows it again.
//! - `alertmanager`: all that fires, again and again.
//! - `post`: one request; `signature`: how it is signed; [`DeliveryError`]: how it fails.
//! - `trial`: what `sextant alerts test` sends.

mod about;
mod alertmanager;
mod audience;
mod board;
pub mod config;
mod error;
mod log;
mod metrics;
mod notifier;
mod outbox;
mod pause;
mod post;
mod receivers;
mod rules;
mod signature;
mod trial;
mod webhook;

use std::collections::BTreeSet;
use std::sync::Arc;

use sextant_incident::{AlertKey, Incident};
use sextant_measure::time::Timestamp;

pub use sextant_incident::{Delivery, Event};

pub(crate) use self::audience::Audience;
pub use self::config::Config;
pub use self::error::DeliveryError;
pub use self::metrics::Metrics;
pub use self::receivers::{Receivers, Setup};
pub use self::trial::{Tested, test};

/// What receivers are to hear of: incidents that are open, and those that were closed lately.
pub type Board = Arc<[Posted]>;

/// An incident, and who has heard what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The incident.
    pub incident: Incident,
    /// What has been delivered.
    pub delivered: BTreeSet<Delivery>,
}

/// That a receiver has heard of an event of an incident, as it is told to whoever posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Which alert.
    pub alert: AlertKey,
    /// Which of its incidents.
    pub opened_at: Timestamp,
    /// Who has heard what.
    pub delivery: Delivery,
}
