//! How old a number may be before it counts for less.

use std::time::Duration;

/// Whether numbers can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Freshness {
    /// As they are.
    #[default]
    Fresh,
    /// `healthy` counts as `unknown`, and nothing is shared or explored by them.
    Aged,
    /// Not at all: catalog, gates and price decide.
    Stale,
}

/// From which age on numbers count for less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ages {
    /// When they have aged.
    pub aged: Duration,
    /// When they are stale.
    pub stale: Duration,
}

impl Default for Ages {
    fn default() -> Self {
        Self {
            aged: Duration::from_mins(1),
            stale: Duration::from_mins(5),
        }
    }
}

impl Ages {
    /// What an age makes of numbers.
    pub fn of(&self, age: Duration) -> Freshness {
        if age < self.aged {
            Freshness::Fresh
        } else if age < self.stale {
            Freshness::Aged
        } else {
            Freshness::Stale
        }
    }
}

impl Freshness {
    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Aged => "aged",
            Self::Stale => "stale",
        }
    }
}
