//! The files of a log, as their one writer has them.
//!
//! ```text
//! LOCK                          held while the log is open
//! log.db                        topics, positions, compacted topics
//! topics/<topic>/hour-<n>.db    one hour of a topic that deletes by age, n hours after 1970
//! ```

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::RwLock;

use super::catalog::{self, Entry, EntryPlace};
use super::checkpoint::{self, Checkpointer};
use super::disk::Disk;
use super::file::{self, Kind, LogFile, Slot};
use super::hours::{self, ActiveHour};
use super::lock::DirectoryLock;
use super::state::{Shared, read, write};
use super::topic::{Place, Topic};
use super::{compaction, fault, row, stats};
use crate::{Cleanup, LogError, TopicSpec};

/// The files of a log that is open. The directory is free again when this is dropped.
pub(super) struct Storage {
    directory: PathBuf,
    main: LogFile,
    hours: HashMap<String, ActiveHour>,
    disk: Box<dyn Disk>,
    _lock: DirectoryLock,
}

impl Storage {
    /// Opens the directory, which is made if it is missing, and all that stands in it.
    pub(super) fn open(
        directory: &Path,
        disk: Box<dyn Disk>,
    ) -> Result<(Self, Vec<Topic>), LogError> {
        fs::create_dir_all(directory).map_err(|error| fault::io("create", directory, &error))?;
        file::sync_directory_of(directory)?;
        let lock = DirectoryLock::take(directory)?;
        let main = open_main(directory)?;
        let entries =
            catalog::load(&main.connection).map_err(|error| fault::opening(&main.path, &error))?;
        let directory = directory.to_owned();
        let mut storage = Self {
            directory,
            main,
            hours: HashMap::new(),
            disk,
            _lock: lock,
        };
        let topics = entries.into_iter().map(|entry| storage.open_topic(entry));
        let topics = topics.collect::<Result<_, _>>()?;
        Ok((storage, topics))
    }

    /// The file that takes a topic's records now, and how it commits.
    pub(super) fn file_of(&mut self, topic: &Topic) -> Option<(&mut LogFile, &mut dyn Disk)> {
        let file = match topic.place {
            Place::Main { .. } => Some(&mut self.main),
            Place::Hours(_) => self
                .hours
                .get_mut(&topic.spec.name)
                .map(|hour| &mut hour.file),
        };
        file.map(|file| (file, &mut *self.disk))
    }

    pub(super) fn main_path(&self) -> &Path {
        &self.main.path
    }

    /// The main file, and how it commits.
    pub(super) fn main(&mut self) -> (&mut LogFile, &mut dyn Disk) {
        (&mut self.main, &mut *self.disk)
    }

    /// Brings everything into the files, before they are closed.
    pub(super) fn finish(&self) -> Result<(), LogError> {
        self.open_files().try_for_each(checkpoint::finish)
    }

    /// Closing the files must not write.
    pub(super) fn leave_as_is(&self) {
        for file in self.open_files() {
            if let Err(error) = file::leave_checkpoints_alone(&file.connection) {
                tracing::warn!(%error, "a file of the stopped log may be written when it is closed");
            }
        }
    }

    /// Makes a topic.
    pub(super) fn create(&mut self, spec: &TopicSpec, now_us: i64) -> Result<Topic, LogError> {
        match spec.cleanup {
            Cleanup::Delete { .. } => self.create_by_hours(spec, now_us),
            Cleanup::Compact { .. } => self.create_compacted(spec),
        }
    }

    /// Makes sure that records of that time have a file of their hour.
    pub(super) fn roll(
        &mut self,
        topic: &Topic,
        time_us: i64,
        checkpointer: &Checkpointer,
    ) -> Result<(), LogError> {
        let (Place::Hours(shared), Some(active)) = (&topic.place, self.hours.get(&topic.spec.name))
        else {
            return Ok(());
        };
        let number = hours::number(time_us);
        if number <= active.number {
            return Ok(());
        }
        let directory = self.directory_of(&topic.spec.name);
        let next = ActiveHour::create(&directory, number, &active.file.slots)?;
        // Said in the main file before the first record is taken, so that a missing newest file
        // is noticed and no offset is given twice.
        self.main.transact(&mut *self.disk, |connection| {
            catalog::set_newest_hour(connection, &topic.spec.name, number)
        })?;
        write(shared).push(next.hour());
        if let Some(old) = self.hours.insert(topic.spec.name.clone(), next) {
            checkpointer.retire(old.file);
        }
        Ok(())
    }

