//! What happens, by seed.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::sleep;

use super::ear::Ear;
use super::watcher::{Held, Tally, Watcher};
use super::world::{PARTITIONS, World};
use crate::rig::{Rig, Running, settle};

const WATCHERS: usize = 14;
const EARS: usize = 6;
/// What a watcher held at a time, to come back with.
const PAST_MAX: usize = 40;
const READ_MS_MAX: u64 = 3_000;
/// The clock moves on in steps within which a server that isn't cut off reads on.
const STRIDE: Duration = Duration::from_mins(5);

pub(super) struct Script {
    random: StdRng,
    compacts: bool,
    world: World,
    sides: [Side; 2],
    watchers: Vec<Watcher>,
    past: Vec<(usize, Held)>,
    ears: Vec<Ear>,
    tally: Tally,
}

/// A server with a connection to the logs, and a catalog, of its own.
struct Side {
    rig: Rig,
    server: Running,
}

impl Script {
    /// Plays it to its end.
    pub(super) async fn play(seed: u64, steps: u32, compacts: bool, tally: Tally) -> Tally {
        let mut rig = Rig::new(PARTITIONS).await;
        // One record at a time, so that who is behind catches up version by version.
        rig.config.read_bytes_max = 1.try_into().unwrap();
        let mut world = World::new(&rig).await;
        let sides = [rig.beside(), rig].map(|rig| {
            world.know(&rig.catalog.get());
            let server = rig.start();
            Side { rig, server }
        });
        let mut script = Self {
            random: StdRng::seed_from_u64(seed),
            compacts,
            world,
            sides,
            watchers: (0..WATCHERS).map(watcher).collect(),
            past: Vec::new(),
            ears: (0..EARS).map(|nth| Ear::of(models(nth))).collect(),
            tally,
        };
        settle().await;
        for _ in 0..steps {
            script.step().await;
        }
        script.end().await
    }

    async fn step(&mut self) {
        match self.random.random_range(0..230) {
            0..50 => self.world.disturb(&mut self.random).await,
            50..86 => self.pass(Duration::from_millis(700)).await,
            86 if self.random.random_range(0..8) == 0 => self.be_away().await,
            86 if self.random.random_range(0..8) == 0 => self.pass_long().await,
            87..89 if self.compacts => self.world.compact(),
            86 | 89..96 => self.trouble(),
            96 => self.go_to_one_behind().await,
            97..99 => self.start_again().await,
            99 => {
                let catalog = self.world.catalog(&mut self.random);
                self.sides[self.random.random_range(0..2)]
                    .rig
                    .catalog
                    .replace(catalog);
            }
            200.. => self.listen().await,
            _ => self.watch().await,
        }
    }

    /// Something of a listener.
    async fn listen(&mut self) {
        let ear = &mut self.ears[self.random.random_range(0..EARS)];
        let server = &self.sides[self.random.random_range(0..2)].server;
        match self.random.random_range(0..10) {
            0 => ear.close(),
            1 => ear.open(server).await,
            _ => {
                if !ear.is_open() {
                    ear.open(server).await;
                }
                for _ in 0..self.random.random_range(1..8) {
                    let wait = Duration::from_millis(self.random.random_range(1..1_500));
                    ear.take(wait, &self.world, &mut self.tally).await;
                }
            }
        }
    }

    /// Something of a watcher.
    async fn watch(&mut self) {
        let nth = self.random.random_range(0..WATCHERS);
        let side = self.random.random_range(0..2);
        let watcher = &mut self.watchers[nth];
        match self.random.random_range(0..20) {
            0..2 => watcher.close(),
            2 if !self.past.is_empty() => {
                let (of, held) = &self.past[self.random.random_range(0..self.past.len())];
                self.watchers[*of].close();
                self.watchers[*of].held = held.clone();
            }
            3 => {
                // Of what it holds nothing is left.
                watcher.close();
                watcher.held = Held::default();
            }
            4..7 => {
                watcher.open(&self.sides[side].server).await;
                watcher
                    .catch_up(&self.sides[side].server, &self.world, &mut self.tally)
                    .await;
            }
            7..11 => watcher.open(&self.sides[side].server).await,
            _ => {
                if !watcher.is_open() {
                    watcher.open(&self.sides[side].server).await;
                }
                for _ in 0..self.random.random_range(1..8) {
                    let wait = Duration::from_millis(self.random.random_range(1..1_500));
                    watcher.take(wait, &self.world, &mut self.tally).await;
                }
                if self.past.len() < PAST_MAX {
                    self.past.push((nth, watcher.held.clone()));
                } else {
                    let place = self.random.random_range(0..PAST_MAX);
                    self.past[place] = (nth, watcher.held.clone());
                }
            }
        }
    }

