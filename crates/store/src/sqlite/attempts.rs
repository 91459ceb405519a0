//! One attempt, as a row of `attempt_rows`; of too many, the oldest give way.

use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension as _};
use sextant_measure::id::{AgentId, Operation, RequestId};
use sextant_measure::observation::{Measurement, Tier};
use sextant_measure::outcome::Outcome;
use sextant_measure::time::Timestamp;

use super::reader::ReadError;
use super::seal::{Opened, Sealer};
use super::series::{self, Found, Regions};
use super::table::{Fetcher, Table};
use crate::limits::{Limits, at_most};
use crate::{AttemptKey, AttemptQuery, AttemptRow};

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let subject = [
        "series",
        "agent",
        "epoch",
        "sequence",
        "partition",
        "content_hash",
        "part_index",
    ];
    let columns = [
        "outcome",
        "source",
        "status_code",
        "ttft_us",
        "duration_us",
        "input_tokens",
        "output_tokens",
        "streamed",
        "attempt",
        "is_final",
        "request_id",
        "tier",
        "operation",
        "received_at_us",
        "appended_at_us",
        "weight",
    ];
    let columns = columns.map(str::to_owned);
    Table::new("attempt_rows", "completed_at_us", &subject, columns)
});

static INSERT: LazyLock<String> = LazyLock::new(|| TABLE.insert_first());
/// The series stand in the order of their regions, so their places in the list sort by region.
static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM json_each(?1) AS wanted CROSS JOIN attempt_rows
         WHERE series = wanted.value AND completed_at_us >= ?2 AND completed_at_us < ?3
             AND (?4 = 0 OR outcome <> 'ok')
         ORDER BY completed_at_us DESC, wanted.key, agent, epoch, sequence, partition,
             content_hash, part_index
         LIMIT ?5",
        TABLE.columns()
    )
});

/// Writes a row, unless one stands. Answers whether it did.
pub(super) fn insert(
    connection: &Connection,
    sealer: &mut Sealer,
    series: i64,
    row: &AttemptRow,
) -> rusqlite::Result<bool> {
    let (key, m) = (&row.key, &row.measurement);
    sealer.integer(m.completed_at.as_micros());
    sealer.integer(series);
    sealer.text(key.agent.as_str());
    sealer.word(key.epoch);
    sealer.word(key.sequence);
    sealer.integer(key.partition.into());
    sealer.word(key.content_hash);
    sealer.integer(key.index.into());
    sealer.text(m.outcome.name());
    sealer.text(m.source.name());
    sealer.optional(m.status_code.map(u64::from));
    sealer.optional(m.ttft_us);
    sealer.optional(m.duration_us);
    sealer.optional(m.input_tokens.map(u64::from));
    sealer.optional(m.output_tokens.map(u64::from));
    sealer.integer(m.streamed.into());
    sealer.integer(m.attempt.into());
    sealer.integer(m.is_final.into());
    sealer.optional_text(row.request_id.as_ref().map(RequestId::as_str));
    sealer.optional_text(row.tier.map(Tier::name));
    sealer.optional_text(row.operation.as_ref().map(Operation::as_str));
    sealer.integer(row.received_at.as_micros());
    sealer.integer(row.appended_at.as_micros());
    sealer.integer(row.weight.get().into());
    let changed = sealer.execute(&mut *connection.prepare_cached(&INSERT)?)?;
    Ok(changed > 0)
}

/// How many rows there are.
pub(super) fn held(connection: &Connection) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM attempt_rows")?;
    let held: i64 = statement.query_row((), |row| row.get(0))?;
    Ok(held.unsigned_abs())
}

