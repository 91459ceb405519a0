//! One process at a time has a log's directory open.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::fault;
use crate::LogError;

/// Held for as long as the directory is in use. The kernel lets go of it if the process dies.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    pub(super) fn take(directory: &Path) -> Result<Self, LogError> {
        let path = directory.join("LOCK");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| fault::io("open", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LogError::Locked {
                directory: directory.display().to_string(),
            }),
            Err(TryLockError::Error(error)) => Err(fault::io("lock", &path, &error)),
        }
    }
}
