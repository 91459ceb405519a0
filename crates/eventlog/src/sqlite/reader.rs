//! Reads, on connections of their own, so that they never wait for the writer nor it for them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::fault;
use super::file::open_reader;
use crate::LogError;

/// How many idle connections are kept for each reader that may be busy.
const IDLE_PER_READER: usize = 2;

/// Connections by their files, the one used last in front.
type Connections = VecDeque<(Arc<Path>, Connection)>;

/// A bounded pool of reading connections, used on blocking threads.
pub(super) struct Readers {
    permits: Arc<Semaphore>,
    idle: Arc<Idle>,
}

/// Idle connections; none once the pool is closed.
struct Idle {
    connections: Mutex<Option<Connections>>,
    connections_max: usize,
}

impl Readers {
    pub(super) fn new(readers_max: usize) -> Self {
        let readers_max = readers_max.max(1);
        let connections_max = readers_max * IDLE_PER_READER;
        Self {
            permits: Arc::new(Semaphore::new(readers_max)),
            idle: Arc::new(Idle {
                connections: Mutex::new(Some(VecDeque::new())),
                connections_max,
            }),
        }
    }

    /// Runs a read on a connection to the file.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        path: Arc<Path>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LogError> {
        let closed = |_| LogError::Closed;
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(closed)?;
        let idle = Arc::clone(&self.idle);
        let reading = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let connection = match idle.take(&path) {
                Some(connection) => connection,
                None => open_reader(&path).map_err(|error| fault::reading(&path, &error))?,
            };
            let value = work(&connection).map_err(|error| fault::reading(&path, &error))?;
            idle.put(path, connection);
            Ok(value)
        });
        let lost = |error| LogError::Unavailable {
            reason: format!("a read was lost: {error}"),
        };
        reading.await.map_err(lost)?
    }

    /// Lets go of a file that is to be removed.
    pub(super) fn forget(&self, path: &Path) {
        if let Some(connections) = &mut *self.idle.lock() {
            connections.retain(|(idle, _)| **idle != *path);
        }
    }

    /// Ends the pool: later reads are refused, and no file is held once those at work are done.
    pub(super) fn close(&self) {
        self.permits.close();
        *self.idle.lock() = None;
    }
}

impl Idle {
    fn take(&self, path: &Path) -> Option<Connection> {
        let mut held = self.lock();
        let connections = held.as_mut()?;
        let index = connections.iter().position(|(idle, _)| **idle == *path)?;
        connections.remove(index).map(|(_, connection)| connection)
    }

    fn put(&self, path: Arc<Path>, connection: Connection) {
        // A file that was removed meanwhile would hold its space for as long as it is open.
        if !path.exists() {
            return;
        }
        if let Some(connections) = &mut *self.lock() {
            connections.push_front((path, connection));
            connections.truncate(self.connections_max);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connections>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
