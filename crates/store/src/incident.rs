//! Incidents, and how they are asked for.

use sextant_incident::Incident;
use sextant_measure::id::{AgentId, ModelId, ProviderId};

use crate::MinuteRange;

/// Which incidents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentQuery {
    /// The minutes in any of which they were open.
    pub range: MinuteRange,
    /// Those about the model's endpoints, and those about no model; `None` for all.
    pub model: Option<ModelId>,
    /// How many at most: those opened last.
    pub newest_max: u32,
}

/// Which of two rows for one incident stands: that of its end.
pub(crate) const fn revision(incident: &Incident) -> u8 {
    if incident.is_open() { 1 } else { 2 }
}

/// What of an incident's subject is asked for by name; empty where there is none.
pub(crate) struct About {
    pub(crate) model: String,
    pub(crate) provider: String,
    pub(crate) quantization: String,
    pub(crate) agent: String,
}

impl About {
    pub(crate) fn of(incident: &Incident) -> Self {
        let subject = &incident.alert.subject;
        Self {
            model: subject.model().map(ModelId::to_string).unwrap_or_default(),
            provider: subject
                .provider()
                .map(ProviderId::to_string)
                .unwrap_or_default(),
            quantization: subject
                .quantization()
                .map_or_else(String::new, |it| it.to_string()),
            agent: subject.agent().map(AgentId::to_string).unwrap_or_default(),
        }
    }
}
