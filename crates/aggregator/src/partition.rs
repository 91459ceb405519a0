//! One partition's windows: a pure function of the records read and of the times given.
//!
//! What an observation counts for is decided by its own completion time and by the append time of
//! its record. The clock only moves the windows on once everything has been read.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use sextant_catalog::Catalog;
use sextant_eventlog::{Offset, Position};
use sextant_measure::id::EndpointId;
use sextant_measure::observation::Measurement;
use sextant_measure::time::{MINUTE_US, Minute, Step, Timestamp};
use sextant_measure::window::{Filed, STEPS_30M, STEPS_KEPT};
use sextant_snapshot::record::Entry;
use sextant_wire::DecodeError;
use sextant_wire::dedup::{Dedup, Judgement};
use sextant_wire::part::{ObservationsRecord, Part};

use crate::agents::Agents;
use crate::config::AggregatorConfig;
use crate::ended::Ended;
use crate::endpoint::Endpoint;
use crate::gates::Verdicts;
use crate::holding::Target;
use crate::seen::Seen;
use crate::tally::{Dropped, Tally};
use crate::unknown::Unknown;
use crate::unstored::{Unstored, position};

/// From where a partition's log is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// The append time reading begins at; `None` if it begins with the log's first record ever.
    pub(crate) from: Option<Timestamp>,
    /// Everything before it is in the store.
    pub(crate) committed: Offset,
}

/// The windows of one partition.
pub(crate) struct Partition {
    pub(crate) catalog: Arc<Catalog>,
    /// What the operator ruled, as of the last tick.
    pub(crate) verdicts: Arc<Verdicts>,
    pub(crate) config: AggregatorConfig,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) index: HashMap<EndpointId, usize>,
    pub(crate) agents: Agents,
    pub(crate) unstored: Unstored,
    pub(crate) tally: Tally,
    dedup: Dedup,
    reading: Reading,
    pub(crate) unknown: Unknown,
    /// Append time of the last record read.
    read_at: Timestamp,
    /// One past the last record read.
    next: Offset,
    /// Where the windows stand.
    now: Step,
    /// Everything has been read once, so that what is published is the whole truth.
    pub(crate) whole: bool,
    /// Windows that ended at a whole minute and wait for the store.
    pub(crate) ended: Ended,
    /// A minute left memory before the store had it: the log must be read again for it, and may not
    /// be committed until then.
    pub(crate) lost_a_minute: bool,
    /// Tombstones that are not in the log yet.
    pub(crate) gone: Vec<Entry>,
    /// Whether a series that was held may come back, so that the store knows more of it than the
    /// partition.
    pub(crate) has_let_go: bool,
}

impl Partition {
    pub(crate) fn new(catalog: Arc<Catalog>, config: AggregatorConfig, reading: Reading) -> Self {
        Self {
            agents: Agents::new(config.agents_max),
            catalog,
            verdicts: Arc::default(),
            endpoints: Vec::new(),
            index: HashMap::new(),
            unstored: Unstored::default(),
            tally: Tally::default(),
            dedup: Dedup::new(config.senders_max),
            reading,
            unknown: Unknown::new(config.unknown_series_max),
            read_at: reading.from.unwrap_or_default(),
            next: Offset(0),
            now: reading.from.unwrap_or_default().step(),
            whole: false,
            ended: Ended::default(),
            lost_a_minute: false,
            gone: Vec::new(),
            has_let_go: false,
            config,
        }
    }

    /// Where reading stands: one past the last record, and that record's append time.
    pub(crate) fn read_position(&self) -> Position {
        position(self.next, self.read_at)
    }

    /// The append time of the last record read.
    pub(crate) fn read_at(&self) -> Timestamp {
        self.read_at
    }

    /// The step that the windows stand at.
    pub(crate) fn now(&self) -> Step {
        self.now
    }

    /// Moves the windows on. Never back. Those that end at a whole minute on the way are kept for
    /// the store.
    pub(crate) fn advance(&mut self, to: Timestamp) {
        if to.step() <= self.now {
            return;
        }
        if to.minute() > self.now.minute() {
            self.dedup.forget(to);
            if self.whole {
                self.end_windows(self.now.minute().plus(1), to.minute());
            }
        }
        self.lost_a_minute |= self.would_lose_a_minute(to);
        self.now = to.step();
    }

    /// Whether moving on to `to` would let go of a minute that the store has not been given.
    pub(crate) fn would_lose_a_minute(&self, to: Timestamp) -> bool {
        let gone = |oldest: Minute| oldest.first_step().plus(STEPS_KEPT) <= to.step();
        self.unstored.oldest().is_some_and(gone)
    }