    /// Drops what is older than its retention allows. What fails for one topic doesn't keep the
    /// others from being looked at; the first failure is returned.
    pub(super) fn enforce_retention(
        &mut self,
        shared: &Shared,
        checkpointer: &Checkpointer,
        now_us: i64,
    ) -> Result<(), LogError> {
        let mut outcome = Ok(());
        for topic in shared.topics() {
            let retained = match &topic.place {
                Place::Main { .. } => self.drop_tombstones(&topic, shared, now_us),
                Place::Hours(_) => self.drop_hours(&topic, shared, checkpointer, now_us),
            };
            outcome = outcome.and(retained);
        }
        outcome
    }

    /// The size of all files.
    pub(super) fn bytes(&self, shared: &Shared) -> u64 {
        let mut bytes = bytes_of(&self.main.path);
        for topic in shared.topics() {
            if let Place::Hours(hours) = &topic.place {
                bytes += read(hours)
                    .iter()
                    .map(|hour| bytes_of(&hour.path))
                    .sum::<u64>();
            }
        }
        bytes
    }

    fn open_topic(&mut self, entry: Entry) -> Result<Topic, LogError> {
        let partitions = entry.spec.partitions as usize;
        match entry.place {
            EntryPlace::FirstSlot(first_slot) => {
                let slots = self.main.slots.get(first_slot..first_slot + partitions);
                let slots = slots.ok_or_else(|| {
                    let reason = format!("slots of topic {:?} are missing", entry.spec.name);
                    damaged(&self.main.path, reason)
                })?;
                let place = Place::Main {
                    path: self.main.path.as_path().into(),
                    first_slot,
                };
                Ok(Topic::new(entry.spec, place, slots))
            }
            EntryPlace::NewestHour(newest) => self.open_by_hours(entry.spec, newest),
        }
    }

    fn open_by_hours(&mut self, spec: TopicSpec, newest: i64) -> Result<Topic, LogError> {
        let directory = self.directory_of(&spec.name);
        let (hours, active) = hours::open_all(&directory)?;
        let Some(active) = active.filter(|active| active.number >= newest) else {
            let reason =
                format!("the file of hour {newest} is missing, which has the next offsets");
            return Err(damaged(&directory, reason));
        };
        if active.file.slots.len() != spec.partitions as usize {
            return Err(damaged(
                &active.file.path,
                "it has another number of slots".to_owned(),
            ));
        }
        if active.number > newest {
            self.main.transact(&mut *self.disk, |connection| {
                catalog::set_newest_hour(connection, &spec.name, active.number)
            })?;
        }
        let name = spec.name.clone();
        let topic = Topic::new(spec, Place::Hours(RwLock::new(hours)), &active.file.slots);
        self.hours.insert(name, active);
        Ok(topic)
    }

    fn create_by_hours(&mut self, spec: &TopicSpec, now_us: i64) -> Result<Topic, LogError> {
        let directory = self.directory_of(&spec.name);
        let number = hours::number(now_us);
        hours::make_directory(&directory)?;
        let unused = Slot {
            first: 0,
            next: 0,
            last_time_us: i64::MIN,
        };
        let slots = vec![unused; spec.partitions as usize];
        let active = ActiveHour::create(&directory, number, &slots)?;
        let entry = Entry {
            spec: spec.clone(),
            place: EntryPlace::NewestHour(number),
        };
        self.main.transact(&mut *self.disk, |connection| {
            catalog::insert(connection, &entry)
        })?;
        let place = Place::Hours(RwLock::new(vec![active.hour()]));
        let topic = Topic::new(entry.spec, place, &active.file.slots);
        self.hours.insert(spec.name.clone(), active);
        Ok(topic)
    }

