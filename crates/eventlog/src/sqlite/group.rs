//! Group commit: what waits for the same file shares one transaction and so one fsync.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::oneshot;

use super::disk::Disk;
use super::file::{LogFile, Slot, integer, store_slot};
use super::queue::Permit;
use super::topic::Topic;
use super::{compaction, row};
use crate::{Appended, LogError, Offset, Position, Record};

/// How a caller is answered.
pub(super) type Answer<T> = oneshot::Sender<Result<T, LogError>>;

/// What a caller wants to be made durable.
pub(super) struct Call {
    pub(super) topic: Arc<Topic>,
    pub(super) partition: u32,
    pub(super) work: Work,
    /// What it counts for in queue and group.
    pub(super) bytes: usize,
    /// Its place in the queue, until it is answered.
    pub(super) _permit: Permit,
}

/// What is to be made durable.
pub(super) enum Work {
    /// Records, at least one.
    Append {
        records: Vec<Record>,
        answer: Answer<Appended>,
    },
    /// The position of a consumer group.
    Commit {
        group: String,
        position: Position,
        answer: Answer<()>,
    },
}

impl Call {
    /// Answers that nothing of it was done.
    pub(super) fn refuse(self, error: LogError) {
        // Whoever asked may be gone, and then needs no answer.
        match self.work {
            Work::Append { answer, .. } => drop(answer.send(Err(error))),
            Work::Commit { answer, .. } => drop(answer.send(Err(error))),
        }
    }

    /// Answers that it is durable.
    pub(super) fn confirm(self, appended: Option<Appended>) {
        match (self.work, appended) {
            (Work::Append { answer, .. }, Some(appended)) => drop(answer.send(Ok(appended))),
            (Work::Commit { answer, .. }, _) => drop(answer.send(Ok(()))),
            // An append that was written has its offsets; without them it gets no answer.
            (Work::Append { .. }, None) => {}
        }
    }
}

/// Makes the calls durable in one transaction, or none of them. The offsets of each append come
/// back in the order of the calls.
pub(super) fn write(
    file: &mut LogFile,
    disk: &mut dyn Disk,
    calls: &[Call],
    now_us: i64,
) -> Result<Vec<Option<Appended>>, LogError> {
    let mut staged = Staged {
        slots: &file.slots,
        changed: BTreeMap::new(),
        appended_at_us: now_us.max(file.last_time_us()),
    };
    let answers = file.transact(disk, |connection| {
        let answers = calls.iter().map(|call| staged.take(connection, call));
        let answers = answers.collect::<rusqlite::Result<Vec<_>>>()?;
        for (index, slot) in &staged.changed {
            store_slot(connection, *index, slot)?;
        }
        Ok(answers)
    })?;
    for (index, slot) in staged.changed {
        if let Some(held) = file.slots.get_mut(index) {
            *held = slot;
        }
    }
    Ok(answers)
}

/// What a transaction does to the slots, in force once it is durable.
struct Staged<'a> {
    slots: &'a [Slot],
    changed: BTreeMap<usize, Slot>,
    appended_at_us: i64,
}

impl Staged<'_> {
    fn take(&mut self, connection: &Connection, call: &Call) -> rusqlite::Result<Option<Appended>> {
        match &call.work {
            Work::Append { records, .. } => {
                let index = call.topic.slot(call.partition);
                self.append(connection, index, records, call.topic.is_compacted())
                    .map(Some)
            }
            Work::Commit {
                group, position, ..
            } => {
                store_position(connection, group, call, *position)?;
                Ok(None)
            }
        }
    }

    fn append(
        &mut self,
        connection: &Connection,
        index: usize,
        records: &[Record],
        is_compacted: bool,
    ) -> rusqlite::Result<Appended> {
        let held = self.changed.get(&index).or_else(|| self.slots.get(index));
        let mut slot = *held.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let first = slot.next;
        let end = first.saturating_add(records.len() as u64);
        if end > row::OFFSETS_END {
            return Err(rusqlite::Error::IntegralValueOutOfRange(0, integer(end)));
        }
        let mut statement = connection.prepare_cached(row::INSERT)?;
        for (offset, record) in (first..end).zip(records) {
            let id = row::id(index, offset);
            if let (true, Some(key)) = (is_compacted, &record.key) {
                let tombstone_at_us = record.value.is_none().then_some(self.appended_at_us);
                compaction::supersede(connection, index, key, id, tombstone_at_us)?;
            }
            row::insert(&mut statement, id, self.appended_at_us, record)?;
        }
        slot.next = end;
        slot.last_time_us = self.appended_at_us;
        self.changed.insert(index, slot);
        Ok(Appended {
            first: Offset(first),
            last: Offset(end.saturating_sub(1)),
            appended_at_us: self.appended_at_us,
        })
    }
}

/// The position of a consumer group, as it was committed last.
pub(super) fn position(
    connection: &Connection,
    group: &str,
    topic: &str,
    partition: u32,
) -> rusqlite::Result<Option<Position>> {
    let mut statement = connection.prepare_cached(
        "SELECT next_offset, time_us FROM positions
         WHERE consumer_group = ?1 AND topic = ?2 AND partition = ?3",
    )?;
    let position = statement.query_row((group, topic, partition), |row| {
        let offset = Offset(row.get::<_, i64>(0)?.cast_unsigned());
        Ok(Position {
            offset,
            time_us: row.get(1)?,
        })
    });
    position.optional()
}

fn store_position(
    connection: &Connection,
    group: &str,
    call: &Call,
    position: Position,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO positions (consumer_group, topic, partition, next_offset, time_us)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (consumer_group, topic, partition) DO UPDATE
         SET next_offset = excluded.next_offset, time_us = excluded.time_us",
    )?;
    let offset = integer(position.offset.0);
    statement.execute((
        group,
        &call.topic.spec.name,
        call.partition,
        offset,
        position.time_us,
    ))?;
    Ok(())
}
