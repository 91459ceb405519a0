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
use crate::endpoints::Endpoints;
use crate::flights::{Flight, Flights, Sent};
use crate::gathering::{Gathering, Limits};
use crate::options::Options;
use crate::pause::Pause;
use crate::report::DropReason;
use crate::tally::Tally;
use crate::transport::{Acknowledged, Ready};

/// Definitions after which a connection is renewed, so that neither end's table grows for ever.
const DEFINITIONS_PER_CONNECTION_MAX: usize = 65_536;
/// What of a message is no observation: identity, stamps, totals.
const ENVELOPE_BYTES_MAX: usize = 4_096;

/// All decisions of a sender.
#[derive(Debug)]
pub(crate) struct Outbox {
    options: Options,
    limits: Limits,
    gathering: Gathering,
    endpoints: Endpoints,
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

impl Outbox {
    pub(crate) fn new(options: Options, now: Instant) -> Self {
        Self {
            limits: own_limits(&options),
            gathering: Gathering::default(),
            endpoints: Endpoints::default(),
            flights: Flights::new(options.agent.clone(), options.epoch, options.in_flight_max),
            pause: Pause::new(&options),
            tally: Tally::default(),
            connection: Connection::default(),
            is_finishing: false,
            progress_at: now,
            options,
        }
    }

    /// How many more observations it takes now.
    pub(crate) fn room(&self) -> usize {
        if self.gathering.is_full(self.limits) {
            return 0;
        }
        let max = self.limits.observations_max;
        max.saturating_sub(self.gathering.len())
    }

    /// Takes an observation that is sent in at most so many bytes.
    pub(crate) fn push(&mut self, now: Instant, observation: Observation, bytes: usize) {
        if self.is_empty() {
            self.progress_at = now;
        }
        let row = Row {
            ordinal: self.tally.counters.recorded,
            endpoint: self.endpoints.id_of(&observation.definition),
            bytes,
            observation,
        };
        self.tally.counters.recorded += 1;
        self.gathering.push(row, now, self.options.batch_delay);
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
        let sequence = again.unwrap_or_else(|| self.number(now));
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
            self.gathering.due_at(),
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

    /// Whether the present connection has served its time.
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
        let is_too_large = |flight: &Flight| {
            let rows = flight.batch.rows();
            limits.fit(rows.iter()) < rows.len()
        };
        for sequence in self.flights.sequences_where(is_too_large).into_iter().rev() {
            if self.flights.is_uncertain(sequence) {
                let message = "too large for what the target takes since it was sent".to_owned();
                self.drop_batch(sequence, DropReason::Unacknowledged, message);
            } else {
                let rows = self.take_back(sequence);
                self.gathering.put_back(rows);
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
                let (rows, is_uncertain) = (flight.batch.rows().len(), flight.is_uncertain);
                if rows > 1 {
                    let half = rows.div_ceil(2);
                    self.limits.observations_max = self.limits.observations_max.min(half);
                }
                if is_uncertain {
                    self.drop_batch(sequence, DropReason::Unacknowledged, refusal.message);
                } else if rows > 1 {
                    self.split(sequence);
                } else {
                    self.drop_batch(sequence, DropReason::TooLarge, refusal.message);
                }
            }
            Reason::Definitions => {
                let is_first = self.connection.first_sequence == Some(sequence);
                let is_divisible = flight.batch.rows().len() > 1 && !flight.is_uncertain;
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
        self.gathering.is_empty() && self.flights.is_empty()
    }

    fn is_due(&self, now: Instant) -> bool {
        let is_last = self.is_finishing && !self.gathering.is_empty();
        is_last || self.gathering.is_due(self.limits, now)
    }

    fn patience_ends_at(&self) -> Option<Instant> {
        let patience = self.options.patience.filter(|_| !self.is_empty());
        patience.map(|patience| self.progress_at + patience)
    }

    fn number(&mut self, now: Instant) -> u64 {
        let delay = self.options.batch_delay;
        let rows = self.gathering.take(self.limits, now, delay);
        self.tally.counters.sent += rows.len() as u64;
        self.tally.counters.batches += 1;
        self.flights.number(rows)
    }

    /// Each half gets a number of its own, since a number's content never changes. Nothing may
    /// have been taken under the old one, or it would count twice.
    fn split(&mut self, sequence: u64) {
        let mut rows = self.take_back(sequence);
        let second = rows.split_off(rows.len().div_ceil(2));
        self.gathering.put_back(second);
        self.gathering.put_back(rows);
    }

    fn take_back(&mut self, sequence: u64) -> Vec<Row> {
        let flight = self.flights.remove(sequence);
        let rows = flight.map_or(Vec::new(), |flight| flight.batch.rows().to_vec());
        self.tally.counters.sent -= rows.len() as u64;
        rows
    }

    fn drop_batch(&mut self, sequence: u64, reason: DropReason, message: String) {
        if let Some(flight) = self.flights.remove(sequence) {
            self.tally.dropped(&flight.batch, reason, message);
        }
    }
}

impl Connection {
    /// What the batch's endpoint ids stand for, as far as this connection has not been told.
    fn define(&mut self, batch: &Batch) -> Vec<(u32, Definition)> {
        let mut news = Vec::new();
        for row in batch.rows() {
            if self.defined.insert(row.endpoint) {
                news.push((row.endpoint, row.observation.definition.clone()));
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
