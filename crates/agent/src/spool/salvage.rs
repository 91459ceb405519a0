//! What can be read of a damaged file, brought into a new one.

use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::ledger::DAMAGED;
use super::life::{Life, signed, unsigned};

/// How often a reader that met a damaged page looks further on.
const LEAPS_MAX: u32 = 64;

/// What was brought over.
#[derive(Debug)]
pub(super) struct Rescued {
    pub(super) life: Life,
    pub(super) batches: u64,
    /// Observations that were not.
    pub(super) lost: u64,
}

/// A row as it stands; its checksum tells later whether its body is whole.
struct Row {
    id: i64,
    values: [Value; 4],
}

/// Brings over what can be read, under the same tickets, epoch and numbers. What is missing is
/// counted: what was recorded and found no end is what the file held.
pub(super) fn rescue(
    old: &Connection,
    new: &mut Connection,
    newest: u64,
) -> rusqlite::Result<Rescued> {
    let known = Life::read(old);
    let into = new.transaction()?;
    let (mut batches, mut observations, mut last) = (0, 0, 0);
    let mut keep = |row: Row| -> rusqlite::Result<()> {
        let [kept_at, count, checksum, body] = &row.values;
        let mut insert = into.prepare_cached("INSERT INTO batches VALUES (?1, ?2, ?3, ?4, ?5)")?;
        insert.execute(params![row.id, kept_at, count, checksum, body])?;
        if let Value::Integer(count) = count {
            observations += unsigned(*count);
        }
        batches += 1;
        last = last.max(row.id);
        Ok(())
    };
    forward(old, &mut keep)?;
    let given = given(old).max(newest).max(unsigned(last));
    // A ticket is never given twice.
    into.execute(
        "REPLACE INTO sqlite_sequence (rowid, name, seq) VALUES \
         ((SELECT rowid FROM sqlite_sequence WHERE name = 'batches'), 'batches', ?1)",
        params![signed(given)],
    )?;
    let mut life = if let Ok(life) = known {
        life
    } else {
        // A new one, which begins with what could be read.
        let mut life = Life::read(&into)?;
        life.totals.recorded = observations;
        life
    };
    let totals = &life.totals;
    let dropped: u64 = totals.dropped.values().sum();
    let ended = totals.acknowledged + totals.refused + dropped;
    let held = totals.recorded.saturating_sub(ended);
    let lost = held.saturating_sub(observations);
    life.drop(DAMAGED, lost);
    life.write(&into)?;
    into.commit()?;
    Ok(Rescued {
        life,
        batches,
        lost,
    })
}

/// Reads in order. Behind a page that can't be read it looks ahead, twice as far each time, and
/// from where it lands back to the page.
fn forward(
    old: &Connection,
    keep: &mut impl FnMut(Row) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let upward = "SELECT * FROM batches WHERE id > ?1 ORDER BY id";
    let downward = "SELECT * FROM batches WHERE id > ?1 AND id <= ?2 ORDER BY id DESC";
    let (mut from, mut leap, mut leaps) = (0_i64, 1_i64, 0);
    loop {
        let start = from;
        let mut landed = None;
        let ahead = from.saturating_add(leap - 1);
        let whole = each(old, upward, params![ahead], |row| {
            landed.get_or_insert(row.id);
            from = row.id;
            keep(row)
        })?;
        if let Some(landed) = landed.filter(|_| leap > 1) {
            // What lies between is read from behind.
            each(old, downward, params![start, landed - 1], &mut *keep)?;
        }
        if whole || leaps == LEAPS_MAX {
            return Ok(());
        }
        leap = if landed.is_some() {
            2
        } else {
            leap.saturating_mul(2)
        };
        leaps += 1;
    }
}

/// Whether all rows could be read.
///
/// # Errors
/// Only those of what is done with a row.
fn each(
    old: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    mut done: impl FnMut(Row) -> rusqlite::Result<()>,
) -> rusqlite::Result<bool> {
    let Ok(mut statement) = old.prepare(sql) else {
        return Ok(false);
    };
    let Ok(mut rows) = statement.query(params) else {
        return Ok(false);
    };
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(true),
            Err(_) => return Ok(false),
        };
        let value = |index: usize| row.get::<_, Value>(index);
        let read = row.get(0).and_then(|id| {
            let values = [value(1)?, value(2)?, value(3)?, value(4)?];
            Ok(Row { id, values })
        });
        match read {
            Ok(row) => done(row)?,
            Err(_) => return Ok(false),
        }
    }
}

/// The highest ticket that was given, as far as that can be read.
fn given(old: &Connection) -> u64 {
    let sequence = "SELECT seq FROM sqlite_sequence WHERE name = 'batches'";
    let given = old.query_row(sequence, (), |row| row.get(0));
    given.map_or(0, unsigned)
}
