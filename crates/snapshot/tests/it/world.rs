//! A world of logs to read: owners that come and go, stale ones that write on, compaction.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use sextant_measure::time::Timestamp;
use sextant_snapshot::gates::{GateRecord, Verdict};
use sextant_snapshot::picture::{Limits, Picture};
use sextant_snapshot::record::{Entry, LogRecord, OwnerState};

use crate::make::*;

pub(crate) const PARTITIONS: u32 = 2;
const KEYS: u8 = 5;
const GATES_LOG: u64 = 3;
const HOUR_US: i64 = 3_600 * 1_000_000;

/// Something that happens.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// Time passes.
    Wait { seconds: i64 },
    /// A partition gets a new owner.
    Claim { partition: u32 },
    /// An owner writes; any but the latest is stale.
    Write {
        partition: u32,
        owner: Owner,
        what: What,
    },
    /// The log is compacted: of what is superseded, about this share of 8 is deleted.
    Compact {
        partition: u32,
        seed: u64,
        eighths: u64,
    },
    /// The log of a partition is made anew.
    Recreate { partition: u32 },
    /// A verdict is given, or cleared.
    Gate { key: u8, verdict: Option<bool> },
    /// A reader reads on.
    Read { reader: Index, records: usize },
    /// A reader starts again, from the beginning to the end of what there is.
    Restart { reader: Index },
    /// A watcher asks a reader for what changed.
    Ask { watcher: Index, reader: Index },
    /// A watcher asks the reader that it asked last.
    AskAgain { watcher: Index },
    /// A watcher falls back to what it held earlier.
    FallBack { watcher: Index, to: Index },
}

#[derive(Debug, Clone)]
pub(crate) enum Owner {
    Latest,
    Any(Index),
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Row(u8),
    Gone(u8),
    Agent,
    Progress(bool),
}

pub(crate) fn events(max: usize) -> impl Strategy<Value = Vec<Event>> {
    let partition = || 0..PARTITIONS;
    let owner = prop_oneof![
        3 => Just(Owner::Latest),
        2 => any::<Index>().prop_map(Owner::Any),
    ];
    let what = prop_oneof![
        8 => (0..KEYS).prop_map(What::Row),
        3 => (0..KEYS).prop_map(What::Gone),
        3 => Just(What::Agent),
        4 => any::<bool>().prop_map(What::Progress),
    ];
    let event = prop_oneof![
        3 => (0..30_i64).prop_map(|seconds| Event::Wait { seconds }),
        2 => (600..4_000_i64).prop_map(|seconds| Event::Wait { seconds }),
        4 => partition().prop_map(|partition| Event::Claim { partition }),
        24 => (partition(), owner, what)
            .prop_map(|(partition, owner, what)| Event::Write { partition, owner, what }),
        3 => (partition(), any::<u64>(), 1..=8_u64)
            .prop_map(|(partition, seed, eighths)| Event::Compact { partition, seed, eighths }),
        1 => partition().prop_map(|partition| Event::Recreate { partition }),
        2 => (0..KEYS, any::<Option<bool>>()).prop_map(|(key, verdict)| Event::Gate { key, verdict }),
        8 => (any::<Index>(), 1..6_usize)
            .prop_map(|(reader, records)| Event::Read { reader, records }),
        2 => any::<Index>().prop_map(|reader| Event::Restart { reader }),
        8 => (any::<Index>(), any::<Index>())
            .prop_map(|(watcher, reader)| Event::Ask { watcher, reader }),
        6 => any::<Index>().prop_map(|watcher| Event::AskAgain { watcher }),
        1 => (any::<Index>(), any::<Index>())
            .prop_map(|(watcher, to)| Event::FallBack { watcher, to }),
    ];
    vec(event, 1..max)
}

/// One partition of the windows log.
#[derive(Debug, Clone)]
struct Log {
    partition: u32,
    id: u64,
    next: u64,
    epochs: Vec<u64>,
    records: Vec<LogRecord>,
}

