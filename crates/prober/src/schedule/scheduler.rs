//! All endpoints of one agent.

use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::turn::{Move, Turn};
use super::{Budget, Glimpse, Now, Pace, View};

/// How often the scheduler wants to be asked at least, or it would miss what views show.
const TICK: Duration = Duration::from_secs(1);

/// All endpoints of one agent.
#[derive(Debug)]
pub(crate) struct Scheduler {
    turns: Vec<Turn>,
    hosts: Hosts,
    in_flight: usize,
    in_flight_max: usize,
    last_step: Duration,
    /// The edition of the view that was looked at last.
    looked_at: Option<u64>,
    is_shared: bool,
    rng: StdRng,
}

/// How a target is asked.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) pace: Pace,
    /// What a request may take.
    pub(crate) tokens_max: u64,
    pub(crate) budget: Budget,
    /// Whose answers it waits for, as a number from 0.
    pub(crate) host: usize,
}

/// Requests under way at each host. One that is silent holds up its own, and not those of the others.
#[derive(Debug)]
struct Hosts {
    of: Vec<usize>,
    in_flight: Vec<usize>,
    in_flight_max: usize,
}

/// What is to be done for a target now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) target: usize,
    pub(crate) what: What,
    /// How long after its moment.
    pub(crate) lag: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// It is asked; blind, if it can't be seen whether others have.
    Ask { is_blind: bool },
    /// It isn't, and this is why.
    Skip(Skip),
}

/// Why an endpoint isn't asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skip {
    /// Users' requests say enough.
    LiveTraffic,
    /// Another agent has asked.
    AnotherAgent,
    /// The day's budget is spent.
    Budget,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) target: usize,
    /// Whether it counts for uptime.
    pub(crate) counts: bool,
    /// Tokens that it took, if the provider says.
    pub(crate) tokens: Option<u64>,
    /// How long the provider wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

impl Skip {
    /// All reasons.
    pub(crate) const ALL: [Self; 3] = [Self::LiveTraffic, Self::AnotherAgent, Self::Budget];

    /// The name used in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::LiveTraffic => "live_traffic",
            Self::AnotherAgent => "another_agent",
            Self::Budget => "budget",
        }
    }
}

impl Scheduler {
    /// All targets, with the requests that may be under way at a time.
    pub(crate) fn new(
        targets: impl IntoIterator<Item = Plan>,
        in_flight_max: usize,
        now: Duration,
        seed: u64,
    ) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut turns, mut of) = (Vec::new(), Vec::new());
        for plan in targets {
            of.push(plan.host);
            turns.push(Turn::new(now, plan, &mut rng));
        }
        Self {
            turns,
            hosts: Hosts::new(of, in_flight_max),
            in_flight: 0,
            in_flight_max,
            last_step: now,
            looked_at: None,
            is_shared: false,
            rng,
        }
    }

    /// Takes what has come, and says what to do now, the longest due first.
    pub(crate) fn step(&mut self, now: Now, view: &View, results: &[Finished]) -> Vec<Decision> {
        let at = now.since_start;
        self.look(at, view);
        for finished in results {
            if let Some(turn) = self.turns.get_mut(finished.target) {
                if turn.asking.is_some() {
                    self.in_flight -= 1;
                    self.hosts.left(finished.target);
                }
                turn.finished(at, finished, self.is_shared, &mut self.rng);
            }
        }
        let stall = at.saturating_sub(self.last_step);
        self.last_step = at;
        if stall > TICK * 2 {
            for turn in &mut self.turns {
                turn.stalled(at, stall, &mut self.rng);
            }
        }
        let waiting = self.turns.iter().enumerate();
        let waiting = waiting.filter(|(_, turn)| turn.asking.is_none() && turn.due <= at);
        let mut due: Vec<_> = waiting.map(|(target, turn)| (turn.due, target)).collect();
        due.sort_unstable();
        let mut decisions = Vec::new();
        for (since, target) in due {
            if self.in_flight >= self.in_flight_max {
                break;
            }
            if self.hosts.is_full(target) {
                continue;
            }
            let Some(turn) = self.turns.get_mut(target) else {
                continue;
            };
            let what = match turn.decide(now, view.clone(), target, &mut self.rng) {
                Move::Ask { is_blind } => {
                    self.in_flight += 1;
                    self.hosts.entered(target);
                    What::Ask { is_blind }
                }
                Move::Skip(skip) => What::Skip(skip),
                Move::Rest => continue,
            };
            decisions.push(Decision {
                target,
                what,
                lag: at.saturating_sub(since),
            });
        }
        decisions
    }

    /// When to come again at the latest, unless a result comes before.
    pub(crate) fn wake_at(&self) -> Duration {
        let tick = self.last_step + TICK;
        if self.in_flight >= self.in_flight_max {
            return tick;
        }
        let waiting = self.turns.iter().enumerate();
        let waiting =
            waiting.filter(|(target, turn)| turn.asking.is_none() && !self.hosts.is_full(*target));
        let first = waiting.map(|(_, turn)| turn.due).min();
        first.map_or(tick, |due| due.min(tick))
    }

    /// The budgets, in the order of the targets.
    pub(crate) fn budgets(&self) -> impl Iterator<Item = &Budget> {
        self.turns.iter().map(|turn| &turn.budget)
    }

    /// The same, to note what was spent.
    pub(crate) fn budgets_mut(&mut self) -> impl Iterator<Item = &mut Budget> {
        self.turns.iter_mut().map(|turn| &mut turn.budget)
    }

    fn look(&mut self, now: Duration, view: &View) {
        let picture = match view {
            View::Alone => return,
            View::Away => None,
            View::Sees(picture) => Some(picture),
        };
        self.is_shared = picture.is_some();
        let edition = picture.map(|picture| picture.edition);
        if self.looked_at == edition {
            return;
        }
        self.looked_at = edition;
        for (target, turn) in self.turns.iter_mut().enumerate() {
            let glimpse = picture.and_then(|picture| picture.glimpses.get(target));
            turn.look(now, glimpse.copied().filter(|it| *it != Glimpse::Aged));
        }
    }
}

impl Hosts {
    /// Each has at most half of the whole, rounded up, unless it is the only one.
    fn new(of: Vec<usize>, in_flight_max: usize) -> Self {
        let hosts = of.iter().max().map_or(0, |last| last + 1);
        let share = if hosts > 1 {
            in_flight_max.div_ceil(2)
        } else {
            in_flight_max
        };
        Self {
            of,
            in_flight: vec![0; hosts],
            in_flight_max: share,
        }
    }

    fn is_full(&self, target: usize) -> bool {
        let at = self
            .of
            .get(target)
            .and_then(|host| self.in_flight.get(*host));
        at.is_some_and(|in_flight| *in_flight >= self.in_flight_max)
    }

    fn entered(&mut self, target: usize) {
        if let Some(in_flight) = self.at(target) {
            *in_flight += 1;
        }
    }

    fn left(&mut self, target: usize) {
        if let Some(in_flight) = self.at(target) {
            *in_flight = in_flight.saturating_sub(1);
        }
    }

    fn at(&mut self, target: usize) -> Option<&mut usize> {
        self.in_flight.get_mut(*self.of.get(target)?)
    }
}
