//! Recognises batches that come again.
//!
//! Per (agent, epoch), 1,024 slots of sequences, each with the content hashes filed under it.
//! Rebuilt by replaying [`FORGOTTEN_AFTER_US`] of the log, so that all who read it judge alike.
//! Bounded: of too many pairs those that have been silent for longest are forgotten before their
//! time, and counted.

use std::collections::{BTreeSet, HashMap};

use sextant_measure::id::AgentId;
use sextant_measure::time::Timestamp;

use crate::identity::{Identity, SEQUENCES_IN_FLIGHT_MAX};

/// How long a pair of agent and epoch is remembered after its last batch: a window and its grace.
pub const FORGOTTEN_AFTER_US: i64 = 45 * 60 * 1_000_000;
/// Content hashes that one sequence remembers.
const HASHES_MAX: usize = 4;

/// What a part of a batch is to the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Not seen before.
    New,
    /// Filed already.
    Repeat,
    /// Another content under the same identity: two senders share an id. It was acknowledged, so
    /// it is filed too.
    Clash,
}

/// What was seen of late, by sender.
#[derive(Debug)]
pub struct Dedup {
    senders_max: usize,
    senders: HashMap<(AgentId, u64), Slots>,
    evicted: u64,
}

#[derive(Debug, Default)]
struct Slots {
    newest: u64,
    last_at: Timestamp,
    /// Each with its sequence.
    hashes: BTreeSet<(u64, u64)>,
}

impl Dedup {
    /// Remembers at most so many pairs of agent and epoch, at least one.
    pub fn new(senders_max: usize) -> Self {
        Self {
            senders_max: senders_max.max(1),
            senders: HashMap::new(),
            evicted: 0,
        }
    }

    /// Judges a part and remembers it; `at` is its append time.
    pub fn judge(&mut self, identity: &Identity, hash: u64, at: Timestamp) -> Judgement {
        let sender = (identity.agent.clone(), identity.epoch);
        if self.senders.len() >= self.senders_max && !self.senders.contains_key(&sender) {
            self.make_room();
        }
        let slots = self.senders.entry(sender).or_default();
        slots.last_at = slots.last_at.max(at);
        slots.judge(identity.sequence, hash)
    }

    /// Forgets senders that have long been silent.
    pub fn forget(&mut self, now: Timestamp) {
        self.senders
            .retain(|_, slots| now.micros_since(slots.last_at) < FORGOTTEN_AFTER_US);
    }

    /// Forgets a sixteenth at once, so that a storm of new pairs doesn't look through all each time.
    fn make_room(&mut self) {
        let mut ages: Vec<_> = self.senders.values().map(|slots| slots.last_at).collect();
        let nth = ages.len() / 16;
        let (_, &mut until, _) = ages.select_nth_unstable(nth);
        let mut left = nth + 1;
        self.senders.retain(|_, slots| {
            let goes = left > 0 && slots.last_at <= until;
            left -= usize::from(goes);
            !goes
        });
        self.evicted += nth as u64 + 1;
    }

    /// How many were forgotten for want of room, since this was last asked.
    pub fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    /// Pairs of agent and epoch that are remembered.
    pub fn senders(&self) -> usize {
        self.senders.len()
    }
}

impl Slots {
    fn judge(&mut self, sequence: u64, hash: u64) -> Judgement {
        if sequence.saturating_add(SEQUENCES_IN_FLIGHT_MAX) <= self.newest {
            return Judgement::Repeat;
        }
        self.newest = self.newest.max(sequence);
        let oldest = self.newest.saturating_sub(SEQUENCES_IN_FLIGHT_MAX - 1);
        while self
            .hashes
            .first()
            .is_some_and(|(first, _)| *first < oldest)
        {
            self.hashes.pop_first();
        }
        if self.hashes.contains(&(sequence, hash)) {
            return Judgement::Repeat;
        }
        let known = self.hashes.range((sequence, 0)..=(sequence, u64::MAX));
        let known = known.count();
        if known < HASHES_MAX {
            self.hashes.insert((sequence, hash));
        }
        if known == 0 {
            Judgement::New
        } else {
            Judgement::Clash
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(epoch: u64, sequence: u64) -> Identity {
        Identity {
            agent: AgentId::new("edge-1").unwrap(),
            epoch,
            sequence,
        }
    }

    fn judge(dedup: &mut Dedup, epoch: u64, sequence: u64, hash: u64) -> Judgement {
        dedup.judge(&identity(epoch, sequence), hash, Timestamp::from_micros(1))
    }

    #[test]
    fn the_same_content_under_the_same_identity_is_a_repeat_in_any_order() {
        let mut dedup = Dedup::new(100);
        for sequence in [5, 3, 900, 4] {
            assert_eq!(judge(&mut dedup, 1, sequence, sequence), Judgement::New);
        }
        for sequence in [900, 4, 5, 3] {
            assert_eq!(judge(&mut dedup, 1, sequence, sequence), Judgement::Repeat);
        }
        assert_eq!(
            judge(&mut dedup, 2, 5, 5),
            Judgement::New,
            "a new epoch starts anew"
        );
    }

    #[test]
    fn another_content_under_the_same_identity_is_a_clash_and_its_repeat_a_repeat() {
        let mut dedup = Dedup::new(100);
        assert_eq!(judge(&mut dedup, 1, 7, 10), Judgement::New);
        assert_eq!(judge(&mut dedup, 1, 7, 11), Judgement::Clash);
        assert_eq!(judge(&mut dedup, 1, 7, 11), Judgement::Repeat);
        assert_eq!(judge(&mut dedup, 1, 7, 10), Judgement::Repeat);
    }

    #[test]
    fn below_the_slots_everything_is_a_repeat() {
        let mut dedup = Dedup::new(100);
        assert_eq!(judge(&mut dedup, 1, 2_000, 1), Judgement::New);
        assert_eq!(judge(&mut dedup, 1, 2_000 - 1_024, 2), Judgement::Repeat);
        assert_eq!(judge(&mut dedup, 1, 2_000 - 1_023, 2), Judgement::New);
        assert_eq!(judge(&mut dedup, 1, u64::MAX, 3), Judgement::New);
        assert_eq!(judge(&mut dedup, 1, u64::MAX, 3), Judgement::Repeat);
    }

    #[test]
    fn of_too_many_senders_the_longest_silent_are_forgotten_and_counted() {
        let mut dedup = Dedup::new(64);
        for epoch in 0..100 {
            let at = Timestamp::from_micros(i64::try_from(epoch).unwrap());
            dedup.judge(&identity(epoch, 1), 1, at);
            assert!(dedup.senders() <= 64);
        }
        assert_eq!(dedup.senders() as u64 + dedup.evicted, 100);
        assert_eq!(judge(&mut dedup, 99, 1, 1), Judgement::Repeat);
        assert_eq!(judge(&mut dedup, 0, 1, 1), Judgement::New, "forgotten");
    }

    #[test]
    fn a_silent_sender_is_forgotten_after_45_minutes() {
        let mut dedup = Dedup::new(100);
        judge(&mut dedup, 1, 1, 1);
        dedup.forget(Timestamp::from_micros(FORGOTTEN_AFTER_US));
        assert_eq!(dedup.senders(), 1);
        dedup.forget(Timestamp::from_micros(FORGOTTEN_AFTER_US + 1));
        assert_eq!(dedup.senders(), 0);
    }
}
