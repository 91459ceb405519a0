//! What an agent is upstream: its epoch, its next number, its totals.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use sextant_reporter::parcel::{Fate, Settled};
use sextant_wire::batch::{DROP_REASONS_MAX, Totals};

/// What an agent is upstream. As long as the file lives, so does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Life {
    /// 64 random bits.
    pub(super) epoch: u64,
    /// The number that the agent's next batch gets.
    pub(super) next_sequence: u64,
    /// What it has done.
    pub(super) totals: Totals,
}

pub(super) const SCHEMA: &str = "
    CREATE TABLE life (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        epoch INTEGER NOT NULL,
        next_sequence INTEGER NOT NULL,
        recorded INTEGER NOT NULL,
        acknowledged INTEGER NOT NULL,
        refused INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE dropped (
        reason TEXT PRIMARY KEY,
        observations INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

impl Life {
    /// A new one.
    pub(super) fn begin() -> Self {
        Self {
            epoch: rand::random(),
            next_sequence: 1,
            totals: Totals::default(),
        }
    }

    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut dropped = BTreeMap::new();
        let mut statement = connection.prepare("SELECT reason, observations FROM dropped")?;
        let rows = statement.query_map((), |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?;
        for row in rows.take(DROP_REASONS_MAX) {
            let (reason, observations): (String, u64) = row?;
            dropped.insert(reason, observations);
        }
        connection.query_row(
            "SELECT epoch, next_sequence, recorded, acknowledged, refused FROM life",
            (),
            |row| {
                Ok(Self {
                    epoch: unsigned(row.get(0)?),
                    next_sequence: unsigned(row.get(1)?),
                    totals: Totals {
                        recorded: unsigned(row.get(2)?),
                        acknowledged: unsigned(row.get(3)?),
                        refused: unsigned(row.get(4)?),
                        dropped,
                    },
                })
            },
        )
    }

    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let totals = &self.totals;
        let mut life =
            connection.prepare_cached("REPLACE INTO life VALUES (1, ?1, ?2, ?3, ?4, ?5)")?;
        life.execute(params![
            signed(self.epoch),
            signed(self.next_sequence),
            signed(totals.recorded),
            signed(totals.acknowledged),
            signed(totals.refused),
        ])?;
        let mut dropped = connection.prepare_cached("REPLACE INTO dropped VALUES (?1, ?2)")?;
        for (reason, observations) in &totals.dropped {
            dropped.execute(params![reason, signed(*observations)])?;
        }
        Ok(())
    }

    /// Counts observations that are given up.
    pub(super) fn drop(&mut self, reason: &str, observations: u64) {
        if observations > 0 {
            *self.totals.dropped.entry(reason.to_owned()).or_default() += observations;
        }
    }

    /// Counts the end of a batch.
    pub(super) fn settle(&mut self, settled: &Settled) {
        match settled.fate {
            Fate::Acknowledged { accepted } => {
                self.totals.acknowledged += accepted;
                self.totals.refused += settled.observations.saturating_sub(accepted);
            }
            Fate::Dropped(reason) => self.drop(reason.name(), settled.observations),
        }
    }

    /// Counts what was carried beside the file.
    pub(super) fn add(&mut self, more: Totals) {
        self.totals.recorded += more.recorded;
        self.totals.acknowledged += more.acknowledged;
        self.totals.refused += more.refused;
        for (reason, observations) in more.dropped {
            self.drop(&reason, observations);
        }
    }
}

/// SQLite's integers have a sign; the bits are what counts.
pub(super) const fn signed(value: u64) -> i64 {
    value.cast_signed()
}

/// See [`signed`].
pub(super) const fn unsigned(value: i64) -> u64 {
    value.cast_unsigned()
}
