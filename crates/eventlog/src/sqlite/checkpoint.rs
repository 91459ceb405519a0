//! Brings write-ahead logs into their files, beside the writer.
//!
//! A checkpoint syncs the file, which may take a tenth of a second; a writer that ran it would
//! stall for that long. So a thread of its own copies with passive checkpoints, again while the
//! writer adds more. What then is left is little, and the writer, when asked, brings that over
//! itself and starts the write-ahead log from its beginning: that bounds its size.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use super::file::{BUSY_WAIT_MAX, LogFile, PAGE_BYTES, leave_checkpoints_alone, open_checkpointer};
use super::state::{Shared, StopOnPanic};
use super::{fault, stats};
use crate::LogError;

/// How often the copying is taken up again while the writer adds more.
const ROUNDS_MAX: usize = 4;

/// How much is little enough for the writer to bring over itself.
const LEFT_BYTES_FEW: u64 = 512 << 10;

/// A page and its header in a write-ahead log.
const FRAME_BYTES: u64 = PAGE_BYTES + 24;

/// What the writer of a file and its checkpoints tell each other.
#[derive(Debug, Default)]
pub(super) struct CheckpointState {
    running: Mutex<bool>,
    ended: Condvar,
    restart_wanted: AtomicBool,
}

impl CheckpointState {
    /// Whether the writer should bring over the rest now; says so once.
    pub(super) fn take_restart(&self) -> bool {
        self.restart_wanted.swap(false, AcqRel)
    }

    /// Begins a checkpoint, unless one runs or waits to.
    fn begin(&self) -> bool {
        !std::mem::replace(&mut *self.running(), true)
    }

    fn end(&self) {
        *self.running() = false;
        self.ended.notify_all();
    }

    /// Waits until no checkpoint runs, but no longer than that.
    fn wait(&self, patience: Duration) {
        drop(
            self.ended
                .wait_timeout_while(self.running(), patience, |running| *running),
        );
    }

    fn running(&self) -> MutexGuard<'_, bool> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that runs checkpoints. It ends when this is dropped.
pub(super) struct Checkpointer {
    requests: Option<SyncSender<Request>>,
    thread: Option<JoinHandle<()>>,
}

enum Request {
    Checkpoint(PathBuf, Arc<CheckpointState>),
    Retire(Box<LogFile>),
}

impl Checkpointer {
    pub(super) fn start(shared: Arc<Shared>) -> Result<Self, LogError> {
        let (requests, receiver) = sync_channel(64);
        let thread = thread::Builder::new()
            .name("eventlog-checkpoint".to_owned())
            .spawn(move || Worker::new(shared).run(&receiver))
            .map_err(|error| fault::io("start a thread for", "checkpoints".as_ref(), &error))?;
        Ok(Self {
            requests: Some(requests),
            thread: Some(thread),
        })
    }

    /// Asks for a checkpoint of the file, unless one is on its way.
    pub(super) fn request(&self, file: &LogFile) {
        if !file.checkpoint.begin() {
            return;
        }
        let state = Arc::clone(&file.checkpoint);
        let sent = self.requests.as_ref().is_some_and(|requests| {
            requests
                .try_send(Request::Checkpoint(file.path.clone(), state))
                .is_ok()
        });
        if !sent {
            file.checkpoint.end();
        }
    }

    /// Hands over a file that gets no more records: its last checkpoint, then it is closed.
    pub(super) fn retire(&self, file: LogFile) {
        if let Some(requests) = &self.requests {
            // Without the thread the file closes here, and the next start recovers what its
            // write-ahead log holds.
            drop(requests.send(Request::Retire(Box::new(file))));
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // If it panicked, the log has stopped and says so.
            drop(thread.join());
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    connections: HashMap<PathBuf, Connection>,
}

impl Worker {
    fn new(shared: Arc<Shared>) -> Self {
        let connections = HashMap::new();
        Self {
            shared,
            connections,
        }
    }

    fn run(mut self, requests: &Receiver<Request>) {
        let _guard = StopOnPanic(Arc::clone(&self.shared));
        for request in requests {
            let outcome = match request {
                Request::Checkpoint(path, state) => {
                    let outcome = self.copy(&path, &state);
                    state.end();
                    outcome
                }
                Request::Retire(file) => self.retire(&file),
            };
            match outcome {
                Err(LogError::Stopped { reason }) => self.shared.stop(reason),
                // Without space a file can't grow; its write-ahead log keeps what it holds.
                Err(error) => tracing::warn!(%error, "a checkpoint of the log was put off"),
                Ok(()) => {}
            }
        }
    }

    fn copy(&mut self, path: &PathBuf, state: &CheckpointState) -> Result<(), LogError> {
        let failed = |error: &rusqlite::Error| fault::writing(path, error);
        if !self.connections.contains_key(path) {
            let connection = open_checkpointer(path).map_err(|error| failed(&error))?;
            self.connections.insert(path.clone(), connection);
        }
        let Some(connection) = self.connections.get(path) else {
            return Ok(());
        };
        for _ in 0..ROUNDS_MAX {
            let progress = run(connection, "PASSIVE").map_err(|error| failed(&error))?;
            stats::add(&self.shared.counters.checkpoints, 1);
            if progress.left_bytes <= LEFT_BYTES_FEW {
                // When all is brought over before the next transaction, SQLite starts the
                // write-ahead log anew by itself; under load it needs a pause for that.
                let is_large = progress.bytes >= self.shared.options.wal_bytes_max / 2;
                state.restart_wanted.store(is_large, Release);
                break;
            }
        }
        Ok(())
    }

    fn retire(&mut self, file: &LogFile) -> Result<(), LogError> {
        self.connections.remove(&file.path);
        finish(file)
    }
}

/// How much of a write-ahead log is in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// The size of what stands in the write-ahead log.
    pub(super) bytes: u64,
    /// The size of what isn't in the file yet.
    pub(super) left_bytes: u64,
}

/// How much of a file's write-ahead log is in it.
pub(super) fn progress(file: &LogFile) -> Result<Progress, LogError> {
    run(&file.connection, "NOOP").map_err(|error| fault::writing(&file.path, &error))
}

/// Brings over all that is left and starts the write-ahead log anew, unless the checkpoint that
/// runs, or a reader, takes longer than that.
pub(super) fn restart(file: &LogFile, patience: Duration) -> Result<(), LogError> {
    file.checkpoint.wait(patience);
    let outcome = file
        .connection
        .busy_timeout(patience)
        .and_then(|()| run(&file.connection, "RESTART"))
        .and_then(|_| file.connection.busy_timeout(BUSY_WAIT_MAX));
    outcome.map_err(|error| fault::writing(&file.path, &error))
}

/// The last checkpoint of a file that is about to be closed.
pub(super) fn finish(file: &LogFile) -> Result<(), LogError> {
    run(&file.connection, "TRUNCATE")
        .and_then(|_| leave_checkpoints_alone(&file.connection))
        .map_err(|error| fault::writing(&file.path, &error))
}

fn run(connection: &Connection, mode: &str) -> rusqlite::Result<Progress> {
    let mut statement = connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?;
    // One row: whether another was in its way, frames in all, frames brought over.
    statement.query_row((), |row| {
        let (all, done): (i64, i64) = (row.get(1)?, row.get(2)?);
        let bytes = |frames: i64| u64::try_from(frames).unwrap_or(0) * FRAME_BYTES;
        Ok(Progress {
            bytes: bytes(all),
            left_bytes: bytes(all - done),
        })
    })
}
