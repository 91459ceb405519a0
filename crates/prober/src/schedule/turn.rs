//! Whose turn it is to ask for one endpoint, as one agent sees it.

use std::time::Duration;

use rand::rngs::StdRng;

use super::backoff::{about, anywhere, backoff, one_in};
use super::budget::Budget;
use super::evidence::{Evidence, Seen};
use super::scheduler::{Finished, Plan, Skip};
use super::{GAP_MAX, Glimpse, Now, Observed, Pace, View};

/// One time in so many a holder gives the turn away.
const GIVEN_AWAY_ONE_IN: u32 = 60;
/// Intervals that an endpoint is left alone at most, in powers of two, when asking says nothing of
/// its uptime.
const LEFT_ALONE_LOG2_MAX: u32 = 3;
/// Longest that a provider may ask to be left alone, where asking it says nothing of its uptime.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);

/// Whose turn it is, and when to look at that next.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) due: Duration,
    /// When the present request was made, and what was reserved for it.
    pub(super) asking: Option<Asking>,
    pub(super) budget: Budget,
    pace: Pace,
    tokens_max: u64,
    holds: bool,
    /// Whether the budget's end was noted.
    is_paused: bool,
    /// Requests in a row that said nothing of uptime.
    in_vain: u32,
    evidence: Evidence,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Asking {
    since: Duration,
    day: i64,
    tokens: u64,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Ask {
        is_blind: bool,
    },
    Skip(Skip),
    /// The budget's end was noted before.
    Rest,
}

impl Turn {
    /// The first moment is anywhere in the interval, so that a start is no burst.
    pub(super) fn new(now: Duration, plan: Plan, rng: &mut StdRng) -> Self {
        let Plan {
            pace,
            tokens_max,
            budget,
            ..
        } = plan;
        Self {
            due: now + anywhere(pace.interval, rng),
            asking: None,
            budget,
            pace,
            tokens_max,
            holds: false,
            is_paused: false,
            in_vain: 0,
            evidence: Evidence::default(),
        }
    }

    pub(super) fn look(&mut self, now: Duration, glimpse: Option<Glimpse>) {
        let observed: Option<Observed> = match glimpse {
            Some(Glimpse::Fresh(observed)) => Some(observed),
            Some(Glimpse::Aged) | None => None,
        };
        self.evidence.look(now, observed);
    }

    /// Nobody looked for a while, so that much is due at once: it is spread over an interval again.
    pub(super) fn stalled(&mut self, now: Duration, stall: Duration, rng: &mut StdRng) {
        if self.due <= now && stall > self.pace.interval / 2 {
            self.due = now + anywhere(self.pace.interval, rng);
        }
    }

    /// Its moment has come.
    pub(super) fn decide(&mut self, now: Now, view: View, index: usize, rng: &mut StdRng) -> Move {
        let (day, at) = (now.day(), now.since_start);
        let is_blind = match view {
            View::Alone => false,
            View::Away => true,
            View::Sees(picture) => match picture.glimpses.get(index) {
                Some(Glimpse::Fresh(_)) => {
                    if let Some(skip) = self.seen(at, rng) {
                        return Move::Skip(skip);
                    }
                    false
                }
                Some(Glimpse::Aged) | None => true,
            },
        };
        if !self.budget.reserve(day, self.tokens_max) {
            // Looked at each interval, so that no jump of the clock is slept through.
            self.due = at + about(self.pace.interval, self.pace.jitter, rng);
            self.holds = false;
            return if std::mem::replace(&mut self.is_paused, true) {
                Move::Rest
            } else {
                Move::Skip(Skip::Budget)
            };
        }
        self.is_paused = false;
        self.holds = true;
        self.asking = Some(Asking {
            since: at,
            day,
            tokens: self.tokens_max,
        });
        Move::Ask { is_blind }
    }

    /// Whether somebody else's observation makes the own one needless.
    fn seen(&mut self, now: Duration, rng: &mut StdRng) -> Option<Skip> {
        let Seen { at, is_live } = self.evidence.recent(now, self.pace)?;
        if !is_live && self.holds {
            if one_in(2, rng) {
                return None;
            }
            self.holds = false;
        }
        self.due = now.max(at + self.wait(rng));
        Some(if is_live {
            Skip::LiveTraffic
        } else {
            Skip::AnotherAgent
        })
    }

    /// How long after an observation the next one is this agent's.
    fn wait(&self, rng: &mut StdRng) -> Duration {
        let Pace { interval, jitter } = self.pace;
        if self.holds {
            about(interval, jitter, rng)
        } else {
            interval + backoff(interval, rng)
        }
    }

    /// The answer is there.
    pub(super) fn finished(
        &mut self,
        now: Duration,
        finished: &Finished,
        is_shared: bool,
        rng: &mut StdRng,
    ) {
        let Some(asking) = self.asking.take() else {
            return;
        };
        // What a provider doesn't say is taken to be all that it may be.
        let used = finished.tokens.unwrap_or(asking.tokens);
        self.budget.settle(asking.day, asking.tokens, used);
        if finished.counts {
            self.in_vain = 0;
            self.evidence.observed(now);
        } else {
            self.in_vain = self.in_vain.saturating_add(1);
        }
        if is_shared && one_in(GIVEN_AWAY_ONE_IN, rng) {
            self.holds = false;
        }
        let times = 1 << self.in_vain.min(LEFT_ALONE_LOG2_MAX);
        let retry_after = finished.retry_after.unwrap_or_default();
        let mut retry_at = now + retry_after.min(RETRY_AFTER_MAX);
        if finished.counts {
            // An outage would else be a time without observations.
            retry_at = retry_at.min(asking.since + GAP_MAX);
        }
        let due = asking.since + self.wait(rng) * times;
        self.due = due.max(retry_at).max(now);
    }
}
