//! What stands on every page.

use serde::Serialize;

use crate::asset::Paths;
use crate::cell::span;

/// What stands on every page.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Of the page, before the site's.
    pub title: String,
    /// Which of the site's parts it belongs to.
    pub part: Part,
    /// How whole and how old the numbers are, on a page that has any.
    pub state: Option<State>,
    /// Where styles and scripts are.
    pub paths: Paths,
}

/// A part of the site, as its navigation names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All models.
    Models,
    /// Providers across models.
    Providers,
    /// Agents, lag, drops, coverage.
    Operations,
    /// None of these.
    Other,
}

/// How whole and how old the numbers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// All that had been reported by then is in them: RFC 3339.
    pub as_of: String,
    /// How long ago that was, in milliseconds.
    pub age_ms: i64,
    /// From when on they are old, in milliseconds.
    pub stale_ms: i64,
    /// Partitions whose numbers are whole, of so many.
    pub whole: (u32, u32),
    /// More than half of all providers looked down at once: perhaps it is the observer.
    pub observer_suspected: bool,
}

/// The same for a page that is open.
#[derive(Debug, Serialize)]
pub struct StatePatch<'s> {
    as_of: &'s str,
    /// As people read it.
    moment: String,
    age_ms: i64,
    is_partial: bool,
    observer_suspected: bool,
}

impl Frame {
    /// For a page with this title.
    pub fn new(title: impl Into<String>, part: Part, state: Option<State>) -> Self {
        Self {
            title: title.into(),
            part,
            state,
            paths: Paths::default(),
        }
    }

    /// `page` for the part that this page belongs to, which assistive technology announces.
    pub(crate) fn current(&self, part: Part) -> Option<&'static str> {
        (self.part == part).then_some("page")
    }
}

impl State {
    /// Whether the input has stopped.
    pub fn is_stale(&self) -> bool {
        self.age_ms >= self.stale_ms
    }

    /// How old they are.
    pub fn age(&self) -> String {
        span(self.age_ms)
    }

    /// The moment as people read it, to the second: `2026-11-23 15:04:05 UTC`.
    pub fn moment(&self) -> String {
        let seconds = self.as_of.get(..19).unwrap_or(&self.as_of);
        format!("{} UTC", seconds.replace('T', " "))
    }

    /// Whether some partitions are being rebuilt.
    pub fn is_partial(&self) -> bool {
        self.whole.0 < self.whole.1
    }

    /// For a page that is open.
    pub fn patch(&self) -> StatePatch<'_> {
        StatePatch {
            as_of: &self.as_of,
            moment: self.moment(),
            age_ms: self.age_ms,
            is_partial: self.is_partial(),
            observer_suspected: self.observer_suspected,
        }
    }
}
