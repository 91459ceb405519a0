//! What is to be sent, what is under way and what has become of it: all decisions of a sender,
//! without its input and output. Time is an argument.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sextant_measure::observation::{Definition, Observation};
use sextant_measure::time::Timestamp;
use sextant_wire::answer::{BatchRefusal, BatchRefusalReason};
use tokio::time::Instant;

use crate::batch::{Batch, Row};
use crate::flights::{Flight, Flights, Sent};
use crate::gathering::Limits;
use crate::options::Options;
use crate::parcel::Fate;
use crate::pause::Pause;
use crate::report::DropReason;
use crate::stock::Stock;
use crate::tally::Tally;
use crate::transport::{Acknowledged, Ready};

/// Definitions after which a connection is renewed, so that neither end's table grows for ever.
const DEFINITIONS_PER_CONNECTION_MAX: usize = 65_536;
/// What of a message is no observation: identity, stamps, totals.
const ENVELOPE_BYTES_MAX: usize = 4_096;

/// All decisions of a sender.
#[derive(Debug)]
pub(crate) struct Outbox<S> {
    options: Options,
    limits: Limits,
    pub(crate) stock: S,
    flights: Flights,
    pub(crate) pause: Pause,
    pub(crate) tally: Tally,
    connection: Connection,
    is_finishing: bool,
    progress_at: Instant,
}

/// What the present connection has been told.
#[derive(Debug, Default)]
struct Connection {
    defined: HashSet<u32>,
    first_sequence: Option<u64>,
    /// It takes no more definitions: once what is under way is answered, another one is needed.
    is_worn_out: bool,
}

/// A batch to send now, and what its endpoint ids stand for as far as that is news.
#[derive(Debug)]
pub(crate) struct Shipment {
    pub(crate) batch: Arc<Batch>,
    pub(crate) definitions: Vec<(u32, Definition)>,
}

impl<S: Stock> Outbox<S> {
    pub(crate) fn new(options: Options, stock: S, now: Instant) -> Self {
        Self {
            limits: own_limits(&options),
            stock,
            flights: Flights::new(options.in_flight_max),
            pause: Pause::new(&options),
            tally: Tally::default(),
            connection: Connection::default(),
            is_finishing: false,
            progress_at: now,
            options,
        }
    }

    /// How many more items it takes now.
    pub(crate) fn room(&self) -> usize {
        self.stock.room(self.limits)
    }

    /// Takes an item; `bytes_max` says how many bytes an observation takes at most when it is sent.
    pub(crate) fn push(
        &mut self,
        now: Instant,
        item: S::Item,
        bytes_max: &dyn Fn(&Observation) -> usize,
    ) {
        if self.is_empty() {
            self.progress_at = now;
        }
        let recorded = &mut self.tally.counters.recorded;
        *recorded += self.stock.put(now, item, *recorded, bytes_max);
    }

    /// No more observations come: nothing waits for others any longer.
    pub(crate) fn finish(&mut self) {
        self.is_finishing = true;
    }

    /// Whether everything has found its end.
    pub(crate) fn is_finished(&self) -> bool {
        self.is_finishing && self.is_empty()
    }

    /// Whether there is something that the present connection may be given.
    pub(crate) fn can_send(&self, now: Instant) -> bool {
        !self.connection.is_worn_out
            && self.pause.is_over(now)
            && (self.flights.to_send().is_some() || (self.flights.has_room() && self.is_due(now)))
    }

    /// What to send now: first what is to be sent again, then what is new.
    pub(crate) fn next(&mut self, now: Instant, stamp: Timestamp) -> Option<Shipment> {
        if self.connection.defined.len() >= DEFINITIONS_PER_CONNECTION_MAX {
            self.connection.is_worn_out = true;
        }
        if !self.can_send(now) {
            return None;
        }
        let again = self.flights.to_send();
        let sequence = match again {
            Some(sequence) => sequence,
            None => self.begin(now)?,
        };
        let flight = self.flights.get_mut(sequence)?;
        flight.sent = Some(Sent { at: now, stamp });
        self.tally.counters.retries += u64::from(flight.attempts > 0);
        flight.attempts = flight.attempts.saturating_add(1);
        let batch = Arc::clone(&flight.batch);
        self.connection.first_sequence.get_or_insert(sequence);
        let definitions = self.connection.define(&batch);
        Some(Shipment { batch, definitions })
    }

