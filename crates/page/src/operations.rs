//! Whether the numbers can be believed: who reports, how far behind the server is, what was lost.

use askama::Template;

use crate::frame::{Frame, Part};

/// Whether the numbers can be believed.
#[derive(Debug, Template)]
#[template(path = "operations.html")]
pub struct Operations {
    /// What stands on every page.
    pub frame: Frame,
    /// Records of the windows log that the server has not read yet.
    pub lag_records: u64,
    /// Endpoints whose numbers are served.
    pub endpoints: usize,
    /// What the process lacks at this moment, in words.
    pub missing: Vec<String>,
    /// Who reports, those heard of last first.
    pub agents: Vec<AgentRow>,
    /// How many more there are.
    pub agents_unshown: usize,
}

/// Who reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// Its name, as it gave it.
    pub name: String,
    /// How long ago its figures were published: `4 s`.
    pub seen: String,
    /// Observations recorded since its life began.
    pub recorded: u64,
    /// Observations that a collector keeps.
    pub acknowledged: u64,
    /// Observations refused, one by one.
    pub refused: u64,
    /// Observations given up, by reason.
    pub dropped: Vec<(String, u64)>,
    /// What is added to its clock, in milliseconds.
    pub clock_offset_ms: i64,
    /// Observations from its future.
    pub early: u64,
    /// Batches with another's number and other content.
    pub clashes: u64,
}

impl AgentRow {
    /// All that were given up.
    pub fn lost(&self) -> u64 {
        let each = self.dropped.iter().map(|(_, n)| *n);
        each.fold(0, u64::saturating_add)
    }

    /// Why, with how many each.
    pub fn why_lost(&self) -> String {
        let each = self.dropped.iter().filter(|(_, n)| *n > 0);
        let each: Vec<_> = each.map(|(reason, n)| format!("{reason} {n}")).collect();
        each.join(", ")
    }
}
