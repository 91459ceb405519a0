//! What was wrong, with what, and from when to when.
//!
//! An alert is a rule about a subject; an incident is one time that it fired. Values only: no I/O,
//! no clock.

mod alert;
mod delivery;
mod kind;
mod quantity;
mod subject;

use sextant_measure::time::Timestamp;

pub use crate::alert::{AlertKey, RuleName};
pub use crate::delivery::{Delivery, Event};
pub use crate::kind::{Kind, Severity};
pub use crate::quantity::{Quantity, Unit};
pub use crate::subject::Subject;

/// Longest text of an incident's reasons, in bytes.
pub const REASON_BYTES_MAX: usize = 512;

/// A text that isn't what it should stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IncidentError {
    /// The name of a rule.
    #[error("a rule's name is 1 to 64 of a-z, 0-9, '_' and '-'")]
    RuleName,
    /// The text form of a subject.
    #[error(
        "a subject is endpoint/author/slug/provider/quantization, provider/slug, agent/name or fleet"
    )]
    Subject,
    /// The text form of an alert.
    #[error("an alert is rule/subject")]
    Alert,
}

/// One time that an alert fired. It is named by its alert and the moment it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Which alert.
    pub alert: AlertKey,
    /// What the rule looks at.
    pub kind: Kind,
    /// Whom it concerns, and how soon.
    pub severity: Severity,
    /// When its condition was first seen to hold.
    pub opened_at: Timestamp,
    /// When it was over; nothing while it fires.
    pub closed_at: Option<Timestamp>,
    /// The worst that was seen of it.
    pub worst: Option<Quantity>,
    /// Why it was opened, for people; at most [`REASON_BYTES_MAX`] bytes.
    pub reason: String,
    /// Why it was closed, for people; empty while it fires.
    pub closed_because: String,
}

impl Incident {
    /// Whether it fires.
    pub const fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// A name that no other incident has: the alert and the microsecond it was opened.
    pub fn id(&self) -> String {
        format!("{}@{}", self.alert, self.opened_at.as_micros())
    }
}
