//! What is written: whole rows.

use std::collections::BTreeMap;

use sextant_catalog::Pricing;
use sextant_incident::Incident;
use sextant_measure::bins::Bins;
use sextant_measure::counts::Counts;
use sextant_measure::figures::Figures;
use sextant_measure::id::{AgentId, EndpointId, Operation, Region, SeriesId};
use sextant_measure::scale::Metric;
use sextant_measure::time::Minute;
use sextant_measure::window::MinuteSums;
use sextant_snapshot::gates::{Ruling, Verdict};

use crate::limits::{Limits, at_most, count};
use crate::{AttemptRow, StoreError};

/// Which of two rows for the same thing is newer: by epoch, then by number.
///
/// A row never replaces one of the same or a higher revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision {
    /// The epoch of the owner that wrote it.
    pub epoch: u64,
    /// Counts up within the epoch.
    pub n: u64,
}

/// What one series saw in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinuteRow {
    /// The series.
    pub series: SeriesId,
    /// The minute.
    pub minute: Minute,
    /// Which row for this minute it is.
    pub revision: Revision,
    /// What it saw.
    pub sums: MinuteSums,
}

/// What was published for the window that ends at a whole minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowRow {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The region; `None` for the merge of all.
    pub region: Option<Region>,
    /// The minute before whose first moment the window ends.
    pub ending: Minute,
    /// The numbers.
    pub figures: Figures,
    /// On what terms the endpoint was offered then.
    pub terms: Terms,
}

/// What decided about an endpoint beside its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// What it charged, if that was known.
    pub pricing: Option<Pricing>,
    /// Whether its quantization is native to the model.
    pub native: bool,
    /// What evaluations said of it.
    pub verdicts: BTreeMap<Operation, Verdict>,
}

/// What one partition knows of an agent in one minute. The partition that its reports go to has its
/// totals; what else its batches showed is known where they went. The sum over all partitions is
/// the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// The agent.
    pub agent: AgentId,
    /// The minute.
    pub minute: Minute,
    /// The partition.
    pub partition: u32,
    /// Which row for this minute it is.
    pub revision: Revision,
    /// Observations recorded.
    pub recorded: u64,
    /// Observations dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Observations acknowledged.
    pub acknowledged: u64,
    /// Observations refused.
    pub refused: u64,
    /// What was added to its clock, in microseconds.
    pub clock_offset_us: i64,
    /// Observations that completed too far ahead of the collector's clock.
    pub early: u64,
    /// Batches with the identity of others but other observations.
    pub clashes: u64,
}

/// What was ruled on a gate: a record of the gates log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulingRow {
    /// What the log is called.
    pub log_id: u64,
    /// The record's place in it.
    pub offset: u64,
    /// What it says.
    pub ruling: Ruling,
}

/// What one write takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows {
    /// Minutes of series.
    pub minutes: Vec<MinuteRow>,
    /// Windows as published.
    pub windows: Vec<WindowRow>,
    /// Minutes of agents.
    pub agents: Vec<AgentRow>,
    /// Rulings on gates.
    pub rulings: Vec<RulingRow>,
    /// Single attempts.
    pub attempts: Vec<AttemptRow>,
    /// Incidents, as they were opened or as they ended.
    pub incidents: Vec<Incident>,
}

