//! An incident, as a row of `incident_rows`.

use std::sync::LazyLock;

use rusqlite::Connection;
use sextant_incident::{AlertKey, Incident, Kind, Quantity, Severity, Unit};
use sextant_measure::id::ModelId;
use sextant_measure::time::Timestamp;

use super::reader::ReadError;
use super::seal::{Opened, Sealer};
use super::table::{Fetcher, Table};
use crate::IncidentQuery;
use crate::incident::{About, revision};
use crate::limits::{Limits, at_most};

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let columns = [
        "revision",
        "kind",
        "severity",
        "closed_at_us",
        "worst_millionths",
        "worst_unit",
        "reason",
        "closed_because",
        "model",
        "provider",
        "quantization",
        "agent",
    ];
    let columns = columns.map(str::to_owned);
    Table::new(
        "incident_rows",
        "opened_at_us",
        &["rule", "subject"],
        columns,
    )
});

static INSERT: LazyLock<String> = LazyLock::new(|| TABLE.insert_newer(&["revision"]));
static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM incident_rows
         WHERE opened_at_us < ?2 AND (closed_at_us IS NULL OR closed_at_us >= ?1)
             AND (?3 IS NULL OR model = ?3 OR model = '')
         ORDER BY opened_at_us DESC, rule, subject LIMIT ?4",
        TABLE.columns()
    )
});

/// Writes a row, unless one of the same or a higher revision stands. Answers whether it did.
pub(super) fn insert(
    connection: &Connection,
    sealer: &mut Sealer,
    row: &Incident,
) -> rusqlite::Result<bool> {
    sealer.integer(row.opened_at.as_micros());
    sealer.text(row.alert.rule.as_str());
    sealer.text(row.alert.subject.to_string());
    sealer.integer(revision(row).into());
    sealer.text(row.kind.name());
    sealer.text(row.severity.name());
    sealer.optional(row.closed_at.map(|at| at.as_micros().unsigned_abs()));
    sealer.optional(row.worst.map(|worst| worst.millionths));
    sealer.optional_text(row.worst.map(|worst| worst.unit.name()));
    sealer.text(row.reason.as_str());
    sealer.text(row.closed_because.as_str());
    let about = About::of(row);
    sealer.text(about.model);
    sealer.text(about.provider);
    sealer.text(about.quantization);
    sealer.text(about.agent);
    let changed = sealer.execute(&mut *connection.prepare_cached(&INSERT)?)?;
    Ok(changed > 0)
}

/// Those that were open in some minutes, the latest first.
pub(super) fn read(
    connection: &Connection,
    fetcher: &mut Fetcher,
    query: &IncidentQuery,
    limits: &Limits,
) -> Result<Vec<Incident>, ReadError> {
    at_most("incidents", query.newest_max.into(), limits.rows_max)?;
    let mut rows = Vec::new();
    if query.range.is_empty() {
        return Ok(rows);
    }
    let params = (
        query.range.from.start().as_micros(),
        query.range.to.start().as_micros(),
        query.model.as_ref().map(ModelId::as_str),
        query.newest_max,
    );
    fetcher.fetch(connection, &TABLE, &SELECT, params, decode, |row| {
        rows.push(row);
    })?;
    Ok(rows)
}

fn decode(opened: &mut Opened<'_>) -> Option<Incident> {
    let opened_at = Timestamp::from_micros(opened.integer()?);
    let alert = AlertKey {
        rule: opened.text()?.parse().ok()?,
        subject: opened.text()?.parse().ok()?,
    };
    let written = opened.integer()?;
    let kind = Kind::parse(opened.text()?)?;
    let severity = Severity::parse(opened.text()?)?;
    let closed_at = opened.optional()?;
    let closed_at = closed_at.map(|us| Timestamp::from_micros(us.cast_signed()));
    let worst = match (opened.optional()?, opened.optional_text()?) {
        (None, None) => None,
        (Some(millionths), Some(unit)) => Some(Quantity {
            millionths,
            unit: Unit::parse(unit)?,
        }),
        _ => return None,
    };
    let row = Incident {
        alert,
        kind,
        severity,
        opened_at,
        closed_at,
        worst,
        reason: opened.text()?.to_owned(),
        closed_because: opened.text()?.to_owned(),
    };
    (i64::from(revision(&row)) == written).then_some(row)
}
