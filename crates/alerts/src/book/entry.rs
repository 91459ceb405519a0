//! One incident, and who has heard of it.

use sextant_incident::{AlertKey, Incident, Kind, Quantity, Severity, Subject};
use sextant_measure::time::Timestamp;
use sextant_wire::alerts::Held;

use super::{TOLD_AFTER_US, WAITED_FOR_US};
use crate::delivery::Audience;
use crate::judge::Breach;

/// What becomes of an incident.
pub(super) trait Course {
    /// Its condition holds. Whether that has to be made durable.
    fn goes_on(&mut self, breach: &Breach) -> bool;

    fn close(&mut self, now: Timestamp, because: String);

    /// Whether others are not opened beside it, whose windows see so far back.
    fn covers_at(&self, now: Timestamp, sees_back_us: i64) -> bool;

    /// Whether nobody is left who has to hear of it.
    fn is_told(&self, audience: &Audience, now: Timestamp) -> bool;

    fn ended_before(&self, now: Timestamp, us: i64) -> bool;
}

impl Course for Held {
    fn goes_on(&mut self, breach: &Breach) -> bool {
        let was_clear = self.clear_since.take().is_some();
        let Some(now) = breach.evidence.worst else {
            return was_clear;
        };
        let is_worse = (self.incident.worst).is_none_or(|worst| is_worse(breach.kind, now, worst));
        if is_worse {
            self.incident.worst = Some(now);
        }
        // Silence grows with every look, and is known again from the agent's row.
        was_clear || (is_worse && breach.kind != Kind::NoData)
    }

    fn close(&mut self, now: Timestamp, because: String) {
        // A clock may have been set back.
        self.incident.closed_at = Some(now.max(self.incident.opened_at));
        self.incident.closed_because = because;
    }

    fn covers_at(&self, now: Timestamp, sees_back_us: i64) -> bool {
        match self.incident.closed_at {
            None => true,
            Some(closed_at) => {
                let over_since = self.clear_since.unwrap_or(closed_at);
                // A clock that was set back makes nobody silent.
                (0..sees_back_us).contains(&now.micros_since(over_since))
            }
        }
    }

    fn is_told(&self, audience: &Audience, now: Timestamp) -> bool {
        if !self.ended_before(now, TOLD_AFTER_US) {
            return false;
        }
        self.ended_before(now, WAITED_FOR_US) || audience.has_heard(&self.incident, &self.delivered)
    }

    fn ended_before(&self, now: Timestamp, us: i64) -> bool {
        let closed_at = self.incident.closed_at;
        closed_at.is_some_and(|closed_at| now.micros_since(closed_at) >= us)
    }
}

/// What may be covered by a wider or more urgent incident.
pub(super) trait Trouble {
    fn alert(&self) -> &AlertKey;
    fn kind(&self) -> Kind;
    fn severity(&self) -> Severity;
}

impl Trouble for Breach {
    fn alert(&self) -> &AlertKey {
        &self.alert
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn severity(&self) -> Severity {
        self.severity
    }
}

impl Trouble for Incident {
    fn alert(&self) -> &AlertKey {
        &self.alert
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn severity(&self) -> Severity {
        self.severity
    }
}

/// Whether an incident stands for another trouble as well.
pub(super) fn covers(wider: &Incident, narrower: &impl Trouble) -> bool {
    let is_alike = wider.kind == narrower.kind();
    match (&wider.alert.subject, &narrower.alert().subject) {
        // If the observer is in doubt, so is whatever it says of a provider.
        (Subject::Fleet, Subject::Endpoint(_) | Subject::Provider(_)) => {
            wider.severity <= narrower.severity()
        }
        (Subject::Provider(provider), Subject::Endpoint(id)) => {
            is_alike && *provider == id.provider && wider.severity <= narrower.severity()
        }
        (one, other) => is_alike && one == other && wider.severity < narrower.severity(),
    }
}

/// The smaller, the wider.
pub(super) const fn width(subject: &Subject) -> u8 {
    match subject {
        Subject::Fleet => 0,
        Subject::Provider(_) => 1,
        Subject::Endpoint(_) | Subject::Agent(_) => 2,
    }
}

fn is_worse(kind: Kind, now: Quantity, worst: Quantity) -> bool {
    match kind {
        Kind::Uptime | Kind::Throughput => now.millionths < worst.millionths,
        Kind::RateLimited | Kind::Latency | Kind::NoData | Kind::Observer => {
            now.millionths > worst.millionths
        }
    }
}
