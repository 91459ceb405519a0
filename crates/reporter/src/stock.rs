//! What waits to be sent.

use std::sync::Arc;

use sextant_measure::observation::Observation;
use sextant_wire::batch::{Heartbeat, Totals};
use tokio::time::Instant;

use crate::batch::{Batch, Row};
use crate::flights::Flights;
use crate::gathering::Limits;
use crate::parcel::Fate;
use crate::tally::Tally;

/// What waits to be sent, in whatever form it was handed over.
pub(crate) trait Stock: Send + 'static {
    /// What is handed over.
    type Item: Send + 'static;

    /// Whether a batch may be made anew in smaller ones under other numbers.
    const DIVIDES: bool;

    /// Whether signs of life of others are passed on.
    const RELAYS: bool;

    /// How many observations an item holds.
    fn weigh(item: &Self::Item) -> u64;

    /// How many more items it takes now.
    fn room(&self, limits: Limits) -> usize;

    /// Takes an item; how many observations that are. The first of them is the so-manieth of all;
    /// `bytes_max` says how many bytes an observation takes at most when it is sent.
    fn put(
        &mut self,
        now: Instant,
        item: Self::Item,
        ordinal: u64,
        bytes_max: &dyn Fn(&Observation) -> usize,
    ) -> u64;

    /// Whether nothing waits.
    fn is_empty(&self) -> bool;

    /// Whether there is a batch that need not wait, and that may go beside those under way. Once
    /// nothing more comes, none waits for company.
    fn is_due(&self, now: Instant, limits: Limits, flights: &Flights, is_last: bool) -> bool;

    /// When there will be one, if nothing else comes.
    fn due_at(&self) -> Option<Instant>;

    /// The next batch that may go beside those under way, under its number.
    fn take(&mut self, now: Instant, limits: Limits, flights: &Flights) -> Option<Batch>;

    /// Takes back rows whose number has been given up.
    fn put_back(&mut self, rows: Vec<Row>);

    /// Learns the end of a batch.
    fn settled(&mut self, batch: &Arc<Batch>, fate: Fate);

    /// What its sender has done, as the target is told.
    fn totals(&self, tally: &Tally) -> Totals;

    /// Signs of life of others that are to be passed on.
    fn heartbeats(&mut self) -> Vec<Heartbeat>;
}
