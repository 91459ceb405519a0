//! A partition of the windows log: who owns it, and what valid owners have written.

use std::collections::BTreeSet;
use std::sync::Arc;

use sextant_measure::id::{AgentId, EndpointId, ModelId};
use sextant_measure::time::Timestamp;

use crate::cursor::{Cursor, Effect};
use crate::handover::Handover;
use crate::lane::{Index, Lane, Place};
use crate::picture::{Applied, Ignored, Limits, PartitionStatus};
use crate::providers::Providers;
use crate::record::{Entry, LogRecord, OwnerState, Progress};
use crate::row::{AgentRow, EndpointRow};
use crate::stamp::{Stamp, Stamped};

/// Claims that are remembered, the latest. An older one costs a look through the rows each time it
/// is met again.
const CLAIMS_MAX: usize = 256;

/// What all partitions hold, by what it is about.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) rows: Index<EndpointId, EndpointRow>,
    pub(crate) agents: Index<AgentId, AgentRow>,
    pub(crate) providers: Providers,
}

impl Contents {
    pub(crate) fn new() -> Self {
        Self {
            rows: Index::new(),
            agents: Index::new(),
            providers: Providers::default(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Partition {
    index: u32,
    limits: Limits,
    log_id: Option<u64>,
    cursor: Cursor,
    claims: BTreeSet<u64>,
    owner: Option<String>,
    /// With the epoch of who said it.
    progress: Option<(u64, Progress)>,
    handover: Handover,
    rows: Lane<EndpointId, EndpointRow>,
    agents: Lane<AgentId, AgentRow>,
}

impl Partition {
    pub(crate) fn new(index: u32, limits: Limits) -> Self {
        Self {
            index,
            limits,
            log_id: None,
            cursor: Cursor::default(),
            claims: BTreeSet::new(),
            owner: None,
            progress: None,
            handover: Handover::new(limits.removals_max),
            rows: Lane::new(index, limits.rows_max, limits.removals_max),
            // Nobody is told what changed in senders, so their removals need no remembering.
            agents: Lane::new(index, limits.agents_max, 0),
        }
    }

    pub(crate) fn apply(&mut self, record: LogRecord, contents: &mut Contents) -> Applied {
        match self.admit(&record, contents) {
            Ok(epoch) => self.enter(record, epoch, contents),
            Err(Ignored::Stale) => {
                if let Entry::EndpointGone(id) = record.entry {
                    self.handover.note(id);
                }
                Applied::Ignored(Ignored::Stale)
            }
            Err(reason) => Applied::Ignored(reason),
        }
    }

    pub(crate) fn reached_end(&mut self, next: u64, now: Timestamp) -> bool {
        self.cursor.reached_end(next, now)
    }

    pub(crate) fn forget(&mut self, until: Timestamp, contents: &mut Contents) {
        self.rows.forget(&mut contents.rows, until);
    }

    pub(crate) fn log_id(&self) -> Option<u64> {
        self.log_id
    }

    pub(crate) fn position(&self) -> u64 {
        self.cursor.position()
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.progress()
            .is_some_and(|progress| progress.state == OwnerState::Whole)
    }

    pub(crate) fn status(&self) -> PartitionStatus<'_> {
        PartitionStatus {
            partition: self.index,
            log_id: self.log_id,
            epoch: self.epoch(),
            owner: self.owner.as_deref(),
            progress: self.progress(),
            next_offset: self.cursor.next(),
            reached_at: self.cursor.reached_at(),
            rows: self.rows.len(),
            agents: self.agents.len(),
        }
    }

    pub(crate) fn resumes_from(&self, position: u64, now: Timestamp) -> bool {
        self.cursor.resumes_from(position, now)
            && self.rows.remembers(position)
            && self.handover.resumes_from(position)
    }

    /// Adds the rows that came since the position, and the removals.
    pub(crate) fn since(
        &self,
        position: u64,
        mut wanted: impl FnMut(&ModelId) -> bool,
        rows: &mut Vec<Stamped<EndpointRow>>,
        removed: &mut Vec<(EndpointId, Stamp)>,
    ) {
        for (offset, id, row) in self.rows.since(position) {
            match row {
                _ if !wanted(&id.model) => {}
                Some(row) => rows.push(Stamped {
                    stamp: self.stamp(offset),
                    value: Arc::clone(row),
                }),
                None => removed.push((id.clone(), self.stamp(offset))),
            }
        }
    }

    /// Moves past the record. Gives its writer's epoch, if it is a valid owner's.
    fn admit(&mut self, record: &LogRecord, contents: &mut Contents) -> Result<u64, Ignored> {
        let offset = record.offset;
        let claims = matches!(record.entry, Entry::Claim { .. });
        let epoch = if claims { offset } else { record.epoch };
        if !claims && epoch >= offset {
            return Err(Ignored::EpochAhead);
        }
        if self.log_id.is_some_and(|known| known != record.log_id) {
            if !claims {
                return Err(Ignored::OtherLog);
            }
            self.start_again(contents);
        }
        if self.cursor.has_read(offset) {
            return Err(Ignored::Repeated);
        }
        self.log_id = Some(record.log_id);
        let effect = self.effect(record, epoch);
        self.cursor.advance(offset, record.appended_at, effect);
        self.learn_claim(epoch, record, contents);
        if self.epoch() > Some(epoch) {
            return Err(Ignored::Stale);
        }
        Ok(epoch)
    }

    /// Whether the record, which is about to be read, may change what is handed out: here, or for
    /// another reader of the log. One that knows fewer claims may take a stale record for a valid
    /// one, so a watcher that comes from here has to be past it.
    fn effect(&self, record: &LogRecord, epoch: u64) -> Effect {
        let by_owner = self.epoch() == Some(epoch);
        let is_unshown = by_owner
            && match &record.entry {
                Entry::Agent(_) | Entry::AgentGone(_) => true,
                Entry::Progress(progress) => {
                    (progress.state == OwnerState::Whole) == self.is_whole()
                }
                Entry::Claim { .. } | Entry::Endpoint(_) | Entry::EndpointGone(_) => false,
            };
        if is_unshown {
            Effect::Unshown
        } else {
            Effect::Shown
        }
    }

    fn enter(&mut self, record: LogRecord, epoch: u64, contents: &mut Contents) -> Applied {
        let place = Place::at(record.offset);
        match record.entry {
            Entry::Claim { owner } => self.owner = Some(owner),
            Entry::Progress(progress) => {
                let was_whole = self.is_whole();
                self.progress = Some((epoch, progress));
                let at = (record.offset, record.appended_at);
                match (was_whole, self.is_whole()) {
                    (false, true) => self.become_whole(epoch, at, contents),
                    (true, true) => self.handover.still_whole(record.appended_at),
                    (_, false) => {}
                }
            }
            Entry::Endpoint(row) => {
                let row = Arc::new(row);
                let (index, id) = (&mut contents.rows, row.id().clone());
                let put = self.rows.put(index, id, place, epoch, Arc::clone(&row));
                let Ok(held) = put else {
                    return Applied::Ignored(Ignored::NoRoom);
                };
                contents.providers.replace(held.as_deref(), Some(&row));
                self.handover.forget(row.id());
            }
            Entry::Agent(row) => {
                let (index, id) = (&mut contents.agents, row.agent.clone());
                let put = self.agents.put(index, id, place, epoch, Arc::new(row));
                if put.is_err() {
                    return Applied::Ignored(Ignored::NoRoom);
                }
            }
            Entry::EndpointGone(id) => {
                self.handover.forget(&id);
                let index = &mut contents.rows;
                let held = self.rows.bury(index, id, place, epoch, record.appended_at);
                contents.providers.replace(held.as_deref(), None);
            }
            Entry::AgentGone(id) => {
                let index = &mut contents.agents;
                self.agents
                    .bury(index, id, place, epoch, record.appended_at);
            }
        }
        Applied::Changed
    }

    /// Whatever stands has been written anew by now. What has not, the owner doesn't know of, and it
    /// is removed: also what only a replaced owner's tombstone tells of.
    fn become_whole(&mut self, epoch: u64, at: (u64, Timestamp), contents: &mut Contents) {
        let mut ids = self.handover.whole(epoch, at.0, at.1);
        ids.retain(|id| !self.rows.holds(&contents.rows, id));
        ids.extend(self.rows.older_since(0, epoch));
        let agents = self.agents.older_since(0, epoch);
        self.remove(ids, agents, epoch, at, contents);
    }

    /// Every epoch is the offset of a claim, also of one that compaction has deleted. What had been
    /// taken for a valid owner's before the claim was known is removed as of now: those who were
    /// handed it have to learn that.
    fn learn_claim(&mut self, claim: u64, by: &LogRecord, contents: &mut Contents) {
        let newest = self.epoch();
        if !self.claims.insert(claim) {
            return;
        }
        if self.claims.len() > CLAIMS_MAX {
            self.claims.pop_first();
        }
        if newest < Some(claim) {
            self.owner = None;
        }
        let at = (by.offset, by.appended_at);
        let since = claim.saturating_add(1);
        let rows = self.rows.older_since(since, claim);
        let agents = self.agents.older_since(since, claim);
        self.remove(rows, agents, claim, at, contents);
    }

    /// Removes keys as of the record at this offset and time.
    fn remove(
        &mut self,
        rows: impl IntoIterator<Item = EndpointId>,
        agents: Vec<AgentId>,
        epoch: u64,
        (offset, appended_at): (u64, Timestamp),
        contents: &mut Contents,
    ) {
        let places = (1..).map(|nth| Place { offset, nth });
        for (id, place) in rows.into_iter().zip(places.clone()) {
            let index = &mut contents.rows;
            let held = self.rows.bury(index, id, place, epoch, appended_at);
            contents.providers.replace(held.as_deref(), None);
        }
        for (id, place) in agents.into_iter().zip(places) {
            let index = &mut contents.agents;
            self.agents.bury(index, id, place, epoch, appended_at);
        }
    }

    /// The log was made anew, or is read anew: nothing of what was read stands.
    pub(crate) fn start_again(&mut self, contents: &mut Contents) {
        for row in self.rows.clear(&mut contents.rows) {
            contents.providers.replace(Some(&row), None);
        }
        self.agents.clear(&mut contents.agents);
        *self = Self::new(self.index, self.limits);
    }

    fn epoch(&self) -> Option<u64> {
        self.claims.last().copied()
    }

    /// How far the present owner is.
    fn progress(&self) -> Option<Progress> {
        let (epoch, progress) = self.progress?;
        (Some(epoch) == self.epoch()).then_some(progress)
    }

    fn stamp(&self, offset: u64) -> Stamp {
        Stamp {
            partition: self.index,
            offset,
        }
    }
}
