//! What became of the observations handed over.

use std::collections::BTreeMap;

use sextant_measure::observation::Observation;

use crate::error::ReporterError;

/// Most refusals and drops that a report tells one by one.
pub const DETAILS_MAX: usize = 100;

/// Running figures. `recorded` is `acknowledged` + `refused` + `dropped` + what is still held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Observations taken from the caller.
    pub recorded: u64,
    /// Observations in batches that have a number.
    pub sent: u64,
    /// Observations that the target keeps.
    pub acknowledged: u64,
    /// Observations that the target refused one by one.
    pub refused: u64,
    /// Observations given up.
    pub dropped: u64,
    /// Batches that got a number.
    pub batches: u64,
    /// Times that a batch was sent again.
    pub retries: u64,
    /// Batches that were refused as a whole, for whatever reason.
    pub batches_refused: u64,
    /// Answers to nothing that was asked.
    pub answers_ignored: u64,
    /// Connections that came to be ready.
    pub connections: u64,
    /// Connections lost or never made.
    pub connections_failed: u64,
    /// Whether there is a connection that takes batches. Over HTTP that is known of no target
    /// before it answers.
    pub takes_batches: bool,
    /// Whether a target has answered by the present connection.
    pub is_connected: bool,
    /// What has been learnt to add to the sender's clock, in microseconds.
    pub clock_offset_us: i64,
}

/// Why observations were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// They can't be true, or the target says that their batch never passes.
    Invalid,
    /// Too large for the target, even alone.
    TooLarge,
    /// The sender ended before they were acknowledged, or a target refused them as too large that
    /// may have taken them before, so that in smaller batches they could count twice. The target
    /// may have them nevertheless.
    Unacknowledged,
    /// They came faster than they could be sent.
    QueueFull,
    /// The sender had ended before them.
    Ended,
}

/// What became of the observations handed over.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Observations taken from the caller: the sum of the next three.
    pub recorded: u64,
    /// Observations that the target keeps.
    pub acknowledged: u64,
    /// Observations that the target refused one by one.
    pub refused: u64,
    /// Observations given up.
    pub dropped: BTreeMap<DropReason, u64>,
    /// Batches that got a number.
    pub batches: u64,
    /// Times that a batch was sent again.
    pub retries: u64,
    /// Whether no acknowledgement said that repeats count.
    pub deduplicated: bool,
    /// The first of the refused.
    pub refusals: Vec<Refused>,
    /// The first batches given up.
    pub drops: Vec<Dropped>,
    /// Why the sender ended before its time.
    pub failure: Option<ReporterError>,
}

/// An observation that the target refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which one it was of all that were recorded, from 0.
    pub ordinal: u64,
    /// What it said.
    pub observation: Observation,
    /// What the target said.
    pub reason: String,
}

/// A batch given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Its number.
    pub sequence: u64,
    /// How many observations it held.
    pub observations: u64,
    /// Why.
    pub reason: DropReason,
    /// What the target said.
    pub message: String,
}

impl Report {
    /// Whether the target keeps every observation.
    pub fn is_complete(&self) -> bool {
        self.acknowledged == self.recorded
    }
}

impl DropReason {
    /// The name used in totals and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::Unacknowledged => "unacknowledged",
            Self::QueueFull => "queue_full",
            Self::Ended => "ended",
        }
    }
}
