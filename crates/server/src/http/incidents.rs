//! `GET /api/v1/incidents`: what was wrong, with what, from when to when, from the store.
//!
//! `from` and `to` are RFC 3339 moments, taken down to whole minutes; without them the last day.
//! `model` leaves those about its endpoints, and those about no model. The latest `limit` are told.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sextant_incident::{Incident, Quantity};
use sextant_measure::id::{AgentId, ModelId, ProviderId};
use sextant_measure::quantization::Quantization;
use sextant_store::{IncidentQuery, MinuteRange};
use sextant_wire::json::rfc3339;

use super::App;
use super::history::moment;
use super::problem::{self, Problem};
use super::query::Parameters;
use crate::seats::Caller;

const RANGE_MINUTES_DEFAULT: u32 = 24 * 60;
const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 1_000;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Result<Parameters, Problem>,
) -> Result<Json<IncidentsJson>, Problem> {
    let parameters = parameters?.only(&["from", "to", "model", "limit"])?;
    let to = moment(&parameters, "to")?;
    let to = to.unwrap_or_else(|| app.clock.now().minute().plus(1));
    let from = moment(&parameters, "from")?;
    let from = from.unwrap_or_else(|| to.minus(RANGE_MINUTES_DEFAULT));
    if from >= to {
        return Err(problem::parameter("from", "not before `to`"));
    }
    let model = parameters.one("model")?.map(ModelId::new).transpose();
    let query = IncidentQuery {
        range: MinuteRange::new(from, to),
        model: model.map_err(|error| problem::parameter("model", error.to_string()))?,
        newest_max: limit(&parameters)?,
    };
    let incidents = app.stored(caller, app.store.incidents(&query)).await?;
    Ok(Json(IncidentsJson {
        from: rfc3339(from.start()),
        to: rfc3339(to.start()),
        incidents: incidents.iter().map(IncidentJson::from).collect(),
    }))
}

fn limit(parameters: &Parameters) -> Result<u32, Problem> {
    let Some(text) = parameters.one("limit")? else {
        return Ok(LIMIT_DEFAULT);
    };
    let limit = text.parse().ok().filter(|it| (1..=LIMIT_MAX).contains(it));
    limit.ok_or_else(|| problem::parameter("limit", "not a number from 1 to 1000"))
}

#[derive(Serialize)]
pub(super) struct IncidentsJson {
    from: String,
    to: String,
    /// Those opened last first.
    incidents: Vec<IncidentJson>,
}

#[derive(Serialize)]
struct IncidentJson {
    id: String,
    rule: String,
    kind: &'static str,
    severity: &'static str,
    subject: String,
    model: Option<String>,
    provider: Option<String>,
    quantization: Option<&'static str>,
    agent: Option<String>,
    opened_at: String,
    closed_at: Option<String>,
    worst: Option<WorstJson>,
    reason: String,
    closed_because: Option<String>,
}

#[derive(Serialize)]
struct WorstJson {
    value: f64,
    unit: &'static str,
}

impl From<&Incident> for IncidentJson {
    fn from(incident: &Incident) -> Self {
        let subject = &incident.alert.subject;
        Self {
            id: incident.id(),
            rule: incident.alert.rule.to_string(),
            kind: incident.kind.name(),
            severity: incident.severity.name(),
            subject: subject.to_string(),
            model: subject.model().map(ModelId::to_string),
            provider: subject.provider().map(ProviderId::to_string),
            quantization: subject.quantization().map(Quantization::name),
            agent: subject.agent().map(AgentId::to_string),
            opened_at: rfc3339(incident.opened_at),
            closed_at: incident.closed_at.map(rfc3339),
            worst: incident.worst.map(WorstJson::from),
            reason: incident.reason.clone(),
            closed_because: incident.closed_at.map(|_| incident.closed_because.clone()),
        }
    }
}

impl From<Quantity> for WorstJson {
    fn from(worst: Quantity) -> Self {
        Self {
            value: worst.value(),
            unit: worst.unit.name(),
        }
    }
}
