//! Why a log refuses.

use crate::Offset;

/// Why a log refuses, by what the caller can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Nothing is known to be wrong for long: try again, later and later.
    #[error("the log is unavailable: {reason}; try again")]
    Unavailable {
        /// What was being done, and what came of it.
        reason: String,
    },

    /// The disk, or the share of it that the log may use, is full. Passes when there is space.
    #[error("the log is full: {reason}; appends succeed again when there is space")]
    Full {
        /// Which limit was met.
        reason: String,
    },

    /// The records are larger than the log takes. Trying again never helps.
    #[error("{bytes} bytes are more than the {max} that the log takes")]
    TooLarge {
        /// What was offered.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },

    /// The topic was never prepared.
    #[error("there is no topic {topic:?} in the log")]
    UnknownTopic {
        /// The topic asked for.
        topic: String,
    },

    /// The topic has fewer partitions than that.
    #[error("topic {topic:?} has partitions 0..{partitions}, not {partition}")]
    UnknownPartition {
        /// The topic asked for.
        topic: String,
        /// The partition asked for.
        partition: u32,
        /// How many there are.
        partitions: u32,
    },

    /// A topic exists with another setting. Names and figures are those by which it is changed: on
    /// Kafka the whole name, Kafka's own key, and its units.
    #[error(
        "topic {topic:?} has {setting} {found} where {wanted} is wanted: change the topic, or what is \
         wanted of it"
    )]
    SettingsDiffer {
        /// The topic.
        topic: String,
        /// Which setting.
        setting: &'static str,
        /// What was asked for.
        wanted: String,
        /// What the log has.
        found: String,
    },

    /// The offset can't be read: retention has deleted it, or it was never written.
    #[error("the partition can be read from {earliest} to {high_watermark} only")]
    OutOfRange {
        /// The first offset that can be read.
        earliest: Offset,
        /// One past the last.
        high_watermark: Offset,
    },

    /// The call breaks the log's rules. Trying again never helps.
    #[error("topic {topic:?}: {reason}")]
    Invalid {
        /// The topic.
        topic: String,
        /// Which rule.
        reason: &'static str,
    },

    /// The log does not let this process in. Someone has to mend credentials or access rules.
    #[error("the log denies access: {reason}; mend the credentials or the access rules")]
    Denied {
        /// What was being done, and what came of it.
        reason: String,
    },

    /// The log's settings can't be used. Someone has to mend them.
    #[error("the log's settings cannot be used: {reason}")]
    Misconfigured {
        /// What is wrong with which of them.
        reason: String,
    },

    /// Another process has the log open.
    #[error("the log in {directory} is in use by another process")]
    Locked {
        /// The log's directory.
        directory: String,
    },

    /// A file was written by another version of this program.
    #[error("{file} has format {found}; this version reads format {supported}")]
    Incompatible {
        /// The file.
        file: String,
        /// Its format.
        found: i64,
        /// The format that this version reads and writes.
        supported: i64,
    },

    /// A file is not what the log left there. Nothing was changed; someone has to look.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The log failed under a write, or took this process out of it. It acknowledges nothing more:
    /// the process must exit.
    #[error("the log has stopped: {reason}")]
    Stopped {
        /// The first failure.
        reason: String,
    },

    /// The log was closed in good order.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Full { .. })
    }
}
