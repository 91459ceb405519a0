//! What the senders of a partition said of themselves.

use std::collections::{BTreeMap, HashMap};

use sextant_measure::id::AgentId;
use sextant_measure::time::{Minute, Timestamp};
use sextant_snapshot::row::AgentRow;
use sextant_store::Revision;
use sextant_wire::batch::Totals;
use sextant_wire::identity::Identity;
use sextant_wire::part::AgentReport;

/// A sender is gone after a day of silence.
const GONE_AFTER_US: i64 = 24 * 60 * 60 * 1_000_000;

#[derive(Debug)]
pub(crate) struct Agents {
    max: usize,
    known: HashMap<AgentId, Agent>,
    /// Reports of senders past the cap.
    pub(crate) refused: u64,
}

#[derive(Debug, Default)]
struct Agent {
    last_at: Timestamp,
    clock_offset_us: i64,
    totals: Totals,
    early: u64,
    clashes: u64,
    /// Up to when early observations and clashes are counted already.
    counted_until: Timestamp,
    changed: bool,
    unstored: Option<Minute>,
}

impl Agents {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            known: HashMap::new(),
            refused: 0,
        }
    }

    pub(crate) fn report(&mut self, report: AgentReport, at: Timestamp) {
        if let Some(agent) = self.entry(&report.agent, at) {
            agent.clock_offset_us = report.clock_offset_us;
            agent.totals = report.totals;
        }
    }

    /// Notes observations of a sender that were too far ahead of the collector's clock.
    pub(crate) fn early(&mut self, identity: &Identity, observations: u32, at: Timestamp) {
        if let Some(agent) = self.entry(&identity.agent, at)
            && at > agent.counted_until
        {
            agent.early += u64::from(observations);
        }
    }

    pub(crate) fn clash(&mut self, identity: &Identity, at: Timestamp) {
        if let Some(agent) = self.entry(&identity.agent, at) {
            agent.clashes += u64::from(at > agent.counted_until);
        }
    }

    /// The rows that changed, as they are at `at`.
    pub(crate) fn publish(&mut self, at: Timestamp) -> Vec<AgentRow> {
        let changed = self.known.iter_mut().filter(|(_, agent)| agent.changed);
        changed.map(|(id, agent)| agent.publish(id, at)).collect()
    }

    /// Everything is to be published again.
    pub(crate) fn unpublish(&mut self) {
        self.known
            .values_mut()
            .for_each(|agent| agent.changed = true);
    }

    /// Lets go of senders that have been silent for a day.
    pub(crate) fn take_gone(&mut self, now: Timestamp) -> Vec<AgentId> {
        let gone = |agent: &Agent| now.micros_since(agent.last_at) >= GONE_AFTER_US;
        let ids: Vec<_> = self
            .known
            .iter()
            .filter(|(_, a)| gone(a))
            .map(|(id, _)| id.clone())
            .collect();
        self.known.retain(|_, agent| !gone(agent));
        ids
    }

    /// One row for each sender heard of since the last call, in the minute it was heard in.
    pub(crate) fn take_rows(
        &mut self,
        partition: u32,
        revision: Revision,
    ) -> Vec<sextant_store::AgentRow> {
        let row = |(id, agent): (&AgentId, &mut Agent)| {
            let minute = agent.unstored.take()?;
            Some(sextant_store::AgentRow {
                agent: id.clone(),
                minute,
                partition,
                revision,
                recorded: agent.totals.recorded,
                dropped: agent.totals.dropped.clone(),
                acknowledged: agent.totals.acknowledged,
                refused: agent.totals.refused,
                clock_offset_us: agent.clock_offset_us,
                early: agent.early,
                clashes: agent.clashes,
            })
        };
        self.known.iter_mut().filter_map(row).collect()
    }

    /// Takes over what the last owner knew of a sender, if there is room. What it had counted by
    /// then is not counted again.
    pub(crate) fn adopt(&mut self, row: &AgentRow) -> bool {
        let Some(agent) = self.entry(&row.agent, row.heard_at) else {
            return false;
        };
        agent.clock_offset_us = row.clock_offset_us;
        agent.totals = Totals {
            recorded: row.recorded,
            acknowledged: row.acknowledged,
            refused: row.refused,
            dropped: row.dropped.iter().cloned().collect(),
        };
        (agent.early, agent.clashes) = (row.early, row.clashes);
        agent.counted_until = row.published_at;
        agent.unstored = None;
        true
    }

    fn entry(&mut self, id: &AgentId, at: Timestamp) -> Option<&mut Agent> {
        if !self.known.contains_key(id) && self.known.len() >= self.max {
            self.refused += 1;
            return None;
        }
        let agent = self.known.entry(id.clone()).or_default();
        agent.last_at = agent.last_at.max(at);
        agent.changed = true;
        agent.unstored = Some(agent.last_at.minute());
        Some(agent)
    }
}

impl Agent {
    fn publish(&mut self, id: &AgentId, at: Timestamp) -> AgentRow {
        self.changed = false;
        let dropped: &BTreeMap<String, u64> = &self.totals.dropped;
        AgentRow {
            agent: id.clone(),
            published_at: at,
            heard_at: self.last_at,
            recorded: self.totals.recorded,
            acknowledged: self.totals.acknowledged,
            refused: self.totals.refused,
            dropped: dropped
                .iter()
                .map(|(reason, n)| (reason.clone(), *n))
                .collect(),
            clock_offset_us: self.clock_offset_us,
            early: self.early,
            clashes: self.clashes,
        }
    }
}
