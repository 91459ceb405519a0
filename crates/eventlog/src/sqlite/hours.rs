//! The files of a topic that deletes by age: one for each hour of append time.
//!
//! A file is dropped whole, once all that it may hold is older than the retention. The newest one
//! always stays, since it holds the next offsets.

use std::fs;
use std::path::{Path, PathBuf};

use super::file::{self, Kind, LogFile, Slot};
use super::topic::Hour;
use super::{checkpoint, fault};
use crate::LogError;

const HOUR_US: i64 = 3_600_000_000;

/// Which hour since 1970 a time is in.
pub(super) fn number(time_us: i64) -> i64 {
    time_us.div_euclid(HOUR_US)
}

/// When an hour begins.
pub(super) fn start_us(number: i64) -> i64 {
    number.saturating_mul(HOUR_US)
}

/// Whether every moment of an hour is at least as old as the retention.
pub(super) fn is_expired(number: i64, now_us: i64, retention_us: i64) -> bool {
    start_us(number).saturating_add(HOUR_US) <= now_us.saturating_sub(retention_us)
}

/// The file that takes a topic's records now.
pub(super) struct ActiveHour {
    pub(super) number: i64,
    pub(super) file: LogFile,
}

impl ActiveHour {
    /// Makes an hour's file, whose partitions go on where the slots are, and opens it.
    pub(super) fn create(directory: &Path, number: i64, slots: &[Slot]) -> Result<Self, LogError> {
        let start_us = start_us(number);
        let go_on = |slot: &Slot| Slot {
            first: slot.next,
            next: slot.next,
            last_time_us: slot.last_time_us.max(start_us),
        };
        let slots: Vec<_> = slots.iter().map(go_on).collect();
        let path = directory.join(file_name(number));
        LogFile::create(&path, Kind::Hour, &slots)?;
        Ok(Self {
            number,
            file: LogFile::open(&path)?,
        })
    }

    /// What readers need to know of the file.
    pub(super) fn hour(&self) -> Hour {
        Hour {
            number: self.number,
            path: self.file.path.as_path().into(),
            first: self.file.slots.iter().map(|slot| slot.first).collect(),
        }
    }
}

/// Opens the hours that stand in a topic's directory, oldest first: what readers need of all, and
/// the newest one for its writer.
pub(super) fn open_all(directory: &Path) -> Result<(Vec<Hour>, Option<ActiveHour>), LogError> {
    let mut hours = Vec::new();
    let mut newest: Option<ActiveHour> = None;
    for number in numbers(directory)? {
        let file = LogFile::open(&directory.join(file_name(number)))?;
        let hour = ActiveHour { number, file };
        hours.push(hour.hour());
        if let Some(older) = newest.replace(hour) {
            checkpoint::finish(&older.file)?;
        }
    }
    Ok((hours, newest))
}

/// Makes a topic's directory. What an attempt that didn't come to its end left there is removed,
/// unless it holds records.
pub(super) fn make_directory(directory: &Path) -> Result<(), LogError> {
    if directory.exists() {
        let (_, newest) = open_all(directory)?;
        if newest.is_some_and(|hour| hour.file.slots.iter().any(|slot| slot.next > 0)) {
            let reason = "it holds records of a topic that log.db does not know".to_owned();
            return Err(LogError::Damaged {
                file: directory.display().to_string(),
                reason,
            });
        }
        fs::remove_dir_all(directory).map_err(|error| fault::io("remove", directory, &error))?;
    }
    fs::create_dir_all(directory).map_err(|error| fault::io("create", directory, &error))?;
    file::sync_directory_of(directory)
}

fn file_name(number: i64) -> PathBuf {
    PathBuf::from(format!("hour-{number:08}.db"))
}

fn numbers(directory: &Path) -> Result<Vec<i64>, LogError> {
    let failed = |error| fault::io("list", directory, &error);
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let stem = name
            .to_str()
            .and_then(|name| name.strip_prefix("hour-")?.strip_suffix(".db"));
        numbers.extend(stem.and_then(|stem| stem.parse::<i64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
