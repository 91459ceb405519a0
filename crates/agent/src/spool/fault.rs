//! What SQLite reports, in the caller's terms.

use rusqlite::ErrorCode;

/// Why the spool did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// There is no room on the disk, or the batch is larger than the whole spool may be.
    #[error("the spool is full: {0}")]
    Full(String),
    /// The disk has failed.
    #[error("the spool has failed: {0}")]
    Failed(String),
    /// What stands in the file can't be read.
    #[error("the spool is damaged: {0}")]
    Damaged(String),
    /// It has been closed.
    #[error("the spool is closed")]
    Closed,
}

/// A failure of a statement or a commit.
///
/// What isn't known to be harmless is taken for a disk that lies: after a failed fsync the kernel
/// may report the next one as good though the pages are gone.
pub(super) fn of(error: &rusqlite::Error) -> SpoolError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DiskFull
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory,
        ) => SpoolError::Full(error.to_string()),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            SpoolError::Damaged(error.to_string())
        }
        _ => SpoolError::Failed(error.to_string()),
    }
}

/// Whether the file's content is at fault.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None
    )
}
