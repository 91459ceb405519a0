//! Aggregators that come and go under load, as a seed has it.

use std::collections::{BTreeMap, HashMap};
use std::thread;
use std::time::{Duration, Instant};

use rand::prelude::*;
use sextant_tests::fleet::{Fleet, replaying};
use sextant_tests::page::{assert_true, endpoints, provider};
use sextant_tests::process::{Process, Starting, end_of};
use sextant_tests::stored::{Minutes, assert_stored, minutes};
use sextant_tests::traffic::{MODEL, observations, write};
use sextant_tests::truth::by_provider;

/// Unless `SEXTANT_TEST_SEED` names another.
const SEED: u64 = 31;
const NAMES: [&str; 3] = ["one", "two", "three"];

/// What a name stands for at a moment.
enum Slot {
    Empty,
    Running(Process),
    /// Stopped by SIGSTOP, until then.
    Stalled(Process, Instant),
}

/// Aggregators of one fleet, each under a name of its own.
struct Crowd<'f> {
    fleet: &'f Fleet,
    random: StdRng,
    slots: BTreeMap<&'static str, Slot>,
    starting: Vec<(&'static str, Starting)>,
}

impl<'f> Crowd<'f> {
    fn new(fleet: &'f Fleet, seed: u64) -> Self {
        let start = |name| (name, Slot::Running(fleet.start("aggregator", name)));
        Self {
            fleet,
            random: StdRng::seed_from_u64(seed),
            slots: NAMES.into_iter().map(start).collect(),
            starting: Vec::new(),
        }
    }

    /// Does something to one of them.
    fn disturb(&mut self) {
        self.settle(false);
        let name = *NAMES.choose(&mut self.random).unwrap();
        if self.starting.iter().any(|(starting, _)| *starting == name) {
            return;
        }
        let slot = self.slots.insert(name, Slot::Empty).unwrap();
        let slot = match slot {
            Slot::Empty => {
                self.start(name);
                Slot::Empty
            }
            Slot::Running(mut process) => match self.random.random_range(0..4) {
                0 => {
                    eprintln!("{name} is killed");
                    process.kill();
                    Slot::Empty
                }
                1 => {
                    eprintln!("{name} is told to end");
                    assert_eq!(process.terminate().code(), Some(0), "{name}");
                    Slot::Empty
                }
                // As long as a restart, or longer than its group waits for it.
                how => {
                    let pause = Duration::from_secs(if how == 2 { 1 } else { 9 });
                    eprintln!("{name} is stopped for {pause:?}");
                    process.signal("-STOP");
                    Slot::Stalled(process, Instant::now() + pause)
                }
            },
            stalled @ Slot::Stalled(..) => stalled,
        };
        self.slots.insert(name, slot);
    }

    /// Lets those go on whose pause is over; in the end all are there.
    fn settle(&mut self, all: bool) {
        for name in NAMES {
            let slot = self.slots.insert(name, Slot::Empty).unwrap();
            let slot = match slot {
                Slot::Stalled(process, until) if all || until <= Instant::now() => {
                    eprintln!("{name} goes on");
                    process.signal("-CONT");
                    Slot::Running(process)
                }
                other => other,
            };
            self.slots.insert(name, slot);
        }
        let starting = std::mem::take(&mut self.starting);
        for (name, starting) in starting {
            self.slots.insert(name, Slot::Running(starting.ready()));
        }
        if all {
            for name in NAMES {
                if matches!(self.slots[name], Slot::Empty) {
                    self.start(name);
                }
            }
        }
    }

    /// Ends all of them in good order.
    fn end(mut self) {
        self.settle(false);
        for slot in self.slots.values_mut() {
            if let Slot::Running(process) = slot {
                assert_eq!(process.terminate().code(), Some(0));
            }
        }
    }

    fn start(&mut self, name: &'static str) {
        eprintln!("{name} is started");
        self.starting
            .push((name, self.fleet.starting("aggregator", name)));
    }
}

/// Fault matrix rows 1, 8 and 9.
#[test]
fn p2_p3_p5_aggregators_that_come_and_go_change_no_number() {
    let seed = seed();
    eprintln!("seed {seed}");
    let fleet = Fleet::new(8);
    let collector = fleet.start("collector", "collector");
    let mut crowd = Crowd::new(&fleet, seed);
    let server = fleet.start("server", "server");
    let all = observations(seed, 400, 1_300);
    let mut replay = replaying(&collector, &write(fleet.folder(), &all), 30);
    let (mut seen, mut stored) = (HashMap::new(), Minutes::new());
    while replay.try_wait().unwrap().is_none() {
        crowd.disturb();
        for _ in 0..4 {
            thread::sleep(Duration::from_millis(250));
            nothing_goes_back(&server, &mut seen);
        }
        stored = none_got_poorer(&stored, minutes(&fleet));
    }
    assert!(end_of(&mut replay, "the replay").success());
    crowd.settle(true);
    let truths = by_provider(&all);
    let shown = endpoints(&server, MODEL, all.len() as u64);
    for endpoint in &shown {
        assert_true(endpoint, &truths[provider(endpoint)]);
    }
    crowd.end();
    fleet.own_once();
    none_got_poorer(&stored, minutes(&fleet));
    assert_stored(&fleet, MODEL, &shown);
}

fn seed() -> u64 {
    let named = std::env::var("SEXTANT_TEST_SEED");
    named.map_or(SEED, |seed| seed.parse().expect("a seed is a number"))
}

/// A stored minute only gains.
fn none_got_poorer(before: &Minutes, now: Minutes) -> Minutes {
    for (minute, before) in before {
        let now = now.get(minute).copied().unwrap_or(0);
        assert!(*before <= now, "{minute:?}: {now} after {before}");
    }
    now
}

/// All of it completed within half an hour, so that nothing leaves a window: while a partition has
/// no owner, or one that rebuilds, what it said before stands.
fn nothing_goes_back(server: &Process, seen: &mut HashMap<String, u64>) {
    let path = format!("/api/v1/models/{MODEL}/endpoints");
    let Some((200, body)) = server.try_request(&path) else {
        return;
    };
    for endpoint in body["data"]["endpoints"].as_array().unwrap() {
        let counts = &endpoint["sextant"]["counts"];
        let total = |source: &str| counts[source]["total"].as_u64().unwrap_or(0);
        let (now, name) = (total("live") + total("probe"), provider(endpoint));
        let before = seen.insert(name.to_owned(), now).unwrap_or(0);
        assert!(before <= now, "{name}: {now} after {before}");
    }
}
