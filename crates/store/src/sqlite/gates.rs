//! What was ruled on a gate, as a row of `gate_rows`.

use std::sync::LazyLock;

use rusqlite::Connection;
use sextant_measure::id::{ModelId, Operation};
use sextant_measure::time::Timestamp;
use sextant_snapshot::gates::{GateKey, Ruling};

use super::reader::ReadError;
use super::seal::{Opened, Sealer};
use super::table::{Fetcher, Table};
use crate::limits::{at_most, count};
use crate::row::{verdict, verdict_name};
use crate::{MinuteRange, RulingRow};

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let columns = ["model", "quantization", "operation", "verdict", "author"];
    Table::new(
        "gate_rows",
        "since_us",
        &["log_id", "log_offset"],
        columns.map(str::to_owned),
    )
});

static INSERT: LazyLock<String> = LazyLock::new(|| TABLE.insert_first());
static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM gate_rows WHERE model = ?1 AND since_us >= ?2 AND since_us < ?3
         ORDER BY since_us, log_id, log_offset LIMIT ?4",
        TABLE.columns()
    )
});

/// Writes a row, unless it stands. Answers whether it did.
pub(super) fn insert(
    connection: &Connection,
    sealer: &mut Sealer,
    row: &RulingRow,
) -> rusqlite::Result<bool> {
    sealer.integer(row.ruling.since().as_micros());
    // SQLite's integers end at 2^63.
    sealer.text(format!("{:016x}", row.log_id));
    sealer.number(row.offset);
    sealer.text(row.ruling.key().model.as_str());
    sealer.text(row.ruling.key().quantization.name());
    sealer.text(row.ruling.key().operation.as_str());
    sealer.text(verdict_name(row.ruling.verdict()));
    sealer.text(row.ruling.author());
    let changed = sealer.execute(&mut *connection.prepare_cached(&INSERT)?)?;
    Ok(changed > 0)
}

/// What was ruled on a model's gates in some minutes, by time.
pub(super) fn read(
    connection: &Connection,
    fetcher: &mut Fetcher,
    model: &ModelId,
    range: MinuteRange,
    rows_max: u64,
) -> Result<Vec<RulingRow>, ReadError> {
    let mut rows = Vec::new();
    // One more than allowed shows that there are too many, without counting them all.
    let limit = i64::try_from(rows_max.saturating_add(1)).unwrap_or(i64::MAX);
    let (from, to) = (range.from.start(), range.to.start());
    let params = (model.as_str(), from.as_micros(), to.as_micros(), limit);
    fetcher.fetch(connection, &TABLE, &SELECT, params, decode, |row| {
        rows.push(row);
    })?;
    let reached = count(rows.len()).saturating_add(fetcher.corrupt);
    at_most("rulings on gates", reached, rows_max)?;
    Ok(rows)
}

fn decode(opened: &mut Opened<'_>) -> Option<RulingRow> {
    let since = Timestamp::from_micros(opened.integer()?);
    let log_id = u64::from_str_radix(opened.text()?, 16).ok()?;
    let offset = opened.number()?;
    let key = GateKey {
        model: ModelId::new(opened.text()?).ok()?,
        quantization: opened.text()?.parse().ok()?,
        operation: Operation::new(opened.text()?).ok()?,
    };
    let verdict = verdict(opened.text()?)?;
    let author = opened.text()?.to_owned();
    Some(RulingRow {
        ruling: Ruling::new(key, verdict, author, since).ok()?,
        log_id,
        offset,
    })
}
