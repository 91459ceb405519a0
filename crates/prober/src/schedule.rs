//! When which endpoint is asked: a function of the times, the view and the results given to it.
//!
//! # The rule
//!
//! Each endpoint is to be observed once in an interval `I`, by whomever. Agents know of each other
//! only what a server's snapshot says of the endpoint, some seconds late. So they do as the receivers
//! of a multicast do who all want to ask for the same repair: each waits for a time that chance
//! gives, and is silent if another was heard meanwhile (S. Floyd et al., "A Reliable Multicast
//! Framework for Light-weight Sessions", SIGCOMM 1995; RFC 5401, random backoff; RFC 6206, whose
//! listen-only half of an interval is `I` here).
//!
//! 1. Who has asked, holds the turn: it asks again after `I`, give or take the jitter.
//! 2. Everyone else waits until `I` + backoff after the last observation that it knows of. When that
//!    moment comes and the endpoint was seen within `I`, it skips; else it asks, and holds the turn.
//! 3. A holder that finds that another agent asked within `I` gives the turn away or keeps it, each
//!    with probability 1/2: of several holders one is left after a few intervals.
//! 4. Live traffic counts as an observation, but takes the turn from nobody.
//! 5. Now and then, by chance one time in 60, a holder gives the turn away, so that no agent pays for
//!    all of it and none is the only witness for ever.
//!
//! # What follows
//!
//! - One holder: one request an interval. If it dies, the first of the others asks at most
//!   `I` + `I`/2 + `D` after its last observation, `D` being how late a view is: below 2 `I` as long as
//!   `D` < `I`/2.
//! - Of `N` agents that wait, those whose moment comes within `D` after the first ask in vain. With
//!   backoffs uniform over `W` = `I`/2 - 5 s they would be about (`N` - 1) `D` / `W`; RFC 5401's
//!   truncated exponential puts most agents to the end and few to the front, and has about one.
//! - Uptime counts live and probe observations alike, and one in each `I` <= 89.5 s makes 20 in every
//!   window of 30 minutes, the minimum of a status. So a single live observation within `I` is enough
//!   to skip; and a hundred in 30 minutes of which none is new are not, though the status is live
//!   traffic's then: who looks at the last minute would see nothing.
//! - Who sees no server, or only old figures, asks as if alone.

mod backoff;
mod budget;
mod evidence;
mod scheduler;
#[cfg(test)]
mod tests;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use sextant_measure::time::Timestamp;

pub(crate) use self::budget::{Budget, Limits, Spent};
pub(crate) use self::scheduler::{Finished, Plan, Scheduler, Skip, What};

/// The longest time between two observations with which every window of 30 minutes, of which the
/// shortest has 29:50, holds the 20 that a status takes.
pub(crate) const GAP_MAX: Duration = Duration::from_millis(89_500);

/// The present moment, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Since the start; it never goes back, and all intervals are measured by it.
    pub(crate) since_start: Duration,
    /// What the clock on the wall says. Only days are told by it.
    pub(crate) wall: Timestamp,
}

/// How often an endpoint is to be observed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    pub(crate) interval: Duration,
    /// How much earlier or later, as a share of the interval.
    pub(crate) jitter: f64,
}

/// What is known of what others observe.
#[derive(Debug, Clone)]
pub enum View {
    /// Nobody is asked for it.
    Alone,
    /// Nobody has answered for too long.
    Away,
    /// This.
    Sees(Arc<Picture>),
}

/// What a server says of all endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Another one for each picture of the same sight.
    pub edition: u64,
    /// One for each target, in their order.
    pub glimpses: Vec<Glimpse>,
}

/// What a server says of one endpoint, as seen from the agent's region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glimpse {
    /// This, of the last minute.
    Fresh(Observed),
    /// Nothing that is new enough to go by.
    Aged,
}

/// What was observed of an endpoint in the last minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Observed {
    /// Observations that count for uptime, live and probes.
    pub all: u64,
    /// Observations that count for success, so live ones.
    pub live: u64,
}

impl Pace {
    pub(crate) fn new(interval_ms: u32, jitter_percent: u32) -> Self {
        Self {
            interval: Duration::from_millis(interval_ms.into()),
            jitter: f64::from(jitter_percent) / 100.0,
        }
    }
}

impl Now {
    /// Days since the Unix epoch, by UTC.
    pub(crate) fn day(&self) -> i64 {
        self.wall.as_micros().div_euclid(DAY_US)
    }
}

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;
