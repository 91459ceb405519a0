//! Reads, on connections of their own, so that they never wait for the writer nor it for them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::fault;
use super::file::open_reader;
use crate::StoreError;

/// A bounded pool of reading connections, used on blocking threads.
pub(super) struct Readers {
    path: Arc<Path>,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

/// Why a read gives no answer.
#[derive(Debug)]
pub(super) enum ReadError {
    Sqlite(rusqlite::Error),
    Refused(StoreError),
}

impl Readers {
    pub(super) fn new(path: &Path, readers_max: usize) -> Self {
        Self {
            path: path.into(),
            permits: Arc::new(Semaphore::new(readers_max.max(1))),
            idle: Arc::default(),
        }
    }

    /// Runs a read on one state of the store, which no write changes meanwhile.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lost = |reason: String| StoreError::Unavailable { reason };
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|error| lost(error.to_string()))?;
        let (path, idle) = (Arc::clone(&self.path), Arc::clone(&self.idle));
        let reading = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let held = lock(&idle).pop();
            let outcome = held.map_or_else(|| open_reader(&path), Ok);
            let outcome = outcome.map_err(ReadError::Sqlite).and_then(|connection| {
                let value = read(&connection, work)?;
                lock(&idle).push(connection);
                Ok(value)
            });
            outcome.map_err(|error| match error {
                ReadError::Sqlite(error) => fault::reading(&path, &error),
                ReadError::Refused(refusal) => refusal,
            })
        });
        let ended = reading.await;
        ended.map_err(|error| lost(format!("a read was lost: {error}")))?
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for ReadError {
    fn from(refusal: StoreError) -> Self {
        Self::Refused(refusal)
    }
}

fn read<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    // Ends, and rolls back nothing, when it is dropped.
    let transaction = connection.unchecked_transaction()?;
    work(&transaction)
}

fn lock(idle: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
