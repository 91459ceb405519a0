//! The topics as `log.db` knows them.

use std::time::Duration;

use rusqlite::{Connection, Row};

use super::file::integer;
use super::row;
use crate::{Cleanup, LogError, TopicSpec};

/// The most partitions that a topic may have.
const PARTITIONS_MAX: u32 = 1_024;

/// The longest name that a topic may have, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// The longest name that a consumer group may have, in bytes.
const GROUP_BYTES_MAX: usize = 200;

/// A topic's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) spec: TopicSpec,
    pub(super) place: EntryPlace,
}

/// Where a topic's row says that its records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryPlace {
    /// In the main file, from this slot on.
    FirstSlot(usize),
    /// In files by the hour, of which this one is the newest.
    NewestHour(i64),
}

/// Refuses what could not be kept.
pub(super) fn check(spec: &TopicSpec) -> Result<(), LogError> {
    let invalid = |reason| {
        Err(LogError::Invalid {
            topic: spec.name.clone(),
            reason,
        })
    };
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let name = spec.name.as_bytes();
    if !name.first().is_some_and(|first| is_plain(*first))
        || !name
            .iter()
            .all(|byte| is_plain(*byte) || b".-_".contains(byte))
        || name.len() > NAME_BYTES_MAX
    {
        return invalid("a name is at most 100 of a-z, 0-9, '.', '-', '_', the first no mark");
    }
    if !(1..=PARTITIONS_MAX).contains(&spec.partitions) {
        return invalid("a topic has from 1 to 1,024 partitions");
    }
    if cleanup_columns(spec.cleanup).1 <= 0 {
        return invalid("a retention is at least a microsecond");
    }
    Ok(())
}

/// Refuses a consumer group's name that could not be kept.
pub(super) fn check_group(group: &str, topic: &str) -> Result<(), LogError> {
    if group.is_empty() || group.len() > GROUP_BYTES_MAX {
        let reason = "a consumer group's name has from 1 to 200 bytes";
        return Err(LogError::Invalid {
            topic: topic.to_owned(),
            reason,
        });
    }
    Ok(())
}

/// Refuses a topic that exists with another setting.
pub(super) fn compare(wanted: &TopicSpec, found: &TopicSpec) -> Result<(), LogError> {
    let (wanted_cleanup, wanted_us) = cleanup_columns(wanted.cleanup);
    let (found_cleanup, found_us) = cleanup_columns(found.cleanup);
    let duration = |us: i64| format!("{:?}", Duration::from_micros(us.unsigned_abs()));
    let retention = match wanted.cleanup {
        Cleanup::Delete { .. } => "retention",
        Cleanup::Compact { .. } => "tombstone retention",
    };
    let settings = [
        (
            "partitions",
            wanted.partitions.to_string(),
            found.partitions.to_string(),
        ),
        (
            "cleanup",
            wanted_cleanup.to_owned(),
            found_cleanup.to_owned(),
        ),
        (retention, duration(wanted_us), duration(found_us)),
    ];
    for (setting, wanted_value, found_value) in settings {
        if wanted_value != found_value {
            return Err(LogError::SettingsDiffer {
                topic: wanted.name.clone(),
                setting,
                wanted: wanted_value,
                found: found_value,
            });
        }
    }
    Ok(())
}

/// A topic's retention in microseconds.
pub(super) fn retention_us(spec: &TopicSpec) -> i64 {
    cleanup_columns(spec.cleanup).1
}

pub(super) fn insert(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    let (cleanup, retention_us) = cleanup_columns(entry.spec.cleanup);
    let (first_slot, newest_hour) = match entry.place {
        EntryPlace::FirstSlot(slot) => (Some(integer(slot as u64)), None),
        EntryPlace::NewestHour(hour) => (None, Some(hour)),
    };
    connection.execute(
        "INSERT INTO topics (name, partitions, cleanup, retention_us, first_slot, newest_hour)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            &entry.spec.name,
            entry.spec.partitions,
            cleanup,
            retention_us,
            first_slot,
            newest_hour,
        ),
    )?;
    Ok(())
}

pub(super) fn set_newest_hour(
    connection: &Connection,
    topic: &str,
    hour: i64,
) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE topics SET newest_hour = ?2 WHERE name = ?1",
        (topic, hour),
    )?;
    Ok(())
}

pub(super) fn load(connection: &Connection) -> rusqlite::Result<Vec<Entry>> {
    let mut statement = connection.prepare(
        "SELECT name, partitions, cleanup, retention_us, first_slot, newest_hour FROM topics",
    )?;
    statement.query_map((), entry)?.collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let cleanup: String = row.get(2)?;
    let retention = Duration::from_micros(row.get::<_, i64>(3)?.unsigned_abs());
    let is_compacted = cleanup == cleanup_columns(COMPACTED).0;
    let (cleanup, place) = if is_compacted {
        let slot = row.get::<_, i64>(4)?;
        let slot = usize::try_from(slot)
            .unwrap_or(usize::MAX)
            .min(row::SLOTS_END);
        let cleanup = Cleanup::Compact {
            tombstone_retention: retention,
        };
        (cleanup, EntryPlace::FirstSlot(slot))
    } else {
        (
            Cleanup::Delete { retention },
            EntryPlace::NewestHour(row.get(5)?),
        )
    };
    let spec = TopicSpec {
        name: row.get(0)?,
        partitions: row.get(1)?,
        cleanup,
    };
    Ok(Entry { spec, place })
}

const COMPACTED: Cleanup = Cleanup::Compact {
    tombstone_retention: Duration::ZERO,
};

/// The policy's name and its retention in microseconds.
fn cleanup_columns(cleanup: Cleanup) -> (&'static str, i64) {
    let (name, retention) = match cleanup {
        Cleanup::Delete { retention } => ("delete", retention),
        Cleanup::Compact {
            tombstone_retention,
        } => ("compact", tombstone_retention),
    };
    (
        name,
        i64::try_from(retention.as_micros()).unwrap_or(i64::MAX),
    )
}