    /// When to look again, if nothing happens before.
    pub(crate) fn wake_at(&self, now: Instant) -> Option<Instant> {
        let answer = self.flights.waiting_since();
        let moments = [
            self.pause.until(),
            self.stock.due_at(),
            answer.map(|since| since + self.options.answer_timeout),
            self.patience_ends_at(),
        ];
        // What is past and still there waits for something else than time.
        let ahead = moments.into_iter().flatten().filter(|at| *at > now);
        ahead.min()
    }

    /// Whether a batch has waited too long for its answer.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        let since = self.flights.waiting_since();
        since.is_some_and(|since| since + self.options.answer_timeout <= now)
    }

    /// Whether nothing has been acknowledged for longer than the caller wants to wait.
    pub(crate) fn is_out_of_patience(&self, now: Instant) -> bool {
        self.patience_ends_at().is_some_and(|end| end <= now)
    }

    /// The present connection has served its time: nothing more goes by it.
    pub(crate) fn wear_out(&mut self) {
        self.connection.is_worn_out = true;
    }

    /// Whether the present connection has served its time, and has nothing to answer.
    pub(crate) fn wants_connection(&self) -> bool {
        self.connection.is_worn_out && self.flights.waiting_since().is_none()
    }

    /// A new connection takes batches.
    pub(crate) fn opened(&mut self, ready: &Ready) {
        self.connection = Connection::default();
        let bytes = |max: usize| max.saturating_sub(ENVELOPE_BYTES_MAX);
        self.limits = own_limits(&self.options).and(Limits {
            observations_max: ready.batch_observations_max.unwrap_or(usize::MAX),
            bytes_max: ready.message_bytes_max.map_or(usize::MAX, bytes),
        });
        let limits = self.limits;
        let is_too_large = |flight: &Flight| !limits.hold(&flight.batch);
        for sequence in self.flights.sequences_where(is_too_large).into_iter().rev() {
            if self.flights.is_uncertain(sequence) {
                let message = "too large for what the target takes since it was sent".to_owned();
                self.drop_batch(sequence, DropReason::Unacknowledged, message);
            } else if S::DIVIDES {
                let rows = self.take_back(sequence);
                self.stock.put_back(rows);
            } else {
                self.drop_as_too_large(sequence);
            }
        }
    }

    /// The connection is gone: the fate of what was under way is unknown.
    pub(crate) fn lost(&mut self, now: Instant, retry_after: Option<Duration>) {
        self.closed();
        self.pause.begin(now, retry_after);
    }

    /// The connection is gone because it had served its time.
    pub(crate) fn closed(&mut self) {
        self.connection = Connection::default();
        self.flights.land();
    }

    /// The target keeps a batch. Returns when that was sent, by the sender's clock.
    pub(crate) fn acknowledged(&mut self, now: Instant, answer: Acknowledged) -> Option<Timestamp> {
        let Some((batch, sent)) = self.flights.arrive(answer.sequence) else {
            self.tally.counters.answers_ignored += 1;
            return None;
        };
        let accepted = answer.accepted.min(batch.len() as u64);
        self.stock.settled(&batch, Fate::Acknowledged { accepted });
        self.tally.acknowledged(&batch, answer);
        self.pause.forget();
        self.progress_at = now;
        Some(sent.stamp)
    }

    /// The target took nothing of a batch.
    pub(crate) fn refused(&mut self, now: Instant, sequence: u64, refusal: BatchRefusal) {
        use BatchRefusalReason as Reason;
        let Some(flight) = self.flights.under_way(sequence) else {
            self.tally.counters.answers_ignored += 1;
            return;
        };
        flight.sent = None;
        self.tally.counters.batches_refused += 1;
        match refusal.reason {
            Reason::TooLarge => {
                let (rows, is_uncertain) = (flight.batch.len(), flight.is_uncertain);
                if rows > 1 && S::DIVIDES {
                    let half = rows.div_ceil(2);
                    self.limits.observations_max = self.limits.observations_max.min(half);
                }
                if is_uncertain {
                    self.drop_batch(sequence, DropReason::Unacknowledged, refusal.message);
                } else if rows > 1 && S::DIVIDES {
                    self.split(sequence);
                } else {
                    self.drop_batch(sequence, DropReason::TooLarge, refusal.message);
                }
            }
            Reason::Definitions => {
                let is_first = self.connection.first_sequence == Some(sequence);
                let is_divisible = S::DIVIDES && flight.batch.len() > 1 && !flight.is_uncertain;
                self.connection.is_worn_out = true;
                self.pause.begin(now, refusal.retry_after);
                // Nothing but its own definitions stood before it.
                if is_first && is_divisible {
                    self.split(sequence);
                }
            }
            Reason::Invalid if refusal.retry_after.is_none() => {
                self.drop_batch(sequence, DropReason::Invalid, refusal.message);
            }
            Reason::Invalid
            | Reason::Rate
            | Reason::Load
            | Reason::Unavailable
            | Reason::NewSenders => self.pause.begin(now, refusal.retry_after),
        }
    }

    fn is_empty(&self) -> bool {
        self.stock.is_empty() && self.flights.is_empty()
    }

    fn is_due(&self, now: Instant) -> bool {
        self.stock
            .is_due(now, self.limits, &self.flights, self.is_finishing)
    }

    fn patience_ends_at(&self) -> Option<Instant> {
        let patience = self.options.patience.filter(|_| !self.is_empty());
        patience.map(|patience| self.progress_at + patience)
    }

    /// Lets the next batch begin its way, unless the target would never take it.
    fn begin(&mut self, now: Instant) -> Option<u64> {
        let batch = self.stock.take(now, self.limits, &self.flights)?;
        self.tally.counters.sent += batch.len() as u64;
        self.tally.counters.batches += 1;
        let fits = S::DIVIDES || self.limits.hold(&batch);
        let sequence = self.flights.add(batch);
        if !fits {
            self.drop_as_too_large(sequence);
        }
        fits.then_some(sequence)
    }

    /// Each half gets a number of its own, since a number's content never changes. Nothing may
    /// have been taken under the old one, or it would count twice.
    fn split(&mut self, sequence: u64) {
        let mut rows = self.take_back(sequence);
        let second = rows.split_off(rows.len().div_ceil(2));
        self.stock.put_back(second);
        self.stock.put_back(rows);
    }

    fn take_back(&mut self, sequence: u64) -> Vec<Row> {
        let flight = self.flights.remove(sequence);
        let rows = flight.map_or(Vec::new(), |flight| flight.batch.rows().to_vec());
        self.tally.counters.sent -= rows.len() as u64;
        rows
    }

    fn drop_batch(&mut self, sequence: u64, reason: DropReason, message: String) {
        if let Some(flight) = self.flights.remove(sequence) {
            self.stock.settled(&flight.batch, Fate::Dropped(reason));
            self.tally.dropped(&flight.batch, reason, message);
        }
    }

    fn drop_as_too_large(&mut self, sequence: u64) {
        let message = "larger than what the target takes, and not to be divided".to_owned();
        self.drop_batch(sequence, DropReason::TooLarge, message);
    }
}

impl Connection {
    /// What the batch's endpoint ids stand for, as far as this connection has not been told.
    fn define(&mut self, batch: &Batch) -> Vec<(u32, Definition)> {
        let mut news = Vec::new();
        for (id, definition) in batch.definitions() {
            if self.defined.insert(id) {
                news.push((id, definition.clone()));
            }
        }
        news
    }
}

fn own_limits(options: &Options) -> Limits {
    Limits {
        observations_max: options.batch_observations_max,
        bytes_max: options.batch_bytes_max,
    }
}
