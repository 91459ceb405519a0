//! A log in a directory on SQLite, for one process.
//!
//! One thread writes. It gathers what waits and makes it durable with one transaction and one
//! fsync for each file concerned (`synchronous=FULL`), then answers all. Readers have connections
//! of their own and are woken when something was appended, so a reader at the tail costs no disk
//! access. Checkpoints run on a thread beside the writer.
//!
//! Topics that delete by age have one file for each hour of append time, dropped whole. Compacted
//! topics stand in `log.db` with the topics' settings and the groups' positions; what is
//! superseded is deleted by the transaction that supersedes it.
//!
//! The first write, commit or fsync that fails, other than for want of space, stops the log:
//! nothing is acknowledged or read after it, and the process must exit ([`SqliteLog::stopped`]).
//! On the next start SQLite's own checksums cut the write-ahead log where it was torn.

mod calls;
mod catalog;
mod checkpoint;
mod compaction;
mod disk;
mod fault;
mod file;
mod group;
mod hours;
mod lock;
mod membership;
mod options;
mod queue;
mod reader;
mod row;
mod scan;
mod state;
mod stats;
mod storage;
#[cfg(test)]
mod tests;
mod topic;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

pub use self::options::SqliteOptions;
pub use self::stats::Stats;

use self::disk::{Disk, RealDisk};
use self::group::{Answer, Call, Work};
use self::membership::Groups;
use self::queue::Queue;
use self::state::{Life, Shared};
use self::storage::Storage;
use self::topic::Topic;
use self::writer::{Command, Writer};
use crate::{Clock, LogError};

/// A log in a directory.
///
/// Dropping it writes what was accepted and closes the files, as [`SqliteLog::close`] does, and
/// blocks for that long.
pub struct SqliteLog {
    shared: Arc<Shared>,
    groups: Groups,
    /// Taken away when the log is dropped, which ends the writer.
    queue: Option<Queue<Command>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteLog {
    /// Opens the log in the directory, which is made if it is missing.
    ///
    /// Blocks until what the last process left is recovered.
    ///
    /// # Errors
    /// [`LogError::Locked`] while another handle has it open; [`LogError::Damaged`] and
    /// [`LogError::Incompatible`] name the file.
    pub fn open(
        directory: impl AsRef<Path>,
        options: SqliteOptions,
        clock: Clock,
    ) -> Result<Self, LogError> {
        Self::open_on(directory.as_ref(), options, clock, Box::new(RealDisk))
    }

    fn open_on(
        directory: &Path,
        options: SqliteOptions,
        clock: Clock,
        disk: Box<dyn Disk>,
    ) -> Result<Self, LogError> {
        let (storage, topics) = Storage::open(directory, disk)?;
        let (queue, commands) = Queue::new(&options);
        let shared = Arc::new(Shared::new(storage.main_path(), options, clock));
        for topic in topics {
            shared.add_topic(topic);
        }
        let writer = Writer::new(Arc::clone(&shared), storage, commands)?;
        let writer = thread::Builder::new()
            .name("eventlog-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| fault::io("start a thread for", directory, &error))?;
        let writer = Mutex::new(Some(writer));
        Ok(Self {
            shared,
            groups: Groups::default(),
            queue: Some(queue),
            writer,
        })
    }

    /// What the log has done since it was opened.
    pub fn stats(&self) -> Stats {
        self.shared.counters.snapshot()
    }

    /// Waits until the log has stopped for good, and says why. Never returns if it is closed.
    pub async fn stopped(&self) -> String {
        let mut life = self.shared.follow();
        let stopped = life.wait_for(|life| matches!(life, Life::Stopped(_))).await;
        if let Ok(Life::Stopped(reason)) = stopped.as_deref() {
            return reason.to_string();
        }
        drop(stopped);
        std::future::pending().await
    }

    /// Drops what is older than its retention allows at that time (microseconds since 1970). The
    /// log does so by itself now and then, by its own clock.
    pub async fn enforce_retention(&self, now_us: i64) -> Result<(), LogError> {
        self.ask(|answer| Command::Retain { now_us, answer }).await
    }

    /// Makes durable what was accepted, closes all files and frees the directory. Later calls are
    /// refused with [`LogError::Closed`].
    pub async fn close(&self) -> Result<(), LogError> {
        let (answer, answered) = oneshot::channel();
        // A log that has stopped is told too: its files must be let go.
        if let Some(queue) = &self.queue
            && let Err(error @ LogError::Unavailable { .. }) = queue.send(Command::Close { answer })
        {
            return Err(error);
        }
        let outcome = answered.await;
        // The thread has nothing left to do once it has answered.
        self.join_writer();
        match outcome.unwrap_or_else(|_| Err(self.ended())) {
            Err(LogError::Closed) => Ok(()),
            other => other,
        }
    }

    async fn ask(&self, command: impl FnOnce(Answer<()>) -> Command) -> Result<(), LogError> {
        let (answer, answered) = oneshot::channel();
        self.send(command(answer))?;
        answered.await.map_err(|_| self.ended())?
    }

    /// Queues work of that many bytes.
    async fn call(
        &self,
        topic: Arc<Topic>,
        partition: u32,
        bytes: usize,
        work: Work,
    ) -> Result<(), LogError> {
        let queue = self.queue.as_ref().ok_or(LogError::Closed)?;
        let refused = |error| {
            stats::add(&self.shared.counters.queue_refusals, 1);
            error
        };
        let permit = queue.enter(bytes).await.map_err(refused)?;
        self.send(Command::Call(Call {
            topic,
            partition,
            work,
            bytes,
            _permit: permit,
        }))
    }

    fn send(&self, command: Command) -> Result<(), LogError> {
        self.shared.check()?;
        let queue = self.queue.as_ref().ok_or(LogError::Closed)?;
        queue.send(command).map_err(|error| match error {
            LogError::Closed => self.ended(),
            other => other,
        })
    }

    /// Why there is no writer.
    fn ended(&self) -> LogError {
        let gone = || LogError::Stopped {
            reason: "its writer has ended".to_owned(),
        };
        self.shared.check().err().unwrap_or_else(gone)
    }

    fn topic(&self, name: &str, partition: u32) -> Result<Arc<Topic>, LogError> {
        self.shared.check()?;
        let topic = self.shared.topic(name)?;
        topic.bounds(partition)?;
        Ok(topic)
    }

    fn join_writer(&self) {
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            // If it panicked, the log has stopped and says so.
            drop(writer.join());
        }
    }
}

impl Drop for SqliteLog {
    fn drop(&mut self) {
        self.queue = None;
        self.join_writer();
    }
}
