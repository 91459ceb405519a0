//! What every receiver is told of an incident, under the same names.

use serde::Serialize;
use sextant_incident::Incident;
use sextant_measure::id::{AgentId, ModelId, ProviderId};

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
        Self {
            alert: incident.alert.rule.as_str(),
            kind: incident.kind.name(),
            severity: incident.severity.name(),
            subject: subject.to_string(),
            model: subject.model().map(ModelId::as_str),
            provider: subject.provider().map(ProviderId::as_str),
            quantization: subject.quantization().map(|it| it.to_string()),
            agent: subject.agent().map(AgentId::as_str),
        }
    }
}
