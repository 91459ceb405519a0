//! What a group of work does to the file: all of it, or nothing.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, params};
use sextant_measure::id::AgentId;
use sextant_measure::time::Timestamp;
use sextant_reporter::parcel::Settled;
use sextant_reporter::report::DropReason;
use sextant_wire::batch::Totals;
use sextant_wire::held::HeldBatch;
use sextant_wire::identity::Identity;

use super::fault::{self, SpoolError};
use super::file::SpoolFile;
use super::held::{Damaged, Held, ROW_BYTES, held, oldest};
use super::life::{Life, signed, unsigned};
use super::merge::merge;
use super::way::Way;
use super::{Bounds, Load, Stored};
use crate::error::AgentError;

/// Pages given back to the file system at a time.
const PAGES_FREED: u32 = 256;

/// Reasons for drops that totals tell beside the reporter's own.
const OVER_BYTES: &str = "spool_full";
const OVER_AGE: &str = "spool_expired";
pub(super) const DAMAGED: &str = "spool_damaged";

/// Every reason for which an agent gives observations up.
pub(crate) const DROPS: [&str; 6] = [
    OVER_BYTES,
    OVER_AGE,
    DAMAGED,
    DropReason::Invalid.name(),
    DropReason::TooLarge.name(),
    DropReason::Unacknowledged.name(),
];

/// How a transaction ends. Tests put a failing one in its place.
pub(super) type Commit = Box<dyn FnMut(&Connection) -> rusqlite::Result<()> + Send>;

/// The file and what is known of it.
pub(super) struct Ledger {
    file: SpoolFile,
    agent: AgentId,
    bounds: Bounds,
    held: Held,
    /// Of it, what has found an end that could not be written.
    ended: Held,
    way: Way,
    commit: Commit,
}

/// What is to be done together.
#[derive(Default)]
pub(super) struct Group<'g> {
    /// In their order.
    pub(super) batches: Vec<&'g HeldBatch>,
    pub(super) settled: &'g [Settled],
    pub(super) damaged: &'g [Damaged],
}

impl Ledger {
    pub(super) fn new(file: SpoolFile, agent: AgentId, bounds: Bounds) -> Result<Self, SpoolError> {
        let held = held(&file.connection).map_err(|error| fault::of(&error))?;
        let way = Way::in_spool_of(bounds.bytes_max);
        Ok(Self {
            file,
            agent,
            bounds,
            held,
            ended: Held::default(),
            way,
            commit: Box::new(|connection| connection.execute_batch("COMMIT")),
        })
    }

    /// Puts another end of a transaction in the place of SQLite's.
    #[cfg(test)]
    pub(super) fn commit_by(&mut self, commit: Commit) {
        self.commit = commit;
    }

    pub(super) fn held(&self) -> Held {
        let Self { held, ended, .. } = self;
        let batches = held.batches.saturating_sub(ended.batches);
        Held {
            batches,
            observations: held.observations.saturating_sub(ended.observations),
            bytes: held.bytes.saturating_sub(ended.bytes),
            oldest: held.oldest.filter(|_| batches > 0),
            ..*held
        }
    }

    /// The largest batch that is kept. Half of the spool may be on its way, so that there is always
    /// something to give up for it.
    pub(super) fn batch_bytes_max(&self) -> u64 {
        self.bounds.bytes_max / 2
    }

    pub(super) fn life(&self) -> &Life {
        &self.file.life
    }

    /// Counts what was carried without being kept. Durable with what is written next.
    pub(super) fn count(&mut self, totals: Totals) {
        self.file.life.add(totals);
    }

    /// Counts ends that can't be written.
    pub(super) fn count_settled(&mut self, settled: &[Settled]) {
        for settled in settled {
            self.file.life.settle(settled);
            let bytes = "SELECT length(body) FROM batches WHERE id = ?1";
            let connection = &self.file.connection;
            let bytes = connection.query_row(bytes, params![signed(settled.ticket)], |row| {
                row.get(0).map(unsigned)
            });
            self.ended.batches += 1;
            self.ended.observations += settled.observations;
            self.ended.bytes += bytes.map_or(0, |bytes| bytes + ROW_BYTES);
        }
    }

    /// Begins the file anew with what can be read of it.
    pub(super) fn salvage(&mut self, now: Timestamp) -> Result<(), AgentError> {
        self.file.salvage(self.held.newest, now)?;
        let held = held(&self.file.connection);
        self.held = held.map_err(|error| AgentError::Spool {
            reason: error.to_string(),
        })?;
        self.ended = Held::default();
        Ok(())
    }