/// How many rows retention has deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// Minutes of series.
    pub minutes: u64,
    /// Windows.
    pub windows: u64,
    /// Minutes of agents.
    pub agents: u64,
    /// Single attempts.
    pub attempts: u64,
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> u64 {
        count(self.minutes.len())
            .saturating_add(count(self.windows.len()))
            .saturating_add(count(self.agents.len()))
            .saturating_add(count(self.rulings.len()))
            .saturating_add(count(self.attempts.len()))
            .saturating_add(count(self.incidents.len()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same rows in pieces of at most so many each, in order. None if there are no rows.
    pub fn into_pieces(self, rows_max: usize) -> Vec<Self> {
        let mut minutes = self.minutes.into_iter();
        let mut windows = self.windows.into_iter();
        let mut agents = self.agents.into_iter();
        let mut rulings = self.rulings.into_iter();
        let mut attempts = self.attempts.into_iter();
        let mut incidents = self.incidents.into_iter();
        let pieces = std::iter::from_fn(|| {
            let mut room = rows_max;
            let piece = Self {
                minutes: up_to(&mut room, &mut minutes),
                windows: up_to(&mut room, &mut windows),
                agents: up_to(&mut room, &mut agents),
                rulings: up_to(&mut room, &mut rulings),
                attempts: up_to(&mut room, &mut attempts),
                incidents: up_to(&mut room, &mut incidents),
            };
            (!piece.is_empty()).then_some(piece)
        });
        pieces.collect()
    }

    /// Refuses what no store takes.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), StoreError> {
        at_most("rows in a write", self.len(), limits.written_rows_max)?;
        self.minutes.iter().try_for_each(MinuteRow::check)
    }
}

/// As many as there is room for, which becomes less.
fn up_to<T>(room: &mut usize, rows: &mut impl Iterator<Item = T>) -> Vec<T> {
    let taken: Vec<T> = rows.take(*room).collect();
    *room -= taken.len();
    taken
}

impl MinuteRow {
    fn check(&self) -> Result<(), StoreError> {
        if self.sums.bins.each_ref().map(Bins::metric) == Metric::ALL {
            return Ok(());
        }
        let (series, minute) = (&self.series, self.minute.index());
        Err(StoreError::Invalid {
            row: format!("minute {minute} of {} {}", series.endpoint, series.region),
            reason: "its histograms are not one for each metric in their order",
        })
    }
}

/// The sums of a time in which nothing was seen.
pub fn no_sums() -> MinuteSums {
    MinuteSums {
        counts: Counts::default(),
        bins: Metric::ALL.map(Bins::empty),
    }
}

/// What stands for a verdict that was taken back.
const NO_VERDICT: &str = "none";

/// The name of a verdict, or of its absence.
pub(crate) fn verdict_name(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or(NO_VERDICT, Verdict::name)
}

/// The verdict of such a name, or its absence; nothing for other names.
#[expect(
    clippy::option_option,
    reason = "the outer one says whether the name is one"
)]
pub(crate) fn verdict(name: &str) -> Option<Option<Verdict>> {
    if name == NO_VERDICT {
        return Some(None);
    }
    Verdict::parse(name).map(Some)
}

/// Adds what another time saw.
pub(crate) fn merge(sums: &mut MinuteSums, other: &MinuteSums) {
    sums.counts.merge(&other.counts);
    for (bins, more) in sums.bins.iter_mut().zip(&other.bins) {
        bins.merge(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents(count: u32) -> Rows {
        let row = |n| AgentRow {
            agent: AgentId::new("edge").unwrap(),
            minute: Minute::from_index(n),
            partition: 0,
            revision: Revision { epoch: 1, n: 1 },
            recorded: 0,
            dropped: BTreeMap::new(),
            acknowledged: 0,
            refused: 0,
            clock_offset_us: 0,
            early: 0,
            clashes: 0,
        };
        Rows {
            agents: (0..count).map(row).collect(),
            ..Rows::default()
        }
    }

    #[test]
    fn pieces_hold_all_rows_in_order_and_none_too_many() {
        for (count, lengths) in [
            (0, vec![]),
            (3, vec![3]),
            (4, vec![3, 1]),
            (7, vec![3, 3, 1]),
        ] {
            let pieces = agents(count).into_pieces(3);
            assert_eq!(pieces.iter().map(Rows::len).collect::<Vec<_>>(), lengths);
            let rows: Vec<_> = pieces.into_iter().flat_map(|piece| piece.agents).collect();
            assert_eq!(rows, agents(count).agents);
        }
    }
}