/// The logs and the time.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    logs: Vec<Log>,
    gates: Vec<GateRecord>,
    writes: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        let log = |partition| Log {
            partition,
            id: LOG,
            next: 0,
            epochs: Vec::new(),
            records: Vec::new(),
        };
        let mut world = Self {
            now: at(1_000_000),
            logs: (0..PARTITIONS).map(log).collect(),
            gates: Vec::new(),
            writes: 0,
        };
        for partition in 0..PARTITIONS {
            world.claim(partition);
        }
        world
    }

    /// Lets happen what concerns the logs.
    pub(crate) fn play(&mut self, event: &Event) {
        match event {
            Event::Wait { seconds } => self.now = self.now.plus_micros(seconds * 1_000_000),
            Event::Claim { partition } => self.claim(*partition),
            Event::Write {
                partition,
                owner,
                what,
            } => {
                let epochs = &self.log(*partition).epochs;
                let epoch = match owner {
                    Owner::Latest => epochs[epochs.len() - 1],
                    Owner::Any(index) => *index.get(epochs),
                };
                self.writes += 1;
                let entry = what.entry(*partition, self.writes);
                self.append(*partition, epoch, entry);
            }
            Event::Compact {
                partition,
                seed,
                eighths,
            } => {
                let now = self.now;
                self.log(*partition).compact(now, *seed, *eighths);
            }
            Event::Recreate { partition } => {
                let log = self.log(*partition);
                log.id += 1;
                log.next = 0;
                log.epochs.clear();
                log.records.clear();
                self.claim(*partition);
            }
            Event::Gate { key, verdict } => self.gate(*key, *verdict),
            Event::Read { .. }
            | Event::Restart { .. }
            | Event::Ask { .. }
            | Event::AskAgain { .. }
            | Event::FallBack { .. } => {}
        }
    }

    /// Deletes all that compaction may.
    pub(crate) fn compact_fully(&mut self) {
        for log in &mut self.logs {
            log.compact(self.now, 0, 8);
        }
    }

    /// The last owners replace or remove everything that stands in their partitions.
    pub(crate) fn settle(&mut self) {
        for partition in 0..PARTITIONS {
            self.claim(partition);
            let log = self.log(partition);
            let epoch = log.epochs[log.epochs.len() - 1];
            let standing: HashSet<_> = log.records.iter().map(|r| r.entry.key()).collect();
            for key in 0..KEYS {
                let row = What::Row(key).entry(partition, 1_000_000 + u32::from(key));
                if standing.contains(&row.key()) {
                    let gone = What::Gone(key).entry(partition, 0);
                    self.append(partition, epoch, if key % 3 == 0 { gone } else { row });
                }
            }
            let agent = What::Agent.entry(partition, 1_000_000);
            self.append(partition, epoch, agent);
            self.append(partition, epoch, progress(OwnerState::Whole));
        }
    }

    fn claim(&mut self, partition: u32) {
        let epoch = self.log(partition).next;
        self.append(partition, epoch, claim());
        self.log(partition).epochs.push(epoch);
    }

    fn append(&mut self, partition: u32, epoch: u64, entry: Entry) {
        let now = self.now;
        let log = self.log(partition);
        log.records.push(LogRecord {
            partition,
            offset: log.next,
            appended_at: now,
            epoch,
            log_id: log.id,
            entry,
        });
        log.next += 1;
    }

    fn gate(&mut self, key: u8, verdict: Option<bool>) {
        let key = gate_key("sum", &format!("m{key}"));
        let green = |green| if green { Verdict::Green } else { Verdict::Red };
        self.gates.push(GateRecord {
            offset: u64::try_from(self.gates.len()).unwrap(),
            appended_at: self.now,
            ruling: gate(&key, verdict.map(green)),
        });
    }

    fn log(&mut self, partition: u32) -> &mut Log {
        &mut self.logs[usize::try_from(partition).unwrap()]
    }
}

impl What {
    /// Keys belong to one partition each.
    fn entry(&self, partition: u32, mark: u32) -> Entry {
        let name = |key: &u8| format!("m{key}-{partition}");
        match self {
            Self::Row(key) => row(&name(key), mark),
            Self::Gone(key) => gone(&name(key)),
            Self::Agent => agent(&format!("edge-{partition}"), u64::from(mark)),
            Self::Progress(true) => progress(OwnerState::Whole),
            Self::Progress(false) => progress(OwnerState::Rebuilding),
        }
    }
}

impl Log {
    /// Deletes some of what is superseded, and tombstones that are over an hour old.
    fn compact(&mut self, now: Timestamp, mut seed: u64, eighths: u64) {
        let mut newer = HashSet::new();
        let mut kept = Vec::new();
        for record in self.records.drain(..).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let superseded = !newer.insert(record.entry.key());
            let expired = matches!(record.entry, Entry::EndpointGone(_))
                && now.micros_since(record.appended_at) > HOUR_US;
            if !(superseded || expired) || seed >> 61 >= eighths {
                kept.push(record);
            }
        }
        kept.reverse();
        self.records = kept;
    }
}

/// Someone who reads the logs.
pub(crate) struct Reader {
    pub(crate) picture: Picture,
    /// What has been read, by partition, of the present logs.
    pub(crate) read: Vec<Vec<LogRecord>>,
    positions: Vec<(u64, u64)>,
    gates_position: usize,
}

impl Reader {
    /// Reads all there is.
    pub(crate) fn start(world: &World) -> Self {
        let mut picture = Picture::new(PARTITIONS, Limits::default()).unwrap();
        picture.open_gates(GATES_LOG);
        let mut reader = Self {
            picture,
            read: world.logs.iter().map(|_| Vec::new()).collect(),
            positions: world.logs.iter().map(|log| (log.id, 0)).collect(),
            gates_position: 0,
        };
        reader.read(world, usize::MAX);
        reader
    }

    /// Whether it has to start again, since the logs may have lost tombstones that it hasn't read.
    pub(crate) fn is_an_hour_behind(&self, world: &World) -> bool {
        let reached = self.picture.partitions().filter_map(|p| p.reached_at);
        let behind = reached.min().map(|at| world.now.micros_since(at));
        behind > Some(HOUR_US)
    }

    /// Reads on, or starts again if it has to.
    pub(crate) fn go_on(&mut self, world: &World, records: usize) {
        if self.is_an_hour_behind(world) {
            *self = Self::start(world);
        } else {
            self.read(world, records);
        }
    }

    /// Reads so many records of each log.
    fn read(&mut self, world: &World, records: usize) {
        for log in &world.logs {
            let index = usize::try_from(log.partition).unwrap();
            if self.positions[index].0 != log.id {
                self.positions[index] = (log.id, 0);
                self.read[index].clear();
            }
            let from = self.positions[index].1;
            let unread = log.records.iter().filter(|record| record.offset >= from);
            for record in unread.take(records) {
                self.picture.apply(record.clone());
                self.read[index].push(record.clone());
                self.positions[index].1 = record.offset + 1;
            }
            if self.positions[index].1 == log.next {
                self.picture.reached_end(log.partition, log.next, world.now);
            }
        }
        for record in world.gates.iter().skip(self.gates_position).take(records) {
            self.picture.apply_gate(record.clone());
            self.gates_position += 1;
        }
        if self.gates_position == world.gates.len() {
            let next = u64::try_from(self.gates_position).unwrap();
            self.picture.reached_end_of_gates(next, world.now);
        }
        self.picture.expire(world.now);
    }
}
