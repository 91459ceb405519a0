//! What a log holds and says: records, offsets, topics.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::LogError;

/// A record's place in its partition, from 0 up. Never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub u64);

impl Offset {
    /// The offset after this one.
    #[must_use]
    pub fn following(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A record's headers: few and short, in order. Names may repeat.
pub type Headers = Vec<(Cow<'static, str>, Bytes)>;

/// The largest record that every log takes, in bytes, as [`Record::bytes`] counts.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// What is appended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// What compaction goes by. Required in a compacted topic.
    pub key: Option<Bytes>,
    /// The payload; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Small facts beside the payload.
    pub headers: Headers,
}

impl Record {
    /// A record without headers.
    pub fn new(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        Self {
            key: Some(key.into()),
            value: Some(value.into()),
            headers: Headers::new(),
        }
    }

    /// A record that says that its key is gone.
    pub fn tombstone(key: impl Into<Bytes>) -> Self {
        Self {
            key: Some(key.into()),
            value: None,
            headers: Headers::new(),
        }
    }

    /// The bytes of key, value and headers together: what limits are measured by.
    pub fn bytes(&self) -> usize {
        let body = [&self.key, &self.value]
            .into_iter()
            .flatten()
            .map(Bytes::len)
            .sum::<usize>();
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len());
        body + headers.sum::<usize>()
    }
}

/// A record as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place in the partition.
    pub offset: Offset,
    /// When the log took it, in microseconds since 1970.
    pub appended_at_us: i64,
    /// What was appended.
    pub record: Record,
}

/// A topic as its users need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Lower-case letters, digits, `.`, `-` and `_`; at most 100 of them, the first no mark.
    pub name: String,
    /// How many partitions, from 1 to 1,024.
    pub partitions: u32,
    /// What may be deleted.
    pub cleanup: Cleanup,
}

/// What may be deleted from a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Records older than the retention; never younger ones.
    Delete {
        /// How long a record is kept at least.
        retention: Duration,
    },
    /// Records that a later one of the same key and partition has superseded.
    Compact {
        /// How long a tombstone is kept at least.
        tombstone_retention: Duration,
    },
}

/// The answer to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The offset of the first record.
    pub first: Offset,
    /// The offset of the last record.
    pub last: Offset,
    /// When the log took the last of them, in microseconds since 1970.
    pub appended_at_us: i64,
}

/// How much to read at most. Whatever it says, a read that finds something returns something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// Records, those skipped included.
    pub records: usize,
    /// Bytes of keys, values and headers.
    pub bytes: usize,
}

/// The answer to a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Records in rising order of offset.
    pub records: Vec<StoredRecord>,
    /// Where to read on.
    pub next: Offset,
    /// One past the last durable record of the partition.
    pub high_watermark: Offset,
    /// Offsets below `next` that hold a record which can't be read: damaged, and skipped.
    pub corrupt: Vec<Offset>,
}

/// The offsets between which a partition can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first offset that a read may start from.
    pub earliest: Offset,
    /// One past the last durable record.
    pub high_watermark: Offset,
}

impl Bounds {
    /// Whether a read may start from the offset.
    pub(crate) fn check(self, from: Offset) -> Result<(), LogError> {
        if (self.earliest..=self.high_watermark).contains(&from) {
            return Ok(());
        }
        Err(self.exceeded())
    }

    /// That a read can't start from where it was asked to.
    pub(crate) fn exceeded(self) -> LogError {
        let Self {
            earliest,
            high_watermark,
        } = self;
        LogError::OutOfRange {
            earliest,
            high_watermark,
        }
    }
}

/// Where a consumer group stands in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The next offset that the group will need.
    pub offset: Offset,
    /// The append time at that offset, in microseconds since 1970.
    pub time_us: i64,
}
