//! Deletes what is older than is kept, a little at a time.

use rusqlite::{Connection, OptionalExtension};
use sextant_measure::time::{Minute, Timestamp};

use super::series::{self, Numbers};
use super::uptime;
use crate::Retention;

/// Rows deleted in one transaction, beside the rest of the last one's time. Others write between
/// two transactions.
const ROWS_AT_ONCE: u32 = 10_000;

const MINUTES_PER_DAY: u32 = 1_440;
const MINUTES_PER_HOUR: u32 = 60;

/// The first minutes and days that are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Horizon {
    minutes: Minute,
    windows: Minute,
    agents: Minute,
    attempts: Minute,
}

/// What is deleted row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Minutes,
    Windows,
    Agents,
    Attempts,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Minutes, Self::Windows, Self::Agents, Self::Attempts];

    const fn table(self) -> (&'static str, &'static str) {
        match self {
            Self::Minutes => ("step_rows", "minute"),
            Self::Windows => ("window_rows", "ending"),
            Self::Agents => ("agent_rows", "minute"),
            Self::Attempts => ("attempt_rows", "completed_at_us"),
        }
    }
}

impl Horizon {
    pub(super) fn at(now: Timestamp, retention: &Retention) -> Self {
        let before = |days: u32| now.minute().minus(days.saturating_mul(MINUTES_PER_DAY));
        Self {
            // A bucket of uptime goes whole, or it would be summed anew from part of its minutes.
            minutes: uptime::bucket_of(before(retention.minutes_days)),
            windows: before(retention.windows_days),
            agents: before(retention.agents_days),
            attempts: now
                .minute()
                .minus(retention.attempts_hours.saturating_mul(MINUTES_PER_HOUR)),
        }
    }

    /// The first time that is kept, as the kind's table counts it.
    fn of(self, kind: Kind) -> i64 {
        match kind {
            Kind::Minutes => self.minutes.index().into(),
            Kind::Windows => self.windows.index().into(),
            Kind::Agents => self.agents.index().into(),
            Kind::Attempts => self.attempts.start().as_micros(),
        }
    }
}

/// Deletes the oldest rows of a kind. Answers how many; none if no more are too old.
pub(super) fn delete_some(
    connection: &Connection,
    numbers: &mut Numbers,
    kind: Kind,
    horizon: Horizon,
) -> rusqlite::Result<u64> {
    // They are to be counted anew.
    numbers.attempts = None;
    let (table, time) = kind.table();
    let end = horizon.of(kind);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {time} FROM {table} WHERE {time} < ?1 ORDER BY {time} LIMIT 1 OFFSET ?2"
    ))?;
    let nth: Option<i64> = statement
        .query_row((end, ROWS_AT_ONCE - 1), |row| row.get(0))
        .optional()?;
    let end = nth.map_or(end, |time| time.saturating_add(1));
    let mut statement =
        connection.prepare_cached(&format!("DELETE FROM {table} WHERE {time} < ?1"))?;
    statement.execute([end]).map(|rows| rows as u64)
}

/// Deletes what only rows that are gone made use of: sums of uptime, and series.
pub(super) fn delete_rest(
    connection: &Connection,
    numbers: &mut Numbers,
    horizon: Horizon,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("DELETE FROM uptime_rows WHERE starting < ?1")?;
    statement.execute([horizon.minutes.index()])?;
    // A series that has a row of a day may have one of its last minute.
    let oldest = horizon.minutes.min(horizon.windows).min(horizon.attempts);
    let first_day = series::day(oldest);
    let mut statement = connection.prepare_cached("DELETE FROM series WHERE last_day < ?1")?;
    if statement.execute([first_day])? > 0 {
        numbers.forget();
    }
    Ok(())
}
