//! One partition's windows: a pure function of the records read and of the times given.
//!
//! What an observation counts for is decided by its own completion time and by the append time of
//! its record. The clock only moves the windows on once everything has been read.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use sextant_catalog::Catalog;
use sextant_eventlog::{Offset, Position};
use sextant_measure::id::{EndpointId, Region, SeriesId};
use sextant_measure::long::LongUptime;
use sextant_measure::observation::Measurement;
use sextant_measure::time::{MINUTE_US, Minute, Step, Timestamp};
use sextant_measure::window::{Filed, STEPS_30M, STEPS_KEPT};
use sextant_wire::DecodeError;
use sextant_wire::part::{ObservationsRecord, Part};

use crate::agents::Agents;
use crate::config::{AggregatorConfig, UnknownEndpoints};
use crate::dedup::{Dedup, Judgement};
use crate::ended::Ended;
use crate::endpoint::Endpoint;
use crate::seen::Seen;
use crate::tally::{Dropped, Tally};
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
    pub(crate) config: AggregatorConfig,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) index: HashMap<EndpointId, usize>,
    pub(crate) agents: Agents,
    pub(crate) unstored: Unstored,
    pub(crate) tally: Tally,
    dedup: Dedup,
    reading: Reading,
    unknown_series: usize,
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
    /// A minute left memory before the store had it: the log must be read again for it.
    pub(crate) lost_a_minute: bool,
}

impl Partition {
    pub(crate) fn new(catalog: Arc<Catalog>, config: AggregatorConfig, reading: Reading) -> Self {
        Self {
            agents: Agents::new(config.agents_max),
            catalog,
            config,
            endpoints: Vec::new(),
            index: HashMap::new(),
            unstored: Unstored::default(),
            tally: Tally::default(),
            dedup: Dedup::default(),
            reading,
            unknown_series: 0,
            read_at: reading.from.unwrap_or_default(),
            next: Offset(0),
            now: reading.from.unwrap_or_default().step(),
            whole: false,
            ended: Ended::default(),
            lost_a_minute: false,
        }
    }

    /// Goes by another catalog from here on. What is held stays held.
    pub(crate) fn use_catalog(&mut self, catalog: Arc<Catalog>) {
        if Arc::ptr_eq(&self.catalog, &catalog) {
            return;
        }
        self.catalog = catalog;
        let unlisted = |endpoint: &&Endpoint| self.catalog.endpoint(&endpoint.id).is_none();
        let unknown = self.endpoints.iter().filter(unlisted);
        self.unknown_series = unknown.map(Endpoint::regions).sum();
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

    /// Takes an endpoint over from the last owner, so that it is published even without traffic.
    pub(crate) fn adopt(&mut self, id: &EndpointId, regions: &[Region], at: Timestamp) {
        for region in regions {
            let series = SeriesId {
                endpoint: id.clone(),
                region: region.clone(),
            };
            if self.admit(&series, at).is_err() {
                self.tally.drop(Dropped::SeriesCap, 0);
            }
        }
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

    /// The range of minutes that the long windows await from the store: `[from, to)`.
    pub(crate) fn awaited(&self) -> Option<(Minute, Minute)> {
        let to = self.long_from()?;
        Some((to.minus(24 * 60), to))
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
        let targets = self.resolve(&part.series);
        let agent = Seen::key(part.identity.agent.as_str());
        for target in targets.iter().flatten() {
            if let Some(endpoint) = self.endpoints.get_mut(target.endpoint) {
                endpoint.seen.note(agent, self.read_at);
                endpoint.last_observed = self.read_at;
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
        let lacks = record.offset >= self.reading.committed && minute >= first_minute;
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
    fn long_from(&self) -> Option<Minute> {
        self.reading
            .from
            .map(|from| from.plus_micros(MINUTE_US - 1).minute())
    }

    fn resolve(&mut self, series: &[SeriesId]) -> Vec<Result<Target, Dropped>> {
        let at = self.read_at;
        let admitted: Vec<_> = series.iter().map(|series| self.admit(series, at)).collect();
        // Places are looked up once all are there: a new region moves those behind it.
        let place = |(series, admitted): (&SeriesId, Result<usize, Dropped>)| {
            let endpoint = admitted?;
            let held = self
                .endpoints
                .get(endpoint)
                .and_then(|held| held.find(&series.region));
            held.map(|region| Target { endpoint, region })
                .ok_or(Dropped::SeriesCap)
        };
        series.iter().zip(admitted).map(place).collect()
    }

    /// Finds a series' endpoint or makes room for it, within the caps.
    fn admit(&mut self, series: &SeriesId, at: Timestamp) -> Result<usize, Dropped> {
        let known = self.index.get(&series.endpoint).copied();
        if let Some(place) = known
            && let Some(endpoint) = self.endpoints.get(place)
            && endpoint.find(&series.region).is_some()
        {
            return Ok(place);
        }
        let listed = self.catalog.endpoint(&series.endpoint).is_some();
        if !listed {
            if self.config.unknown_endpoints == UnknownEndpoints::Drop {
                return Err(Dropped::UnknownEndpoint);
            }
            if self.unknown_series >= self.config.unknown_series_max {
                return Err(Dropped::SeriesCap);
            }
        }
        let place = known.unwrap_or_else(|| {
            self.endpoints
                .push(Endpoint::new(series.endpoint.clone(), at));
            self.index
                .insert(series.endpoint.clone(), self.endpoints.len() - 1);
            self.endpoints.len() - 1
        });
        let long = self
            .long_from()
            .map_or_else(LongUptime::fresh, LongUptime::awaiting);
        let endpoint = self.endpoints.get_mut(place).ok_or(Dropped::SeriesCap)?;
        if endpoint.regions() >= self.config.regions_max {
            return Err(Dropped::RegionCap);
        }
        endpoint.add_region(&series.region, self.now, long);
        self.unknown_series += usize::from(!listed);
        Ok(place)
    }

    /// Lets an endpoint go, with all its series.
    pub(crate) fn remove(&mut self, id: &EndpointId) {
        let Some(place) = self.index.remove(id) else {
            return;
        };
        let gone = self.endpoints.swap_remove(place);
        if self.catalog.endpoint(id).is_none() {
            self.unknown_series = self.unknown_series.saturating_sub(gone.regions());
        }
        if let Some(moved) = self.endpoints.get(place) {
            self.index.insert(moved.id.clone(), place);
        }
    }
}

/// Where an observation goes.
#[derive(Debug, Clone, Copy)]
struct Target {
    endpoint: usize,
    region: usize,
}
