//! What is followed.

use std::fmt;

use sextant_wire::topics;

/// One partition of one of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Source {
    /// A partition of the windows log.
    Windows(u32),
    /// The gates log, which has one.
    Gates,
}

impl Source {
    /// All of them.
    pub(super) fn all(partitions: u32) -> impl Iterator<Item = Self> {
        (0..partitions).map(Self::Windows).chain([Self::Gates])
    }

    pub(super) const fn topic(self) -> &'static str {
        match self {
            Self::Windows(_) => topics::WINDOWS,
            Self::Gates => topics::GATES,
        }
    }

    pub(super) const fn partition(self) -> u32 {
        match self {
            Self::Windows(partition) => partition,
            Self::Gates => 0,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Windows(partition) => write!(f, "windows log, partition {partition}"),
            Self::Gates => f.write_str("gates log"),
        }
    }
}
