//! What SQLite and the file system report, in the caller's terms.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::StoreError;

/// A failure around files, outside any transaction.
pub(super) fn io(action: &str, path: &Path, error: &io::Error) -> StoreError {
    let reason = format!("{action} {}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { reason },
        _ => StoreError::Unavailable { reason },
    }
}

/// A failure while the store is opened, before anything is promised.
pub(super) fn opening(path: &Path, error: &rusqlite::Error) -> StoreError {
    let reason = describe("open", path, error);
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full { reason },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => damaged(path, error),
        Some(_) => StoreError::Unavailable { reason },
    }
}

/// A failure of a read.
pub(super) fn reading(path: &Path, error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(path, error),
        _ => StoreError::Unavailable {
            reason: describe("read", path, error),
        },
    }
}

/// A failure of a write, a commit or a checkpoint.
///
/// What isn't known to be harmless is taken for a disk that lies: after a failed fsync the kernel
/// may report the next one as good though the pages are gone.
pub(super) fn writing(path: &Path, error: &rusqlite::Error) -> StoreError {
    let reason = describe("write", path, error);
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full { reason },
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory,
        ) => StoreError::Unavailable { reason },
        _ => StoreError::Stopped { reason },
    }
}

fn damaged(path: &Path, error: &rusqlite::Error) -> StoreError {
    StoreError::Damaged {
        store: path.display().to_string(),
        reason: error.to_string(),
    }
}

fn describe(action: &str, path: &Path, error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => {
            let code = failure.extended_code;
            format!("{action} {}: {error} (SQLite code {code})", path.display())
        }
        _ => format!("{action} {}: {error}", path.display()),
    }
}