    async fn pass(&self, time: Duration) {
        self.sides[0].rig.wind(time);
        sleep(time).await;
    }

    /// From a version that may be resumed to one that is too old, or until removals are forgotten.
    async fn pass_long(&mut self) {
        let strides = self.random.random_range(4..18);
        for _ in 0..strides {
            self.sides[0].rig.wind(STRIDE);
            settle().await;
        }
    }

    /// A server is cut off from the logs while they go on, perhaps for longer than they keep
    /// tombstones.
    async fn be_away(&mut self) {
        let side = self.random.random_range(0..2);
        self.sides[side].rig.log.cut(true);
        for _ in 0..self.random.random_range(1..6) {
            self.world.disturb(&mut self.random).await;
        }
        self.pass_long().await;
        if self.compacts {
            self.world.compact();
        }
        self.sides[side].rig.log.cut(false);
    }

    /// Watchers that have the latest go to a server that catches up one edition after another.
    async fn go_to_one_behind(&mut self) {
        let (ahead, behind) = match self.random.random_range(0..2) {
            0 => (0, 1),
            _ => (1, 0),
        };
        let [log, ahead_log] = [behind, ahead].map(|side| Arc::clone(&self.sides[side].rig.log));
        ahead_log.cut(false);
        ahead_log.slow_down(0);
        log.cut(true);
        settle().await;
        for _ in 0..self.random.random_range(10..30) {
            self.world.disturb(&mut self.random).await;
        }
        settle().await;
        let first = self.random.random_range(0..WATCHERS - 3);
        for watcher in &mut self.watchers[first..first + 3] {
            watcher.open(&self.sides[ahead].server).await;
            let server = &self.sides[ahead].server;
            watcher.catch_up(server, &self.world, &mut self.tally).await;
            watcher.open(&self.sides[behind].server).await;
        }
        log.slow_down(self.random.random_range(300..1_200));
        log.cut(false);
        for _ in 0..12 {
            for watcher in &mut self.watchers[first..first + 3] {
                let wait = Duration::from_millis(700);
                watcher.take(wait, &self.world, &mut self.tally).await;
            }
        }
    }

    /// A connection is slowed down, cut off, or mended.
    fn trouble(&mut self) {
        let side = &self.sides[self.random.random_range(0..2)];
        let log = &side.rig.log;
        match self.random.random_range(0..4) {
            0 => log.cut(true),
            1 => log.slow_down(self.random.random_range(0..READ_MS_MAX)),
            _ => {
                log.cut(false);
                log.slow_down(0);
            }
        }
    }

    async fn start_again(&mut self) {
        let side = &mut self.sides[self.random.random_range(0..2)];
        let former = std::mem::replace(&mut side.server, side.rig.start());
        former.end().await;
    }

    /// All is mended and settled.
    async fn end(mut self) -> Tally {
        self.be_away().await;
        for side in &self.sides {
            side.rig.log.cut(false);
            side.rig.log.slow_down(0);
        }
        if self.compacts {
            self.world.compact();
        }
        self.world.settle().await;
        let catalog = self.sides[0].rig.catalog.get();
        self.sides[1].rig.catalog.replace((*catalog).clone());
        let newcomer = self.sides[0].rig.start();
        // A connection that was cut off is tried again within seconds.
        self.pass(Duration::from_secs(20)).await;
        let past = std::mem::take(&mut self.past).into_iter();
        for (nth, held) in past {
            let mut watcher = watcher(nth);
            watcher.held = held;
            self.watchers.push(watcher);
        }
        let servers = [&self.sides[0].server, &self.sides[1].server, &newcomer];
        for (nth, watcher) in self.watchers.iter_mut().enumerate() {
            let server = servers[nth % 3];
            watcher.open(server).await;
            watcher.catch_up(server, &self.world, &mut self.tally).await;
            for server in servers {
                watcher.assert_equal(server).await;
            }
        }
        for (nth, ear) in self.ears.iter_mut().enumerate() {
            ear.open(servers[nth % 3]).await;
            ear.take(Duration::from_secs(5), &self.world, &mut self.tally)
                .await;
            for server in servers {
                ear.assert_equal(server).await;
            }
        }
        newcomer.end().await;
        for side in self.sides {
            side.server.end().await;
        }
        self.tally
    }
}

/// Every third with a filter.
fn watcher(nth: usize) -> Watcher {
    Watcher::of(models(nth))
}

fn models(nth: usize) -> &'static [&'static str] {
    match nth % 3 {
        0 => &["m/0-0", "m/1-1", "m/2-2", "m/0-3"],
        _ => &[],
    }
}
