//! Carries batches that have their numbers already, and tells what became of each.
//!
//! They go out in the order in which they were handed over, as many at a time as may be, but never
//! two of the same sequence, since a target answers by that alone; and of one sender never so far
//! ahead of its oldest unanswered one that a collector could take that for a repeat.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sextant_measure::observation::Observation;
use sextant_measure::time::Clock;
use sextant_wire::batch::{Heartbeat, Totals};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::batch::{Batch, Row};
use crate::endpoints::Endpoints;
use crate::error::ReporterError;
use crate::flights::Flights;
use crate::gathering::Limits;
use crate::options::Options;
use crate::parcel::{Fate, Parcel, Settled};
use crate::relay::Relay;
use crate::report::{Counters, Report};
use crate::run::Run;
use crate::stock::Stock;
use crate::tally::Tally;
use crate::transport::Transport;

/// Parcels that wait for their turn. What is on its way comes on top.
const WAITING_MAX: usize = 16;

/// Carries batches that have their numbers already.
pub struct Courier {
    run: Run<Parcel>,
}

/// What a courier works with beside its transport.
pub struct Errand {
    /// Hears of each parcel's end.
    pub settled: mpsc::Sender<Settled>,
    /// What the agent that the options name has done, as targets are told.
    pub totals: watch::Receiver<Totals>,
    /// Signs of life of others.
    pub relay: Arc<Relay>,
}

impl Courier {
    /// Starts to connect, in a task of the present runtime. Of the options, what says how batches
    /// are filled means nothing here.
    pub fn start(
        options: Options,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        errand: Errand,
    ) -> Result<Self, ReporterError> {
        let options = Options {
            batch_observations_max: usize::MAX,
            batch_bytes_max: usize::MAX,
            queue_observations_max: 1,
            ..options
        };
        let shelf = Shelf {
            waiting: VecDeque::new(),
            endpoints: Endpoints::default(),
            untold: VecDeque::new(),
            errand,
        };
        Ok(Self {
            run: Run::start(options, shelf, transport, clock, Arc::default())?,
        })
    }

    /// Hands a parcel over; waits while many wait for their turn.
    ///
    /// # Errors
    /// [`ReporterError::Stopped`] when the courier has ended before its time.
    pub async fn carry(&self, parcel: Parcel) -> Result<(), ReporterError> {
        self.run.give(parcel).await
    }

    /// The running figures.
    pub fn counters(&self) -> watch::Receiver<Counters> {
        self.run.counters.clone()
    }

    /// Takes no more and waits until everything has its answer, at most for so long. What has none
    /// is not settled.
    pub async fn finish(self, within: Duration) -> Report {
        self.run.finish(within).await
    }
}

/// Parcels that wait for their turn.
struct Shelf {
    waiting: VecDeque<Batch>,
    endpoints: Endpoints,
    /// Ends that nobody has heard of yet.
    untold: VecDeque<Settled>,
    errand: Errand,
}

impl Shelf {
    /// The place of the first that may go beside those under way. One that has to wait for another
    /// sender's of the same number holds up nothing else.
    fn next(&self, flights: &Flights) -> Option<usize> {
        let mut waiting = self.waiting.iter();
        waiting.position(|batch| flights.has_place_for(batch.identity()))
    }

    fn tell(&mut self) {
        while let Some(settled) = self.untold.front() {
            if self.errand.settled.try_send(*settled).is_err() {
                break;
            }
            self.untold.pop_front();
        }
    }
}

impl Stock for Shelf {
    type Item = Parcel;

    const DIVIDES: bool = false;
    const RELAYS: bool = true;

    fn room(&self, _: Limits) -> usize {
        WAITING_MAX.saturating_sub(self.waiting.len())
    }

    fn weigh(parcel: &Parcel) -> u64 {
        parcel.batch.columns.len() as u64
    }

    fn put(
        &mut self,
        _: Instant,
        parcel: Parcel,
        _: u64,
        _: &dyn Fn(&Observation) -> usize,
    ) -> u64 {
        let observations = Self::weigh(&parcel);
        if let Some(identity) = parcel.batch.identity.clone() {
            let parcel = parcel.renumbered(|definition| self.endpoints.id_of(definition));
            self.waiting.push_back(Batch::carrying(identity, parcel));
        }
        observations
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn is_due(&self, _: Instant, _: Limits, flights: &Flights, _: bool) -> bool {
        self.next(flights).is_some()
    }

    fn due_at(&self) -> Option<Instant> {
        None
    }

    fn take(&mut self, _: Instant, _: Limits, flights: &Flights) -> Option<Batch> {
        self.waiting.remove(self.next(flights)?)
    }

    fn put_back(&mut self, _: Vec<Row>) {}

    fn settled(&mut self, batch: &Arc<Batch>, fate: Fate) {
        let parcel = batch.parcel();
        self.untold.extend(parcel.map(|parcel| Settled {
            ticket: parcel.ticket,
            observations: batch.len() as u64,
            fate,
        }));
        self.tell();
    }

    fn totals(&self, _: &Tally) -> Totals {
        self.errand.totals.borrow().clone()
    }

    fn heartbeats(&mut self) -> Vec<Heartbeat> {
        self.tell();
        self.errand.relay.take()
    }
}
