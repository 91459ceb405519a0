//! What SQLite and the file system report, in the caller's terms.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::LogError;

/// A failure around files, outside any transaction.
pub(super) fn io(action: &str, path: &Path, error: &io::Error) -> LogError {
    let reason = format!("{action} {}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => LogError::Full { reason },
        _ => LogError::Unavailable { reason },
    }
}

/// A failure while a file is opened, before anything is promised.
pub(super) fn opening(path: &Path, error: &rusqlite::Error) -> LogError {
    match code(error) {
        Some(ErrorCode::DiskFull) => LogError::Full {
            reason: describe("open", path, error),
        },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => damaged(path, error),
        Some(_) => LogError::Unavailable {
            reason: describe("open", path, error),
        },
    }
}

/// A failure of a read.
pub(super) fn reading(path: &Path, error: &rusqlite::Error) -> LogError {
    if is_damage(error) {
        damaged(path, error)
    } else {
        LogError::Unavailable {
            reason: describe("read", path, error),
        }
    }
}

/// A failure of a write, a commit or a checkpoint.
///
/// What isn't known to be harmless is taken for a disk that lies: after a failed fsync the kernel
/// may report the next one as good though the pages are gone.
pub(super) fn writing(path: &Path, error: &rusqlite::Error) -> LogError {
    let reason = describe("write", path, error);
    match code(error) {
        Some(ErrorCode::DiskFull) => LogError::Full { reason },
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory,
        ) => LogError::Unavailable { reason },
        _ => LogError::Stopped { reason },
    }
}

/// Whether SQLite found its own structures broken.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        code(error),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

fn damaged(path: &Path, error: &rusqlite::Error) -> LogError {
    LogError::Damaged {
        file: path.display().to_string(),
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

fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}