    fn create_compacted(&mut self, spec: &TopicSpec) -> Result<Topic, LogError> {
        let first_slot = self.main.slots.len();
        if first_slot + spec.partitions as usize > row::SLOTS_END {
            let reason = "the log has no room for that many partitions of compacted topics";
            return Err(LogError::Invalid {
                topic: spec.name.clone(),
                reason,
            });
        }
        let unused = Slot {
            first: 0,
            next: 0,
            last_time_us: i64::MIN,
        };
        let slots = vec![unused; spec.partitions as usize];
        let entry = Entry {
            spec: spec.clone(),
            place: EntryPlace::FirstSlot(first_slot),
        };
        self.main.transact(&mut *self.disk, |connection| {
            for (partition, slot) in slots.iter().enumerate() {
                file::store_slot(connection, first_slot + partition, slot)?;
            }
            catalog::insert(connection, &entry)
        })?;
        self.main.slots.extend(&slots);
        let place = Place::Main {
            path: self.main.path.as_path().into(),
            first_slot,
        };
        Ok(Topic::new(entry.spec, place, &slots))
    }

    fn drop_tombstones(
        &mut self,
        topic: &Topic,
        shared: &Shared,
        now_us: i64,
    ) -> Result<(), LogError> {
        let first_slot = topic.slot(0);
        let last_slot = topic.slot(topic.spec.partitions - 1);
        let before_us = now_us.saturating_sub(catalog::retention_us(&topic.spec));
        let dropped = self.main.transact(&mut *self.disk, |connection| {
            compaction::drop_tombstones(connection, first_slot, last_slot, before_us)
        })?;
        stats::add(&shared.counters.tombstones_dropped, dropped);
        Ok(())
    }

    fn drop_hours(
        &mut self,
        topic: &Topic,
        shared: &Shared,
        checkpointer: &Checkpointer,
        now_us: i64,
    ) -> Result<(), LogError> {
        let retention_us = catalog::retention_us(&topic.spec);
        let is_expired = |number| hours::is_expired(number, now_us, retention_us);
        // First what needs no space: a new file may find none until then.
        drop_all_but_newest(topic, shared, is_expired)?;
        // The newest file stays for its offsets, so records in it need a newer one to be dropped.
        let active = self.hours.get(&topic.spec.name);
        if active.is_some_and(|active| is_expired(active.number) && active.file.was_used()) {
            self.roll(topic, now_us, checkpointer)?;
            drop_all_but_newest(topic, shared, is_expired)?;
        }
        Ok(())
    }

    fn open_files(&self) -> impl Iterator<Item = &LogFile> {
        self.hours
            .values()
            .map(|hour| &hour.file)
            .chain([&self.main])
    }

    fn directory_of(&self, topic: &str) -> PathBuf {
        self.directory.join("topics").join(topic)
    }
}

fn drop_all_but_newest(
    topic: &Topic,
    shared: &Shared,
    is_expired: impl Fn(i64) -> bool,
) -> Result<(), LogError> {
    let Place::Hours(held) = &topic.place else {
        return Ok(());
    };
    loop {
        // Out of the readers' sight before it goes.
        let expired = {
            let mut held = write(held);
            let first_is_expired = held.first().is_some_and(|hour| is_expired(hour.number));
            (held.len() > 1 && first_is_expired).then(|| held.remove(0))
        };
        let Some(hour) = expired else { return Ok(()) };
        shared.readers.forget(&hour.path);
        if let Err(error) = file::remove(&hour.path) {
            write(held).insert(0, hour);
            return Err(error);
        }
        stats::add(&shared.counters.files_dropped, 1);
        tracing::info!(
            topic = topic.spec.name,
            hour = hour.number,
            "dropped an hour"
        );
    }
}

fn open_main(directory: &Path) -> Result<LogFile, LogError> {
    let path = directory.join("log.db");
    if !path.exists() {
        if directory.join("topics").exists() {
            return Err(damaged(
                &path,
                "it is missing, and topics stand beside it".to_owned(),
            ));
        }
        LogFile::create(&path, Kind::Main, &[])?;
    }
    let topics = directory.join("topics");
    fs::create_dir_all(&topics).map_err(|error| fault::io("create", &topics, &error))?;
    file::sync_directory_of(&topics)?;
    LogFile::open(&path)
}

fn damaged(path: &Path, reason: String) -> LogError {
    LogError::Damaged {
        file: path.display().to_string(),
        reason,
    }
}

fn bytes_of(path: &Path) -> u64 {
    let sizes =
        file::with_companions(path).map(|path| fs::metadata(path).map_or(0, |file| file.len()));
    sizes.into_iter().sum()
}
