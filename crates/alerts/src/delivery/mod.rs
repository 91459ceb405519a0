//! How people hear of incidents.

use std::collections::BTreeSet;
use std::sync::Arc;

use sextant_incident::Incident;

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
