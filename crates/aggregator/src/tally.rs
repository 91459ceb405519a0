//! What became of every observation that was read: received = filed + dropped.

/// Why an observation was not filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dropped {
    /// It had been filed before.
    Repeated,
    /// It completed before the window at its arrival.
    Late,
    /// Its endpoint is not in the catalog, and those are not kept.
    UnknownEndpoint,
    /// The partition holds as many series outside the catalog as it may.
    SeriesCap,
    /// Its endpoint holds as many regions as it may.
    RegionCap,
    /// Its window holds as many observations as it may.
    WindowFull,
    /// A stored row that no sender could have sent.
    Malformed,
}

impl Dropped {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Repeated,
        Self::Late,
        Self::UnknownEndpoint,
        Self::SeriesCap,
        Self::RegionCap,
        Self::WindowFull,
        Self::Malformed,
    ];

    /// The name used in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repeated => "repeated",
            Self::Late => "late",
            Self::UnknownEndpoint => "unknown_endpoint",
            Self::SeriesCap => "series_cap",
            Self::RegionCap => "region_cap",
            Self::WindowFull => "window_full",
            Self::Malformed => "malformed",
        }
    }
}

/// Counts since they were last taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) received: u64,
    pub(crate) filed: u64,
    pub(crate) clashes: u64,
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
