//! Recognises batches that come again.
//!
//! Per (agent, epoch), 1,024 slots of sequences, each with the content hashes filed under it.
//! Rebuilt by replaying the log, like everything else an owner knows.

use std::collections::{BTreeMap, HashMap};

use sextant_measure::id::AgentId;
use sextant_measure::time::Timestamp;
use sextant_wire::identity::{Identity, SEQUENCES_IN_FLIGHT_MAX};

/// How long a pair of agent and epoch is remembered after its last batch: a window and its grace.
pub(crate) const FORGOTTEN_AFTER_US: i64 = 45 * 60 * 1_000_000;
/// Content hashes that one sequence remembers.
const HASHES_MAX: usize = 4;

/// What a part of a batch is to the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Not seen before.
    New,
    /// Filed already.
    Repeat,
    /// Another content under the same identity: two senders share an id. It was acknowledged, so
    /// it is filed too.
    Clash,
}

#[derive(Debug, Default)]
pub(crate) struct Dedup {
    senders: HashMap<(AgentId, u64), Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    newest: u64,
    last_at: Timestamp,
    hashes: BTreeMap<u64, Vec<u64>>,
}

impl Dedup {
    /// Judges a part and remembers it; `at` is its append time.
    pub(crate) fn judge(&mut self, identity: &Identity, hash: u64, at: Timestamp) -> Judgement {
        let sender = (identity.agent.clone(), identity.epoch);
        let slots = self.senders.entry(sender).or_default();
        slots.last_at = slots.last_at.max(at);
        slots.judge(identity.sequence, hash)
    }

    /// Forgets senders that have long been silent.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        self.senders
            .retain(|_, slots| now.micros_since(slots.last_at) < FORGOTTEN_AFTER_US);
    }

    /// Pairs of agent and epoch that are remembered.
    pub(crate) fn senders(&self) -> usize {
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
            .first_key_value()
            .is_some_and(|(first, _)| *first < oldest)
        {
            self.hashes.pop_first();
        }
        let hashes = self.hashes.entry(sequence).or_default();
        if hashes.contains(&hash) {
            return Judgement::Repeat;
        }
        let judgement = if hashes.is_empty() {
            Judgement::New
        } else {
            Judgement::Clash
        };
        if hashes.len() < HASHES_MAX {
            hashes.push(hash);
        }
        judgement
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
        let mut dedup = Dedup::default();
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
        let mut dedup = Dedup::default();
        assert_eq!(judge(&mut dedup, 1, 7, 10), Judgement::New);
        assert_eq!(judge(&mut dedup, 1, 7, 11), Judgement::Clash);
        assert_eq!(judge(&mut dedup, 1, 7, 11), Judgement::Repeat);
        assert_eq!(judge(&mut dedup, 1, 7, 10), Judgement::Repeat);
    }

    #[test]
    fn below_the_slots_everything_is_a_repeat() {
        let mut dedup = Dedup::default();
        assert_eq!(judge(&mut dedup, 1, 2_000, 1), Judgement::New);
        assert_eq!(judge(&mut dedup, 1, 2_000 - 1_024, 2), Judgement::Repeat);
        assert_eq!(judge(&mut dedup, 1, 2_000 - 1_023, 2), Judgement::New);
        assert_eq!(judge(&mut dedup, 1, u64::MAX, 3), Judgement::New);
        assert_eq!(judge(&mut dedup, 1, u64::MAX, 3), Judgement::Repeat);
    }

    #[test]
    fn a_silent_sender_is_forgotten_after_45_minutes() {
        let mut dedup = Dedup::default();
        judge(&mut dedup, 1, 1, 1);
        dedup.forget(Timestamp::from_micros(FORGOTTEN_AFTER_US));
        assert_eq!(dedup.senders(), 1);
        dedup.forget(Timestamp::from_micros(FORGOTTEN_AFTER_US + 1));
        assert_eq!(dedup.senders(), 0);
    }
}
