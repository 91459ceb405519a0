//! Which pairs of agent and epoch have sent of late.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use sextant_measure::id::AgentId;
use sextant_wire::answer::BatchRefusal;
use tokio::time::Instant;

use crate::limits::length;
use crate::peer::Peer;
use crate::refusal;

/// A pair that is silent for so long is forgotten, as the owners of partitions forget it.
const EXPIRY: Duration = Duration::from_mins(45);
/// How often a sender's own figures are kept in the log, at most.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// When the table is full of pairs that have not expired, this part of it makes room.
const EVICTED_PART: usize = 8;

/// One life of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sender {
    /// Its name.
    pub agent: AgentId,
    /// Which life.
    pub epoch: u64,
}

/// The senders of late, bounded.
#[derive(Debug)]
pub struct Senders {
    sessions: DashMap<Sender, Session>,
    sessions_max: usize,
    sweeping: Mutex<()>,
}

#[derive(Debug)]
struct Session {
    seen_at: Instant,
    reporting: Reporting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reporting {
    /// A report may be written from then on.
    DueAt(Instant),
    /// One is being written.
    Underway,
}

impl Senders {
    /// So many at most.
    pub fn new(senders_max: NonZeroU32) -> Self {
        Self {
            sessions: DashMap::new(),
            sessions_max: length(senders_max),
            sweeping: Mutex::new(()),
        }
    }

    /// Lets a known sender pass, and a new one within its peer's quota. How many had to be forgotten
    /// for it before their time.
    ///
    /// # Errors
    /// The peer has brought too many of late.
    pub fn meet(&self, peer: &Peer, sender: &Sender) -> Result<u64, BatchRefusal> {
        let now = Instant::now();
        if self.see(sender, now) {
            return Ok(0);
        }
        peer.new_senders.take(1).map_err(refusal::new_senders)?;
        Ok(self.open(sender.clone(), now))
    }

    /// Whether the sender is known; if so, it has been seen now.
    fn see(&self, sender: &Sender, now: Instant) -> bool {
        let session = self.sessions.get_mut(sender);
        session.map(|mut session| session.seen_at = now).is_some()
    }

    /// Remembers a new sender. How many had to be forgotten for it before their time.
    fn open(&self, sender: Sender, now: Instant) -> u64 {
        let evicted = self.make_room(now);
        self.sessions.entry(sender).or_insert(Session {
            seen_at: now,
            reporting: Reporting::DueAt(now),
        });
        evicted
    }

    /// Begins a report, if one is due.
    pub fn begin_report(&self, sender: &Sender, now: Instant) -> bool {
        let Some(mut session) = self.sessions.get_mut(sender) else {
            return false;
        };
        let is_due = matches!(session.reporting, Reporting::DueAt(at) if at <= now);
        if is_due {
            session.reporting = Reporting::Underway;
        }
        is_due
    }

    /// The report that was begun is in the log, or came to nothing: the next one says it again.
    pub fn finish_report(&self, sender: &Sender, begun_at: Instant) {
        if let Some(mut session) = self.sessions.get_mut(sender) {
            session.reporting = Reporting::DueAt(begun_at + REPORT_INTERVAL);
        }
    }

    fn make_room(&self, now: Instant) -> u64 {
        if self.sessions.len() < self.sessions_max {
            return 0;
        }
        let _guard = self.sweeping.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = |session: &Session| now.duration_since(session.seen_at) < EXPIRY;
        self.sessions.retain(|_, session| is_current(session));
        let before = self.sessions.len();
        if before < self.sessions_max {
            return 0;
        }
        let mut seen: Vec<Instant> = self.sessions.iter().map(|s| s.seen_at).collect();
        let going = (seen.len() / EVICTED_PART).min(seen.len().saturating_sub(1));
        let (_, last_going, _) = seen.select_nth_unstable(going);
        let last_going = *last_going;
        self.sessions
            .retain(|_, session| session.seen_at > last_going);
        u64::try_from(before.saturating_sub(self.sessions.len())).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(epoch: u64) -> Sender {
        let agent = AgentId::new("agent").unwrap();
        Sender { agent, epoch }
    }

    fn senders(max: u32) -> Senders {
        Senders::new(NonZeroU32::new(max).unwrap())
    }

    #[test]
    fn the_table_keeps_its_bound_and_counts_who_goes_before_their_time() {
        let (senders, begun) = (senders(16), Instant::now());
        let mut evicted = 0;
        for n in 0..100_u32 {
            evicted += senders.open(sender(n.into()), begun + Duration::from_secs(n.into()));
            assert!(senders.sessions.len() <= 16);
        }
        let kept = u64::try_from(senders.sessions.len()).unwrap();
        assert_eq!(evicted + kept, 100);
        let now = begun + Duration::from_secs(100);
        assert!(senders.see(&sender(99), now), "the latest was forgotten");
        assert!(!senders.see(&sender(0), now));
    }

    #[test]
    fn who_has_expired_goes_uncounted() {
        let (senders, begun) = (senders(2), Instant::now());
        assert_eq!(senders.open(sender(1), begun), 0);
        assert_eq!(senders.open(sender(2), begun), 0);
        assert_eq!(senders.open(sender(3), begun + EXPIRY), 0);
        assert_eq!(senders.sessions.len(), 1);
    }

    #[test]
    fn a_report_is_due_every_ten_seconds() {
        let (senders, begun) = (senders(2), Instant::now());
        let (one, second) = (sender(1), Duration::from_secs(1));
        senders.open(one.clone(), begun);
        assert!(!senders.begin_report(&sender(2), begun), "it is unknown");
        assert!(senders.begin_report(&one, begun));
        let later = begun + second * 20;
        assert!(!senders.begin_report(&one, later), "one is underway");
        senders.finish_report(&one, begun);
        assert!(!senders.begin_report(&one, begun + second * 9));
        assert!(senders.begin_report(&one, begun + second * 10));
    }
}
