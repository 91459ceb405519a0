//! What one partition knows of an agent in one minute, as a row of `agent_rows`.

use std::sync::LazyLock;

use rusqlite::Connection;
use sextant_measure::id::AgentId;
use sextant_measure::time::Minute;

use super::reader::ReadError;
use super::seal::{Opened, Sealer};
use super::table::{Fetcher, Table};
use crate::limits::{at_most, count};
use crate::{AgentRow, MinuteRange, Revision};

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let columns = [
        "epoch",
        "revision",
        "recorded",
        "dropped",
        "acknowledged",
        "refused",
        "clock_offset_us",
        "early",
        "clashes",
    ];
    Table::new(
        "agent_rows",
        "minute",
        &["agent", "partition"],
        columns.map(str::to_owned),
    )
});

static INSERT: LazyLock<String> = LazyLock::new(|| TABLE.insert_newer(&["epoch", "revision"]));
static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM agent_rows WHERE minute >= ?1 AND minute < ?2
         ORDER BY minute, agent, partition LIMIT ?3",
        TABLE.columns()
    )
});

/// Writes a row, unless one of the same or a higher revision stands. Answers whether it did.
pub(super) fn insert(
    connection: &Connection,
    sealer: &mut Sealer,
    row: &AgentRow,
) -> rusqlite::Result<bool> {
    sealer.integer(row.minute.index().into());
    sealer.text(row.agent.as_str());
    sealer.integer(row.partition.into());
    sealer.number(row.revision.epoch);
    sealer.number(row.revision.n);
    sealer.number(row.recorded);
    let dropped = row.dropped.iter();
    let dropped: serde_json::Map<_, _> = dropped
        .map(|(reason, n)| (reason.clone(), (*n).into()))
        .collect();
    sealer.text(serde_json::Value::Object(dropped).to_string());
    sealer.number(row.acknowledged);
    sealer.number(row.refused);
    sealer.integer(row.clock_offset_us);
    sealer.number(row.early);
    sealer.number(row.clashes);
    let changed = sealer.execute(&mut *connection.prepare_cached(&INSERT)?)?;
    Ok(changed > 0)
}

/// The rows of some minutes, by minute, agent and partition.
pub(super) fn read(
    connection: &Connection,
    fetcher: &mut Fetcher,
    range: MinuteRange,
    rows_max: u64,
) -> Result<Vec<AgentRow>, ReadError> {
    let mut rows = Vec::new();
    // One more than allowed shows that there are too many, without counting them all.
    let limit = i64::try_from(rows_max.saturating_add(1)).unwrap_or(i64::MAX);
    let params = (range.from.index(), range.to.index(), limit);
    fetcher.fetch(connection, &TABLE, &SELECT, params, decode, |row| {
        rows.push(row);
    })?;
    let reached = count(rows.len()).saturating_add(fetcher.corrupt);
    at_most("minutes of agents", reached, rows_max)?;
    Ok(rows)
}

fn decode(opened: &mut Opened<'_>) -> Option<AgentRow> {
    Some(AgentRow {
        minute: Minute::from_index(opened.number()?),
        agent: AgentId::new(opened.text()?).ok()?,
        partition: opened.number()?,
        revision: Revision {
            epoch: opened.number()?,
            n: opened.number()?,
        },
        recorded: opened.number()?,
        dropped: serde_json::from_str(opened.text()?).ok()?,
        acknowledged: opened.number()?,
        refused: opened.number()?,
        clock_offset_us: opened.integer()?,
        early: opened.number()?,
        clashes: opened.number()?,
    })
}
