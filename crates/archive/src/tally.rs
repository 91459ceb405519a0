//! What became of every observation that was read: received = sent + dropped, once what was read
//! is written.

/// Why an observation is not in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dropped {
    /// It was there already.
    Repeated,
    /// Another row stands for it.
    Sampled,
    /// It completed longer before its arrival than attempts are kept.
    TooOld,
    /// A stored row that no sender could have sent.
    Malformed,
    /// The store does not take it, and never will.
    Refused,
}

impl Dropped {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::Repeated,
        Self::Sampled,
        Self::TooOld,
        Self::Malformed,
        Self::Refused,
    ];

    /// The name used in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repeated => "repeated",
            Self::Sampled => "sampled",
            Self::TooOld => "too_old",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
        }
    }
}

/// Counts since they were last taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) received: u64,
    dropped: [u64; Dropped::ALL.len()],
}

impl Tally {
    pub(crate) fn drop(&mut self, reason: Dropped, n: u64) {
        if let Some(count) = self.dropped.get_mut(reason as usize) {
            *count += n;
        }
    }

    pub(crate) fn dropped(&self) -> impl Iterator<Item = (Dropped, u64)> {
        Dropped::ALL.into_iter().zip(self.dropped)
    }
}
