//! An incident, as a row of `incident_rows`.

use clickhouse::{Client, Row};
use serde::{Deserialize, Serialize};
use sextant_incident::{AlertKey, Incident, Kind, Quantity, Severity, Unit};
use sextant_measure::time::Timestamp;

use super::counted;
use super::read::{Found, select};
use super::server::Servers;
use crate::incident::{About, revision};
use crate::limits::{Limits, at_most};
use crate::{IncidentQuery, StoreError};

/// A row of `incident_rows`. Times are microseconds since 1970.
#[derive(Debug, Clone, Row, Serialize, Deserialize)]
pub(super) struct IncidentColumns {
    opened_at: i64,
    rule: String,
    subject: String,
    revision: u8,
    kind: String,
    severity: String,
    closed_at: Option<i64>,
    worst_millionths: u64,
    worst_unit: String,
    reason: String,
    closed_because: String,
    model: String,
    provider: String,
    quantization: String,
    agent: String,
}

pub(super) const TABLE: &str = "incident_rows";

impl From<&Incident> for IncidentColumns {
    fn from(row: &Incident) -> Self {
        let about = About::of(row);
        Self {
            opened_at: row.opened_at.as_micros(),
            rule: row.alert.rule.to_string(),
            subject: row.alert.subject.to_string(),
            revision: revision(row),
            kind: row.kind.name().to_owned(),
            severity: row.severity.name().to_owned(),
            closed_at: row.closed_at.map(Timestamp::as_micros),
            worst_millionths: row.worst.map_or(0, |worst| worst.millionths),
            worst_unit: row.worst.map_or("", |worst| worst.unit.name()).to_owned(),
            reason: row.reason.clone(),
            closed_because: row.closed_because.clone(),
            model: about.model,
            provider: about.provider,
            quantization: about.quantization,
            agent: about.agent,
        }
    }
}

impl IncidentColumns {
    /// The row; none if it is not what was written.
    pub(super) fn decode(self) -> Option<Incident> {
        let worst = if self.worst_unit.is_empty() {
            None
        } else {
            Some(Quantity {
                millionths: self.worst_millionths,
                unit: Unit::parse(&self.worst_unit)?,
            })
        };
        let row = Incident {
            alert: AlertKey {
                rule: self.rule.parse().ok()?,
                subject: self.subject.parse().ok()?,
            },
            kind: Kind::parse(&self.kind)?,
            severity: Severity::parse(&self.severity)?,
            opened_at: Timestamp::from_micros(self.opened_at),
            closed_at: self.closed_at.map(Timestamp::from_micros),
            worst,
            reason: self.reason,
            closed_because: self.closed_because,
        };
        (revision(&row) == self.revision).then_some(row)
    }
}

/// Those that were open in some minutes, the latest first, and how many rows were not what was
/// written.
pub(super) async fn read(
    servers: &Servers,
    query: &IncidentQuery,
    limits: &Limits,
) -> Result<(Vec<Incident>, u64), StoreError> {
    at_most("incidents", query.newest_max.into(), limits.rows_max)?;
    let mut found = Found::default();
    if query.range.is_empty() || query.newest_max == 0 {
        return Ok((found.rows, 0));
    }
    let mut conditions = "opened_at < toDateTime64({to:UInt32}, 6, 'UTC') \
         AND (closed_at IS NULL OR closed_at >= toDateTime64({from:UInt32}, 6, 'UTC'))"
        .to_owned();
    if query.model.is_some() {
        conditions.push_str(" AND (model = {model:String} OR model = '')");
    }
    conditions.push_str(" ORDER BY opened_at DESC, rule, subject LIMIT {limit:UInt32}");
    let sql = select(TABLE, &conditions);
    let (from, to) = counted::bounds(query.range);
    let ask = |client: &Client| {
        let asked = client.query(&sql).param("from", from).param("to", to);
        let asked = asked.param("limit", query.newest_max);
        match &query.model {
            Some(model) => asked.param("model", model.as_str()),
            None => asked,
        }
    };
    let take = |row: IncidentColumns| found.add(row.decode());
    servers.read("read incident_rows", ask, take).await?;
    Ok((found.rows, found.corrupt))
}
