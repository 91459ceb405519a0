//! Why a store refuses.

/// Why a store refuses, by what the caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing is known to be wrong for long: try again, later and later.
    #[error("the store is unavailable: {reason}; try again")]
    Unavailable {
        /// What was being done, and what came of it.
        reason: String,
    },

    /// The disk, or the share of it that the store may use, is full. Passes when there is space.
    #[error("the store is full: {reason}; writes succeed again when there is space")]
    Full {
        /// Which limit was met.
        reason: String,
    },

    /// More than the store answers or takes at once. Ask for less.
    #[error("{count} {what} are more than the {max} allowed at once")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        count: u64,
        /// How many may be.
        max: u64,
    },

    /// A row breaks the store's rules. Trying again never helps.
    #[error("{row}: {reason}")]
    Invalid {
        /// Which row.
        row: String,
        /// Which rule.
        reason: &'static str,
    },

    /// The database behind the store refuses, and will until someone changes what it refuses for.
    #[error("{store} refuses: {reason}")]
    Refused {
        /// Which store.
        store: String,
        /// What was being done, what is missing or wrong, and what to do about it.
        reason: String,
    },

    /// Another process has the store open.
    #[error("the store in {directory} is in use by another process")]
    Locked {
        /// The store's directory.
        directory: String,
    },

    /// The store was written by a newer version of this program.
    #[error("{store} has schema {found}; this version knows schemas up to {supported}")]
    Incompatible {
        /// Which store.
        store: String,
        /// Its schema.
        found: i64,
        /// The newest schema that this version knows.
        supported: i64,
    },

    /// The store is not what was left there, beyond single rows. Nothing was changed; someone has
    /// to look.
    #[error("{store} is damaged: {reason}")]
    Damaged {
        /// Which store.
        store: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The disk failed under a write. Nothing more is written or read: the process must exit.
    #[error("the store has stopped, for its disk failed: {reason}")]
    Stopped {
        /// The first failure.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Full { .. })
    }
}
