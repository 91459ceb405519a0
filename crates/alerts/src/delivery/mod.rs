//! How people hear of incidents.

use std::collections::BTreeSet;
use std::sync::Arc;

use sextant_incident::{AlertKey, Incident};
pub use sextant_incident::{Delivery, Event};
use sextant_measure::time::Timestamp;

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

/// Who has heard of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Which alert.
    pub alert: AlertKey,
    /// Which of its incidents.
    pub opened_at: Timestamp,
    /// What of it, and who.
    pub delivery: Delivery,
}
