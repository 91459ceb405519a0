//! Why a value is refused.

/// Why a value is refused, by what the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A row, a gate or a sender's totals that can't be; whoever wrote it is wrong.
    #[error("not a row: {0}")]
    Row(&'static str),
    /// A key that names nothing known; its record can't be used.
    #[error("not a key: {0}")]
    Key(&'static str),
    /// A version that nobody gave out; serve everything instead.
    #[error("not a version: {0}")]
    Version(&'static str),
    /// A number of partitions that no log has.
    #[error("{0} partitions, where a log has 1 to {max}", max = crate::version::PARTITIONS_MAX)]
    Partitions(usize),
    /// A change of something that isn't held; ask for everything.
    #[error("the change doesn't continue what is held; ask for everything")]
    NotContinued,
}
