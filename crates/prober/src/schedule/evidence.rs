//! What follows from a view: when somebody else was seen to observe an endpoint.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Observed, Pace};

/// What the snapshot counts its freshest figures over.
const MINUTE: Duration = Duration::from_mins(1);
/// How long an own observation may stand in a snapshot's minute: the minute, and what comes before
/// and behind.
const OWN: Duration = Duration::from_secs(75);
/// How long an own observation may take until it is in a view.
const UNSEEN: Duration = Duration::from_secs(20);

/// Somebody else's observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) at: Duration,
    /// It can be live traffic's.
    pub(super) is_live: bool,
}

/// What is remembered of an endpoint's views, and of the own observations in them.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    last: Option<Observed>,
    seen: Option<Seen>,
    own: Counted,
    /// Own observations that no view has shown.
    unseen: Counted,
}

/// How many there were in each second; as many entries as seconds are looked back at.
#[derive(Debug, Default)]
struct Counted(VecDeque<(u64, u64)>);

impl Evidence {
    /// An own observation that counts for uptime.
    pub(super) fn observed(&mut self, now: Duration) {
        self.own.add(now, OWN);
        self.unseen.add(now, UNSEEN);
    }

    /// Takes a new view. More than before, and more than the own that are under way, is somebody
    /// else's.
    pub(super) fn look(&mut self, now: Duration, observed: Option<Observed>) {
        let last = std::mem::replace(&mut self.last, observed);
        let (Some(last), Some(observed)) = (last, observed) else {
            return;
        };
        let more = observed.all.saturating_sub(last.all);
        self.unseen.forget(now, UNSEEN);
        if more > self.unseen.take(more) {
            let is_live = observed.live > 0;
            self.seen = Some(Seen { at: now, is_live });
        }
    }

    /// Somebody else's observation of less than an interval ago.
    ///
    /// What came and what went between two views can hide each other. So the whole minute is looked
    /// at, too: if it has as many as should be in it without the own, one of them is recent enough.
    /// When is not known, so it is taken to be as old as can be.
    pub(super) fn recent(&mut self, now: Duration, pace: Pace) -> Option<Seen> {
        let since = |seen: &Seen| now.saturating_sub(seen.at);
        if let Some(seen) = self.seen.filter(|seen| since(seen) < pace.interval) {
            return Some(seen);
        }
        let observed = self.last?;
        self.own.forget(now, OWN);
        let others = observed.all.saturating_sub(self.own.sum());
        let enough = MINUTE
            .as_millis()
            .div_ceil(pace.interval.as_millis().max(1));
        let is_enough = others > 0 && u128::from(others) >= enough;
        is_enough.then(|| Seen {
            at: now.saturating_sub(pace.interval.min(MINUTE)),
            is_live: observed.live > 0,
        })
    }
}

impl Counted {
    fn add(&mut self, now: Duration, within: Duration) {
        self.forget(now, within);
        match self.0.back_mut() {
            Some((second, count)) if *second == now.as_secs() => *count += 1,
            _ => self.0.push_back((now.as_secs(), 1)),
        }
    }

    fn forget(&mut self, now: Duration, within: Duration) {
        let oldest = now.saturating_sub(within).as_secs();
        while self.0.front().is_some_and(|(second, _)| *second < oldest) {
            self.0.pop_front();
        }
    }

    fn sum(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Takes out up to so many, and gives how many.
    fn take(&mut self, wanted: u64) -> u64 {
        let mut taken = 0;
        while let Some((_, count)) = self.0.front_mut() {
            let part = (*count).min(wanted - taken);
            *count -= part;
            taken += part;
            if *count > 0 {
                break;
            }
            self.0.pop_front();
        }
        taken
    }
}