/// Deletes so many of the oldest, and those that completed at the moment of the last of them.
/// Answers how many.
pub(super) fn delete_oldest(connection: &Connection, rows: u64) -> rusqlite::Result<u64> {
    let Some(before) = rows.checked_sub(1) else {
        return Ok(0);
    };
    let mut statement = connection.prepare_cached(
        "SELECT completed_at_us FROM attempt_rows ORDER BY completed_at_us LIMIT 1 OFFSET ?1",
    )?;
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let last: Option<i64> = statement.query_row([before], |row| row.get(0)).optional()?;
    let mut statement =
        connection.prepare_cached("DELETE FROM attempt_rows WHERE completed_at_us <= ?1")?;
    // NULL, if there are not as many, is less than nothing: then none is deleted.
    statement.execute([last]).map(|deleted| deleted as u64)
}

/// The newest attempts at an endpoint.
pub(super) fn read(
    connection: &Connection,
    fetcher: &mut Fetcher,
    query: &AttemptQuery,
    limits: &Limits,
) -> Result<Vec<AttemptRow>, ReadError> {
    at_most("attempts", query.newest_max.into(), limits.rows_max)?;
    let endpoint = &query.endpoint;
    let served = (endpoint.provider.clone(), endpoint.quantization);
    let regions = query.region.as_ref().map_or(Regions::Each, Regions::One);
    let corrupt = &mut fetcher.corrupt;
    let mut wanted =
        series::of_model(connection, &endpoint.model, Some(&served), regions, corrupt)?;
    wanted.sort_by(|a, b| a.region.cmp(&b.region));
    let mut rows = Vec::new();
    if wanted.is_empty() || query.range.is_empty() {
        return Ok(rows);
    }
    let params = (
        series::list(&wanted),
        query.range.from.start().as_micros(),
        query.range.to.start().as_micros(),
        query.failures_only,
        query.newest_max,
    );
    let decode = |opened: &mut Opened<'_>| decode(opened, &wanted);
    fetcher.fetch(connection, &TABLE, &SELECT, params, decode, |row| {
        rows.push(row);
    })?;
    Ok(rows)
}

fn decode(opened: &mut Opened<'_>, wanted: &[Found]) -> Option<AttemptRow> {
    let completed_at = Timestamp::from_micros(opened.integer()?);
    let number = opened.integer()?;
    let series = wanted.iter().find(|found| found.id == number)?.series()?;
    let key = AttemptKey {
        agent: AgentId::new(opened.text()?).ok()?,
        epoch: opened.word()?,
        sequence: opened.word()?,
        partition: opened.number()?,
        content_hash: opened.word()?,
        index: opened.number()?,
    };
    let outcome: Outcome = opened.text()?.parse().ok()?;
    let measurement = Measurement {
        completed_at,
        outcome,
        source: opened.text()?.parse().ok()?,
        status_code: narrow(opened.optional()?)?,
        ttft_us: opened.optional()?,
        duration_us: opened.optional()?,
        input_tokens: narrow(opened.optional()?)?,
        output_tokens: narrow(opened.optional()?)?,
        streamed: flag(opened)?,
        attempt: opened.number()?,
        is_final: flag(opened)?,
    };
    Some(AttemptRow {
        key,
        series,
        measurement,
        request_id: parsed(opened.optional_text()?)?,
        tier: parsed(opened.optional_text()?)?,
        operation: parsed(opened.optional_text()?)?,
        received_at: Timestamp::from_micros(opened.integer()?),
        appended_at: Timestamp::from_micros(opened.integer()?),
        weight: u32::try_from(opened.integer()?).ok()?.try_into().ok()?,
    })
}

fn flag(opened: &mut Opened<'_>) -> Option<bool> {
    match opened.integer()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// A number that may be absent, in fewer bits.
#[expect(
    clippy::option_option,
    reason = "the outer one says whether the column is sound"
)]
fn narrow<T: TryFrom<u64>>(number: Option<u64>) -> Option<Option<T>> {
    number.map(T::try_from).transpose().ok()
}

/// What a text that may be absent says.
#[expect(
    clippy::option_option,
    reason = "the outer one says whether the column is sound"
)]
fn parsed<T: std::str::FromStr>(text: Option<&str>) -> Option<Option<T>> {
    text.map(T::from_str).transpose().ok()
}
