//! What the callers, the writer and the checkpoints of one log share.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;

use tokio::sync::watch;

use super::options::SqliteOptions;
use super::reader::Readers;
use super::stats::Counters;
use super::topic::Topic;
use crate::{Clock, LogError};

/// Whether the log still works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Life {
    Running,
    Closed,
    /// The disk failed; for good.
    Stopped(Arc<str>),
}

pub(super) struct Shared {
    /// The main file.
    pub(super) main: Arc<Path>,
    pub(super) options: SqliteOptions,
    pub(super) clock: Clock,
    pub(super) counters: Counters,
    pub(super) readers: Readers,
    topics: RwLock<HashMap<String, Arc<Topic>>>,
    life: watch::Sender<Life>,
}

impl Shared {
    pub(super) fn new(main: &Path, options: SqliteOptions, clock: Clock) -> Self {
        Self {
            main: main.into(),
            readers: Readers::new(options.readers_max),
            options,
            clock,
            counters: Counters::default(),
            topics: RwLock::default(),
            life: watch::Sender::new(Life::Running),
        }
    }

    pub(super) fn topic(&self, name: &str) -> Result<Arc<Topic>, LogError> {
        let topics = read(&self.topics);
        let unknown = || LogError::UnknownTopic {
            topic: name.to_owned(),
        };
        topics.get(name).map(Arc::clone).ok_or_else(unknown)
    }

    pub(super) fn topics(&self) -> Vec<Arc<Topic>> {
        read(&self.topics).values().map(Arc::clone).collect()
    }

    pub(super) fn add_topic(&self, topic: Topic) {
        write(&self.topics).insert(topic.spec.name.clone(), Arc::new(topic));
    }

    /// Refuses unless the log works.
    pub(super) fn check(&self) -> Result<(), LogError> {
        match &*self.life.borrow() {
            Life::Running => Ok(()),
            Life::Closed => Err(LogError::Closed),
            Life::Stopped(reason) => Err(LogError::Stopped {
                reason: reason.to_string(),
            }),
        }
    }

    /// Stops the log for good; the first reason stays.
    pub(super) fn stop(&self, reason: String) {
        self.life.send_if_modified(|life| {
            let is_first = !matches!(life, Life::Stopped(_));
            if is_first {
                *life = Life::Stopped(reason.into());
            }
            is_first
        });
    }

    /// Ends the log in good order.
    pub(super) fn close(&self) {
        self.life.send_if_modified(|life| {
            let was_running = *life == Life::Running;
            if was_running {
                *life = Life::Closed;
            }
            was_running
        });
    }

    /// Follows whether the log works.
    pub(super) fn follow(&self) -> watch::Receiver<Life> {
        self.life.subscribe()
    }

    pub(super) fn now_us(&self) -> i64 {
        (self.clock)()
    }
}

/// Stops the log if the thread that holds it panics: nobody waits for a thread that is gone.
pub(super) struct StopOnPanic(pub(super) Arc<Shared>);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            let thread = thread::current();
            self.0.stop(format!(
                "its thread {} panicked",
                thread.name().unwrap_or_default()
            ));
        }
    }
}

/// Reads what no panic can leave half-changed.
pub(super) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what no panic can leave half-changed.
pub(super) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
