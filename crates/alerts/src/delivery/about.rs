//! What every receiver is told of an incident, under the same names.

use jiff::Timestamp as Rfc3339;
use serde::Serialize;
use sextant_incident::{Incident, Subject};
use sextant_measure::id::{ModelId, ProviderId};
use sextant_measure::time::Timestamp;

/// Which alert it is, and about what.
#[derive(Serialize)]
pub(super) struct About<'i> {
    pub(super) alert: &'i str,
    pub(super) kind: &'static str,
    pub(super) severity: &'static str,
    pub(super) subject: String,
    pub(super) model: Option<&'i str>,
    pub(super) provider: Option<&'i str>,
    pub(super) quantization: Option<String>,
    pub(super) agent: Option<&'i str>,
}

impl<'i> About<'i> {
    pub(super) fn of(incident: &'i Incident) -> Self {
        let subject = &incident.alert.subject;
        let (quantization, agent) = match subject {
            Subject::Endpoint(id) => (Some(id.quantization.to_string()), None),
            Subject::Agent(agent) => (None, Some(agent.as_str())),
            Subject::Provider(_) | Subject::Fleet => (None, None),
        };
        Self {
            alert: incident.alert.rule.as_str(),
            kind: incident.kind.name(),
            severity: incident.severity.name(),
            subject: subject.to_string(),
            model: subject.model().map(ModelId::as_str),
            provider: subject.provider().map(ProviderId::as_str),
            quantization,
            agent,
        }
    }
}

/// A moment as RFC 3339 has it, in UTC.
pub(super) fn rfc3339(at: Timestamp) -> String {
    let moment = Rfc3339::from_microsecond(at.as_micros());
    moment.unwrap_or(Rfc3339::MAX).to_string()
}