    /// Takes in a record of the observations log.
    ///
    /// # Errors
    /// If it cannot be decoded; it then counts for nothing, and reading goes on behind it.
    pub(crate) fn ingest(
        &mut self,
        offset: Offset,
        appended_at: Timestamp,
        value: Option<&Bytes>,
    ) -> Result<(), DecodeError> {
        self.next = offset.following();
        self.read_at = self.read_at.max(appended_at);
        self.advance(self.read_at);
        match value.map(ObservationsRecord::decode) {
            None => Err(DecodeError::UnknownKind),
            Some(Err(error)) => Err(error),
            Some(Ok(ObservationsRecord::Agent(report))) => {
                self.agents.report(report, self.read_at);
                Ok(())
            }
            Some(Ok(ObservationsRecord::Part(part))) => {
                self.file(&part, offset);
                Ok(())
            }
        }
    }

    /// Notes that everything up to `next` has been read, though the last offsets held nothing.
    pub(crate) fn read_up_to(&mut self, next: Offset) {
        self.next = self.next.max(next);
    }

    /// Series held, regions counted apart.
    pub(crate) fn series(&self) -> usize {
        self.endpoints.iter().map(Endpoint::regions).sum()
    }

    /// Senders that deduplication remembers.
    pub(crate) fn senders(&self) -> usize {
        self.dedup.senders()
    }

    /// Senders that deduplication has forgotten for want of room, since this was last asked.
    pub(crate) fn take_evicted_senders(&mut self) -> u64 {
        self.dedup.take_evicted()
    }

    fn file(&mut self, part: &Part, offset: Offset) {
        let observations = part.columns.len() as u64;
        self.tally.received += observations;
        if !part.anonymous {
            match self
                .dedup
                .judge(&part.identity, part.content_hash, self.read_at)
            {
                Judgement::New => {}
                Judgement::Repeat => return self.tally.drop(Dropped::Repeated, observations),
                Judgement::Clash => {
                    self.tally.clashes += 1;
                    self.agents.clash(&part.identity, self.read_at);
                }
            }
        }
        if part.early > 0 {
            self.agents.early(&part.identity, part.early, self.read_at);
        }
        let agent = Seen::key(part.identity.agent.as_str());
        let targets = self.resolve(&part.series, agent);
        for target in targets.iter().flatten() {
            if let Some(endpoint) = self.endpoints.get_mut(target.endpoint) {
                endpoint.observed(target.region, agent, self.read_at);
            }
        }
        let record = position(offset, self.read_at);
        for row in part.columns.rows() {
            let Ok(row) = row else {
                self.tally.drop(Dropped::Malformed, 1);
                continue;
            };
            match targets.get(row.endpoint as usize) {
                Some(Ok(target)) => self.file_one(*target, row.measurement, record),
                Some(Err(reason)) => self.tally.drop(*reason, 1),
                None => self.tally.drop(Dropped::Malformed, 1),
            }
        }
    }

    fn file_one(&mut self, target: Target, measurement: Measurement, record: Position) {
        let first_minute = self.first_minute();
        let Some(endpoint) = self.endpoints.get_mut(target.endpoint) else {
            return;
        };
        let arrived = self.read_at.step();
        // A collector whose clock is ahead of the log's must not move anything into the future.
        let completed_at = measurement.completed_at.min(self.read_at);
        let measurement = Measurement {
            completed_at,
            ..measurement
        };
        if completed_at.step().plus(STEPS_30M) <= arrived {
            endpoint.file_late(target.region, self.now, arrived);
            return self.tally.drop(Dropped::Late, 1);
        }
        let minute = completed_at.minute();
        let lacks = !self.lost_a_minute
            && record.offset >= self.reading.committed
            && minute >= first_minute;
        match endpoint.file(
            target.region,
            self.now,
            &measurement,
            lacks.then_some(minute),
        ) {
            Filed::Inside | Filed::Kept => {
                self.tally.filed += 1;
                if lacks {
                    self.unstored.note(minute, record);
                }
            }
            // The clock has moved the windows on past what was read a moment later.
            Filed::Gone => self.tally.drop(Dropped::Late, 1),
            Filed::Full => self.tally.drop(Dropped::WindowFull, 1),
        }
    }

    /// The first minute that is whole in what is read.
    fn first_minute(&self) -> Minute {
        self.long_from().unwrap_or_default()
    }

    /// The first minute that the store need not tell of; `None` if the log holds everything.
    pub(crate) fn long_from(&self) -> Option<Minute> {
        self.reading
            .from
            .map(|from| from.plus_micros(MINUTE_US - 1).minute())
    }
}
