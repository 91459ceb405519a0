//! Endpoints, the agents that ask them, and a server that says what was seen, some seconds late.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sextant_measure::time::Timestamp;

use super::super::scheduler::What;
use super::super::{
    Budget, Finished, Glimpse, Limits, Now, Observed, Pace, Picture, Plan, Scheduler, Skip, View,
};

/// A moment shortly after midnight.
pub(super) const START_US: i64 = 20_000 * 86_400 * 1_000_000;
/// How late a server's figures are.
const LATE_S: u64 = 3;
pub(super) const PLENTY: Limits = Limits {
    requests: 1_000_000,
    tokens: 1_000_000_000,
};

pub(super) const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn at(seconds: u64) -> Now {
    Now {
        since_start: s(seconds),
        wall: Timestamp::from_micros(START_US + i64::try_from(seconds).unwrap() * 1_000_000),
    }
}

pub(super) fn scheduler(targets: usize, now: u64, seed: u64, limits: Limits) -> Scheduler {
    of_hosts((0..targets).map(|_| 0), now, seed, limits)
}

/// A target at each of these hosts.
pub(super) fn of_hosts(
    hosts: impl Iterator<Item = usize>,
    now: u64,
    seed: u64,
    limits: Limits,
) -> Scheduler {
    let target = |host| Plan {
        pace: Pace::new(60_000, 10),
        tokens_max: 80,
        budget: Budget::new(limits, &BTreeMap::new()),
        host,
    };
    Scheduler::new(hosts.map(target), 8, s(now), seed)
}

struct Endpoint {
    /// Observations of the last minutes, by when they ended, and whether they are live.
    observed: VecDeque<(u64, bool)>,
    longest_gap: u64,
}

struct Agent {
    scheduler: Scheduler,
    under_way: Vec<(u64, Finished)>,
    sees: bool,
}

/// A fleet. A turn of it is a second.
pub(super) struct World {
    pub(super) now: u64,
    endpoints: Vec<Endpoint>,
    agents: Vec<Agent>,
    rng: StdRng,
    /// How long an answer takes.
    pub(super) answer_s: u64,
    /// Whether answers count for uptime.
    pub(super) counts: bool,
    pub(super) requests: u64,
    pub(super) blind: u64,
    pub(super) skipped: [u64; 3],
    /// Requests of all agents within one second, at most.
    pub(super) burst: usize,
}

impl World {
    pub(super) fn new(endpoints: usize, agents: usize, seed: u64) -> Self {
        println!("seed {seed}");
        let endpoint = || Endpoint {
            observed: VecDeque::new(),
            longest_gap: 0,
        };
        let mut world = Self {
            now: 0,
            endpoints: (0..endpoints).map(|_| endpoint()).collect(),
            agents: Vec::new(),
            rng: StdRng::seed_from_u64(seed),
            answer_s: 1,
            counts: true,
            requests: 0,
            blind: 0,
            skipped: [0; 3],
            burst: 0,
        };
        (0..agents).for_each(|_| world.join());
        world
    }

    pub(super) fn join(&mut self) {
        let seed = self.rng.random();
        let scheduler = scheduler(self.endpoints.len(), self.now, seed, PLENTY);
        self.agents.push(Agent {
            scheduler,
            under_way: Vec::new(),
            sees: true,
        });
    }

    /// One of them ends without a word.
    pub(super) fn kill_one(&mut self) {
        let victim = self.rng.random_range(0..self.agents.len());
        self.agents.swap_remove(victim);
    }

    pub(super) fn agents(&self) -> usize {
        self.agents.len()
    }

    pub(super) fn blind_all(&mut self, is_blind: bool) {
        self.agents
            .iter_mut()
            .for_each(|agent| agent.sees = !is_blind);
    }

    /// A user's request has ended.
    pub(super) fn live(&mut self, endpoint: usize) {
        let now = self.now;
        self.endpoints[endpoint].observed.push_back((now, true));
    }

    pub(super) fn run(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.turn();
        }
    }

    pub(super) fn longest_gap(&self) -> u64 {
        self.endpoints
            .iter()
            .map(|it| it.longest_gap)
            .max()
            .unwrap()
    }

    pub(super) fn forget(&mut self) {
        (self.requests, self.blind, self.skipped, self.burst) = (0, 0, [0; 3], 0);
    }

    fn turn(&mut self) {
        self.now += 1;
        let picture = Arc::new(self.picture());
        let Self {
            now,
            agents,
            endpoints,
            ..
        } = self;
        let mut asked = 0;
        for agent in agents {
            let ended = agent.under_way.extract_if(.., |(end, _)| *end <= *now);
            let results: Vec<_> = ended.map(|(_, finished)| finished).collect();
            for finished in results.iter().filter(|it| it.counts) {
                endpoints[finished.target].observed.push_back((*now, false));
            }
            let view = if agent.sees {
                View::Sees(Arc::clone(&picture))
            } else {
                View::Away
            };
            for decision in agent.scheduler.step(at(*now), &view, &results) {
                match decision.what {
                    What::Ask { is_blind } => {
                        asked += 1;
                        self.blind += u64::from(is_blind);
                        let finished = Finished {
                            target: decision.target,
                            counts: self.counts,
                            tokens: Some(20),
                            retry_after: None,
                        };
                        agent.under_way.push((*now + self.answer_s, finished));
                    }
                    What::Skip(skip) => {
                        let which = Skip::ALL.iter().position(|it| *it == skip).unwrap();
                        self.skipped[which] += 1;
                    }
                }
            }
            assert!(agent.under_way.len() <= 8, "more than may be under way");
        }
        self.burst = self.burst.max(asked);
        self.requests += asked as u64;
        for endpoint in &mut self.endpoints {
            let last = endpoint.observed.back().map_or(0, |(at, _)| *at);
            endpoint.longest_gap = endpoint.longest_gap.max(self.now - last);
        }
    }

    /// What a server says: steps of ten seconds, the open one and the five before.
    fn picture(&mut self) -> Picture {
        let seen = self.now.saturating_sub(LATE_S);
        let from = (seen / 10 * 10).saturating_sub(50);
        let glimpse = |endpoint: &mut Endpoint| {
            while endpoint.observed.len() > 1 && endpoint.observed[0].0 < from {
                endpoint.observed.pop_front();
            }
            let in_minute = |(at, _): &&(u64, bool)| (from..=seen).contains(at);
            let minute = endpoint.observed.iter().filter(in_minute);
            let live = minute.clone().filter(|(_, is_live)| *is_live).count() as u64;
            Glimpse::Fresh(Observed {
                all: minute.count() as u64,
                live,
            })
        };
        Picture {
            edition: self.now,
            glimpses: self.endpoints.iter_mut().map(glimpse).collect(),
        }
    }
}
