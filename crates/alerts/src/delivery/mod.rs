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

/// That a receiver has heard of an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// The receiver's name.
    pub receiver: String,
    /// What it has heard of.
    pub event: Event,
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

/// What happens to an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// It was opened.
    Opened,
    /// It was closed.
    Closed,
}

impl Event {
    /// Both, in their order.
    pub const ALL: [Self; 2] = [Self::Opened, Self::Closed];

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
        }
    }

    /// The event of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}
