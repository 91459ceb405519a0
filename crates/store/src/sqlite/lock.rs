//! One process at a time has a store's directory open. Others may read the file all the same.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::fault;
use crate::StoreError;

/// Held for as long as the directory is in use. The kernel lets go of it if the process dies.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock, or says who can't have it.
    pub(super) fn take(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("LOCK");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| fault::io("open", &path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
                directory: directory.display().to_string(),
            }),
            Err(TryLockError::Error(error)) => Err(fault::io("lock", &path, &error)),
        }
    }
}
