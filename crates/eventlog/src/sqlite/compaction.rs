//! Compacted topics: what a later record of the same key supersedes goes in the same transaction.

use rusqlite::{Connection, OptionalExtension};

use super::file::integer;

/// The most tombstones deleted at once, so that appends don't wait for long.
const TOMBSTONES_MAX: i64 = 4_096;

/// Notes the latest record of a key and deletes the one before it.
///
/// The record is found by the id noted for its key, not by its own bytes: those may be damaged.
pub(super) fn supersede(
    connection: &Connection,
    slot: usize,
    key: &[u8],
    id: i64,
    tombstone_at_us: Option<i64>,
) -> rusqlite::Result<()> {
    let slot = integer(slot as u64);
    let superseded: Option<i64> = connection
        .prepare_cached("SELECT id FROM latest WHERE slot = ?1 AND key = ?2")?
        .query_row((slot, key), |row| row.get(0))
        .optional()?;
    if let Some(superseded) = superseded {
        delete(connection, superseded)?;
    }
    let mut note = connection.prepare_cached(
        "INSERT INTO latest (slot, key, id, tombstone_at_us) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (slot, key) DO UPDATE
         SET id = excluded.id, tombstone_at_us = excluded.tombstone_at_us",
    )?;
    note.execute((slot, key, id, tombstone_at_us))?;
    Ok(())
}

/// Deletes tombstones in a range of slots that were appended before a time; how many.
pub(super) fn drop_tombstones(
    connection: &Connection,
    first_slot: usize,
    last_slot: usize,
    before_us: i64,
) -> rusqlite::Result<u64> {
    let mut find = connection.prepare_cached(
        "SELECT slot, key, id FROM latest
         WHERE tombstone_at_us IS NOT NULL AND tombstone_at_us < ?1 AND slot BETWEEN ?2 AND ?3
         LIMIT ?4",
    )?;
    let (first, last) = (integer(first_slot as u64), integer(last_slot as u64));
    let expired: Vec<(i64, Vec<u8>, i64)> = find
        .query_map((before_us, first, last, TOMBSTONES_MAX), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    for (slot, key, id) in &expired {
        delete(connection, *id)?;
        connection
            .prepare_cached("DELETE FROM latest WHERE slot = ?1 AND key = ?2")?
            .execute((slot, key))?;
    }
    Ok(expired.len() as u64)
}

fn delete(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM records WHERE id = ?1")?
        .execute((id,))
        .map(drop)
}
