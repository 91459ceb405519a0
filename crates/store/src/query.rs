//! What can be asked of a store, and the answers that are not rows.

use std::num::NonZeroU32;

use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::quantization::Quantization;
use sextant_measure::ratio::Ratio;
use sextant_measure::time::Minute;
use sextant_measure::window::MinuteSums;

/// Longest step of a history, in minutes: one day.
pub const STEP_MINUTES_MAX: u32 = 1_440;

/// Minutes from `from` up to but not including `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MinuteRange {
    /// The first minute.
    pub from: Minute,
    /// The first minute after it.
    pub to: Minute,
}

/// Which minutes of which series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinuteQuery {
    /// The model.
    pub model: ModelId,
    /// One of its endpoints; `None` for all.
    pub endpoint: Option<(ProviderId, Quantization)>,
    /// One region; `None` for all.
    pub region: Option<Region>,
    /// Which minutes.
    pub range: MinuteRange,
}

/// Which windows of which endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowQuery {
    /// The model.
    pub model: ModelId,
    /// One of its endpoints; `None` for all.
    pub endpoint: Option<(ProviderId, Quantization)>,
    /// Which of an endpoint's rows.
    pub scope: WindowScope,
    /// The minutes at which the windows end.
    pub range: MinuteRange,
}

/// Which of the rows that an endpoint has at each minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowScope {
    /// The merge of all regions and each region.
    All,
    /// The merge of all regions.
    Global,
    /// One region.
    Region(Region),
}

/// What a model's endpoints saw, step by step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Which minutes are merged. Without a region, all regions are merged.
    pub minutes: MinuteQuery,
    /// Minutes in a step, at most [`STEP_MINUTES_MAX`].
    pub step_minutes: NonZeroU32,
}

/// What one endpoint saw in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPoint {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The step's first minute.
    pub from: Minute,
    /// What it saw.
    pub sums: MinuteSums,
}

/// Uptime of one series in buckets of 5 minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesUptime {
    /// The series.
    pub series: SeriesId,
    /// Each bucket's first minute, ascending, and its uptime.
    pub buckets: Vec<(Minute, Ratio)>,
}

impl MinuteRange {
    /// From `from` up to but not including `to`.
    pub const fn new(from: Minute, to: Minute) -> Self {
        Self { from, to }
    }

    /// How many minutes.
    pub const fn len(self) -> u32 {
        self.to.index().saturating_sub(self.from.index())
    }

    /// Whether there is no minute in it.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether it holds the minute.
    pub fn contains(self, minute: Minute) -> bool {
        self.from <= minute && minute < self.to
    }

    /// The minutes that are also in the other.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            to: self.to.min(other.to),
        }
    }
}
