//! What the file holds.

use rusqlite::{Connection, OptionalExtension as _, params};
use sextant_measure::time::Timestamp;

use super::life::{signed, unsigned};

/// What a batch costs beside its bytes.
pub(super) const ROW_BYTES: u64 = 64;

/// What is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) batches: u64,
    pub(super) observations: u64,
    pub(super) bytes: u64,
    pub(super) oldest: Option<Timestamp>,
    /// The oldest that is not on its way.
    pub(super) oldest_waiting: Option<Timestamp>,
    pub(super) newest: u64,
}

/// A batch whose bytes are not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged {
    pub(super) ticket: u64,
    pub(super) observations: u64,
}

/// When the oldest batch after the ticket came.
pub(super) fn oldest(connection: &Connection, after: u64) -> rusqlite::Result<Option<Timestamp>> {
    let first = "SELECT kept_at_us FROM batches WHERE id > ?1 ORDER BY id LIMIT 1";
    let mut statement = connection.prepare_cached(first)?;
    let first = statement.query_row(params![signed(after)], |row| row.get(0));
    Ok(first.optional()?.map(Timestamp::from_micros))
}

pub(super) fn held(connection: &Connection) -> rusqlite::Result<Held> {
    connection.query_row(
        "SELECT count(*), coalesce(sum(observations), 0), coalesce(sum(length(body)), 0), \
         min(kept_at_us), coalesce(max(id), 0) FROM batches",
        (),
        |row| {
            let batches = unsigned(row.get(0)?);
            let oldest = row.get::<_, Option<i64>>(3)?.map(Timestamp::from_micros);
            Ok(Held {
                batches,
                observations: unsigned(row.get(1)?),
                bytes: unsigned(row.get(2)?) + batches * ROW_BYTES,
                oldest,
                oldest_waiting: oldest,
                newest: unsigned(row.get(4)?),
            })
        },
    )
}
