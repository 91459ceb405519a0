//! Batches that have a number and no acknowledgement.

use std::collections::BTreeMap;
use std::sync::Arc;

use sextant_measure::time::Timestamp;
use sextant_wire::identity::{Identity, SEQUENCES_IN_FLIGHT_MAX};
use tokio::time::Instant;

use crate::batch::Batch;

/// A number's batch and where it is.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) batch: Arc<Batch>,
    /// `None`: to be sent again.
    pub(crate) sent: Option<Sent>,
    pub(crate) attempts: u32,
    /// It was once under way when the connection was lost: the target may have taken it.
    pub(crate) is_uncertain: bool,
}

/// When a batch was last sent on the present connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) stamp: Timestamp,
}

/// Batches that have a number and no acknowledgement.
#[derive(Debug)]
pub(crate) struct Flights {
    in_flight_max: usize,
    /// A target answers by the sequence alone, so that no two may have the same.
    by_sequence: BTreeMap<u64, Flight>,
}

impl Flights {
    pub(crate) fn new(in_flight_max: usize) -> Self {
        Self {
            in_flight_max,
            by_sequence: BTreeMap::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_sequence.is_empty()
    }

    /// Whether there may be another.
    pub(crate) fn has_room(&self) -> bool {
        self.by_sequence.len() < self.in_flight_max
    }

    /// The lowest sequence of all.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.by_sequence.keys().next().copied()
    }

    /// Whether a batch may go beside those under way: its answer could not be mistaken, and its
    /// collector still remembers the oldest of its sender's.
    pub(crate) fn has_place_for(&self, identity: &Identity) -> bool {
        let is_same =
            |other: &Identity| other.epoch == identity.epoch && other.agent == identity.agent;
        let mut senders = self.by_sequence.iter();
        let oldest = senders.find(|(_, flight)| is_same(flight.batch.identity()));
        let is_near = oldest.is_none_or(|(oldest, _)| {
            identity.sequence.saturating_sub(*oldest) < SEQUENCES_IN_FLIGHT_MAX
        });
        is_near && !self.by_sequence.contains_key(&identity.sequence)
    }

    /// A batch that is still to be sent. Returns its sequence.
    pub(crate) fn add(&mut self, batch: Batch) -> u64 {
        let sequence = batch.identity().sequence;
        let flight = Flight {
            batch: Arc::new(batch),
            sent: None,
            attempts: 0,
            is_uncertain: false,
        };
        self.by_sequence.insert(sequence, flight);
        sequence
    }

    /// The oldest that is to be sent.
    pub(crate) fn to_send(&self) -> Option<u64> {
        let mut flights = self.by_sequence.iter();
        let (sequence, _) = flights.find(|(_, flight)| flight.sent.is_none())?;
        Some(*sequence)
    }

    pub(crate) fn get_mut(&mut self, sequence: u64) -> Option<&mut Flight> {
        self.by_sequence.get_mut(&sequence)
    }

    /// The batch, if it is under way on the present connection: only then can an answer to it be.
    pub(crate) fn under_way(&mut self, sequence: u64) -> Option<&mut Flight> {
        self.get_mut(sequence)
            .filter(|flight| flight.sent.is_some())
    }

    /// Takes out the batch if it is under way.
    pub(crate) fn arrive(&mut self, sequence: u64) -> Option<(Arc<Batch>, Sent)> {
        let sent = self.under_way(sequence)?.sent?;
        let flight = self.remove(sequence)?;
        Some((flight.batch, sent))
    }

    pub(crate) fn remove(&mut self, sequence: u64) -> Option<Flight> {
        self.by_sequence.remove(&sequence)
    }

    /// When the one that has waited longest for its answer was sent.
    pub(crate) fn waiting_since(&self) -> Option<Instant> {
        let sent = self.by_sequence.values().filter_map(|flight| flight.sent);
        sent.map(|sent| sent.at).min()
    }

    /// What was under way has an uncertain fate: all of it is to be sent again.
    pub(crate) fn land(&mut self) {
        for flight in self.by_sequence.values_mut() {
            flight.is_uncertain |= flight.sent.take().is_some();
        }
    }

    /// Whether the target may have taken the batch, so that no other number may be given to it.
    pub(crate) fn is_uncertain(&self, sequence: u64) -> bool {
        let flight = self.by_sequence.get(&sequence);
        flight.is_some_and(|flight| flight.is_uncertain)
    }

    /// The numbers that the condition holds for.
    pub(crate) fn sequences_where(&self, condition: impl Fn(&Flight) -> bool) -> Vec<u64> {
        let flights = self.by_sequence.iter();
        let chosen = flights.filter(|(_, flight)| condition(flight));
        chosen.map(|(sequence, _)| *sequence).collect()
    }
}
