//! Single observations, numbered here as batches.

use std::sync::Arc;
use std::time::Duration;

use sextant_measure::id::AgentId;
use sextant_measure::observation::Observation;
use sextant_wire::batch::{Heartbeat, Totals};
use sextant_wire::identity::{Identity, SEQUENCES_IN_FLIGHT_MAX};
use tokio::time::Instant;

use crate::batch::{Batch, Row};
use crate::endpoints::Endpoints;
use crate::flights::Flights;
use crate::gathering::{Gathering, Limits};
use crate::options::Options;
use crate::parcel::Fate;
use crate::stock::Stock;
use crate::tally::Tally;

/// Single observations, numbered here as batches.
#[derive(Debug)]
pub(crate) struct Loose {
    gathering: Gathering,
    endpoints: Endpoints,
    agent: AgentId,
    epoch: u64,
    next_sequence: u64,
    delay: Duration,
}

impl Loose {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            gathering: Gathering::default(),
            endpoints: Endpoints::default(),
            agent: options.agent.clone(),
            epoch: options.epoch,
            next_sequence: 1,
            delay: options.batch_delay,
        }
    }
}

impl Stock for Loose {
    type Item = Observation;

    const DIVIDES: bool = true;
    const RELAYS: bool = false;

    fn weigh(_: &Observation) -> u64 {
        1
    }

    fn room(&self, limits: Limits) -> usize {
        if self.gathering.is_full(limits) {
            return 0;
        }
        let max = limits.observations_max;
        max.saturating_sub(self.gathering.len())
    }

    fn put(
        &mut self,
        now: Instant,
        observation: Observation,
        ordinal: u64,
        bytes_max: &dyn Fn(&Observation) -> usize,
    ) -> u64 {
        let row = Row {
            ordinal,
            endpoint: self.endpoints.id_of(&observation.definition),
            bytes: bytes_max(&observation),
            observation,
        };
        self.gathering.push(row, now, self.delay);
        1
    }

    fn is_empty(&self) -> bool {
        self.gathering.is_empty()
    }

    /// A collector remembers only so many numbers back.
    fn is_due(&self, now: Instant, limits: Limits, flights: &Flights, is_last: bool) -> bool {
        let is_near = |oldest: u64| self.next_sequence - oldest < SEQUENCES_IN_FLIGHT_MAX;
        let is_last = is_last && !self.gathering.is_empty();
        let is_due = is_last || self.gathering.is_due(limits, now);
        is_due && flights.oldest().is_none_or(is_near)
    }

    fn due_at(&self) -> Option<Instant> {
        self.gathering.due_at()
    }

    fn take(&mut self, now: Instant, limits: Limits, _: &Flights) -> Option<Batch> {
        let rows = self.gathering.take(limits, now, self.delay);
        if rows.is_empty() {
            return None;
        }
        let identity = Identity {
            agent: self.agent.clone(),
            epoch: self.epoch,
            sequence: self.next_sequence,
        };
        self.next_sequence += 1;
        Some(Batch::new(identity, rows))
    }

    fn put_back(&mut self, rows: Vec<Row>) {
        self.gathering.put_back(rows);
    }

    fn settled(&mut self, _: &Arc<Batch>, _: Fate) {}

    fn totals(&self, tally: &Tally) -> Totals {
        tally.totals()
    }

    fn heartbeats(&mut self) -> Vec<Heartbeat> {
        Vec::new()
    }
}