    /// Whether there is something older than may be.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        let since = now.plus_micros(-micros(self.bounds.age_max));
        let oldest = self.held.oldest_waiting;
        oldest.is_some_and(|oldest| oldest < since)
    }

    /// Does all of it durably, or nothing.
    pub(super) fn write(&mut self, group: &Group<'_>, now: Timestamp) -> Result<(), SpoolError> {
        let before = (self.file.life.clone(), self.held);
        let outcome = self.attempt(group, now);
        if outcome.is_err() {
            (self.file.life, self.held) = before;
            if !self.file.connection.is_autocommit()
                && let Err(error) = self.file.connection.execute_batch("ROLLBACK")
            {
                tracing::debug!(%error, "the spool's transaction had ended already");
            }
        }
        outcome
    }

    /// Whether more may be on its way than is.
    pub(super) fn has_way(&self) -> bool {
        self.way.room() > 0
    }

    /// These batches are no longer on their way.
    pub(super) fn arrived(&mut self, settled: &[Settled]) {
        for settled in settled {
            self.way.end(settled.ticket);
        }
    }

    /// What came after the ticket, up to so many bytes and what may be on its way, as it is from now
    /// on; and what of it has been damaged.
    pub(super) fn load(
        &mut self,
        after: u64,
        bytes_max: u64,
    ) -> Result<(Load, Vec<Damaged>), SpoolError> {
        let bytes_max = bytes_max.min(self.way.room());
        if bytes_max == 0 {
            let through = after;
            return Ok((
                Load {
                    through,
                    ..Load::default()
                },
                Vec::new(),
            ));
        }
        let read = self.read(after, bytes_max);
        let (mut load, damaged) = read.map_err(|error| fault::of(&error))?;
        let batches = load.batches.iter();
        let batches = batches.map(|batch| (batch.ticket, batch.bytes as u64));
        self.way.begin(load.through, batches);
        if load.through == 0 {
            // What came after it has gone: nothing is left to look at.
            load.through = after.max(self.held.newest);
        }
        Ok((load, damaged))
    }

    /// Gives pages that nothing needs any more back to the file system.
    pub(super) fn shrink(&self) {
        let pragma = format!("PRAGMA incremental_vacuum({PAGES_FREED})");
        if let Err(error) = self.file.connection.execute_batch(&pragma) {
            tracing::debug!(%error, "the spool's file stays as large as it is");
        }
    }

    fn attempt(&mut self, group: &Group<'_>, now: Timestamp) -> Result<(), SpoolError> {
        self.change(group, now)?;
        let connection = &self.file.connection;
        let ended = oldest(connection, 0).and_then(|first| {
            self.held.oldest = first;
            self.held.oldest_waiting = oldest(connection, self.way.through())?;
            self.file.life.write(connection)?;
            (self.commit)(connection)
        });
        ended.map_err(|error| fault::of(&error))
    }

    fn change(&mut self, group: &Group<'_>, now: Timestamp) -> Result<(), SpoolError> {
        let begun = self.file.connection.execute_batch("BEGIN IMMEDIATE");
        begun.map_err(|error| fault::of(&error))?;
        for settled in group.settled {
            self.settle(settled).map_err(|error| fault::of(&error))?;
        }
        for damaged in group.damaged {
            let forgotten = self.forget(damaged.ticket);
            forgotten.map_err(|error| fault::of(&error))?;
            self.file.life.drop(DAMAGED, damaged.observations);
        }
        self.expire(now).map_err(|error| fault::of(&error))?;
        let (numbered, loose): (Vec<&HeldBatch>, Vec<&HeldBatch>) = group
            .batches
            .iter()
            .partition(|held| held.batch.identity.is_some());
        for held in numbered {
            self.insert(held.clone(), now)?;
        }
        for held in merge(&loose, self.bounds.sizes) {
            let held = self.number(held);
            self.insert(held, now)?;
        }
        Ok(())
    }

    fn number(&mut self, mut held: HeldBatch) -> HeldBatch {
        let life = &mut self.file.life;
        held.batch.sequence = life.next_sequence;
        held.batch.identity = Some(Identity {
            agent: self.agent.clone(),
            epoch: life.epoch,
            sequence: life.next_sequence,
        });
        life.next_sequence += 1;
        held
    }

    fn insert(&mut self, held: HeldBatch, now: Timestamp) -> Result<(), SpoolError> {
        let observations = held.batch.columns.len() as u64;
        let body = held.encode();
        let bytes = body.len() as u64 + ROW_BYTES;
        self.make_room(bytes)?;
        let connection = &self.file.connection;
        let inserted = connection
            .prepare_cached(
                "INSERT INTO batches (kept_at_us, observations, checksum, body) \
                 VALUES (?1, ?2, ?3, ?4)",
            )
            .and_then(|mut insert| {
                insert.insert(params![
                    now.as_micros(),
                    signed(observations),
                    crc32fast::hash(&body),
                    &body[..],
                ])
            });
        let ticket = inserted.map_err(|error| fault::of(&error))?;
        self.file.life.totals.recorded += observations;
        self.held.newest = unsigned(ticket);
        self.held.batches += 1;
        self.held.observations += observations;
        self.held.bytes += bytes;
        Ok(())
    }

    /// The oldest go that are not on their way.
    fn make_room(&mut self, bytes: u64) -> Result<(), SpoolError> {
        while self.held.bytes + bytes > self.bounds.bytes_max {
            let oldest = "DELETE FROM batches WHERE id = (SELECT min(id) FROM batches WHERE id > ?1) \
                          RETURNING observations, length(body)";
            let gone = self.remove(oldest, params![signed(self.way.through())]);
            match gone.map_err(|error| fault::of(&error))? {
                0 => {
                    let max = self.bounds.bytes_max;
                    let reason = format!("{bytes} bytes more would make it larger than {max}");
                    return Err(SpoolError::Full(reason));
                }
                observations => self.file.life.drop(OVER_BYTES, observations),
            }
        }
        Ok(())
    }

    fn expire(&mut self, now: Timestamp) -> rusqlite::Result<()> {
        if !self.has_expired(now) {
            return Ok(());
        }
        let since = now.plus_micros(-micros(self.bounds.age_max)).as_micros();
        // In their order, up to the first that is young enough: none of the others is looked at.
        let old = "DELETE FROM batches WHERE id > ?1 AND id < coalesce((SELECT id FROM batches \
                   WHERE id > ?1 AND kept_at_us >= ?2 ORDER BY id LIMIT 1), 9223372036854775807) \
                   RETURNING observations, length(body)";
        let observations = self.remove(old, params![signed(self.way.through()), since])?;
        self.file.life.drop(OVER_AGE, observations);
        Ok(())
    }

    fn settle(&mut self, settled: &Settled) -> rusqlite::Result<()> {
        self.forget(settled.ticket)?;
        self.file.life.settle(settled);
        Ok(())
    }

    fn forget(&mut self, ticket: u64) -> rusqlite::Result<()> {
        let one = "DELETE FROM batches WHERE id = ?1 RETURNING observations, length(body)";
        self.remove(one, params![signed(ticket)]).map(drop)
    }

    /// Deletes rows; how many observations they held.
    fn remove(&mut self, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<u64> {
        let mut statement = self.file.connection.prepare_cached(sql)?;
        let gone = statement.query_map(params, |row| {
            Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)))
        })?;
        let mut sum = 0;
        for row in gone {
            let (observations, bytes) = row?;
            sum += observations;
            self.held.batches = self.held.batches.saturating_sub(1);
            self.held.observations = self.held.observations.saturating_sub(observations);
            self.held.bytes = self.held.bytes.saturating_sub(bytes + ROW_BYTES);
        }
        Ok(sum)
    }

    fn read(&self, after: u64, bytes_max: u64) -> rusqlite::Result<(Load, Vec<Damaged>)> {
        let mut statement = self.file.connection.prepare_cached(
            "SELECT id, observations, checksum, body FROM batches WHERE id > ?1 ORDER BY id",
        )?;
        let (mut load, mut damaged, mut bytes) = (Load::default(), Vec::new(), 0);
        let mut rows = statement.query(params![signed(after)])?;
        while let Some(row) = rows.next()? {
            let ticket = unsigned(row.get(0)?);
            let (observations, checksum): (i64, u32) = (row.get(1)?, row.get(2)?);
            let body = Bytes::from(row.get::<_, Vec<u8>>(3)?);
            bytes += body.len() as u64;
            if bytes > bytes_max && load.through > 0 {
                break;
            }
            load.through = ticket;
            let is_whole = crc32fast::hash(&body) == checksum;
            match Stored::read(ticket, &body).filter(|_| is_whole) {
                Some(stored) => load.batches.push(stored),
                None => damaged.push(Damaged {
                    ticket,
                    observations: unsigned(observations),
                }),
            }
        }
        Ok((load, damaged))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
