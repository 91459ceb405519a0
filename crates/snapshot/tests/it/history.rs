//! A history checker: watchers that go from one server to another, with any version they ever had,
//! never see a row go back, and end with what the servers have.

use std::collections::HashMap;

use proptest::prelude::*;
use sextant_measure::id::EndpointId;
use sextant_snapshot::change::Change;
use sextant_snapshot::gates::GateKey;
use sextant_snapshot::mirror::Mirror;
use sextant_snapshot::picture::Picture;
use sextant_snapshot::snapshot::{ModelFilter, Snapshot};
use sextant_snapshot::version::Version;

use crate::make::*;
use crate::world::{Event, Reader, World, events};

/// What a watcher has seen of the present log.
#[derive(Clone, Default)]
struct Seen {
    log_id: u64,
    /// The offset of each row, and whether it was there last.
    rows: HashMap<EndpointId, (u64, bool)>,
    gates: HashMap<GateKey, (u64, bool)>,
}

impl Seen {
    fn look(&mut self, mirror: &Mirror) {
        let snapshot = mirror.snapshot().expect("something was applied");
        let log_id = snapshot.header().version.statistics().log_id;
        if self.log_id != log_id {
            self.rows.clear();
            self.log_id = log_id;
        }
        let rows = snapshot.rows().iter();
        note(
            &mut self.rows,
            rows.map(|row| (row.value.id().clone(), row.stamp.offset)),
        );
        let gates = snapshot.gates().iter();
        note(
            &mut self.gates,
            gates.map(|gate| (gate.value.key().clone(), gate.stamp.offset)),
        );
    }
}

fn note<K: Eq + std::hash::Hash + std::fmt::Debug>(
    seen: &mut HashMap<K, (u64, bool)>,
    rows: impl Iterator<Item = (K, u64)>,
) {
    let now: HashMap<_, _> = rows.collect();
    for (key, offset) in &now {
        if let Some((before, there)) = seen.get(key) {
            assert!(
                before <= offset,
                "{key:?} went back from {before} to {offset}"
            );
            assert!(
                *there || before < offset,
                "{key:?} came back as it was at {offset}"
            );
        }
    }
    for (key, state) in seen.iter_mut() {
        state.1 = now.contains_key(key);
    }
    seen.extend(now.into_iter().map(|(key, offset)| (key, (offset, true))));
}

/// What a watcher holds, and has seen, at one time.
#[derive(Clone, Default)]
struct Watcher {
    mirror: Mirror,
    seen: Seen,
    /// The server that answered last, and the version that it gave. While the watcher stays with
    /// it, it goes on from there, even if the mirror was further on by another one.
    stream: Option<(usize, Version)>,
}

impl Watcher {
    fn ask(&mut self, server: usize, picture: &Picture, filter: &ModelFilter, world: &World) {
        let stream = self.stream.take().filter(|(last, _)| *last == server);
        let version = stream.as_ref().map(|(_, version)| version);
        let version = version.or(self.mirror.version());
        let change = picture.since(version, filter, CATALOG, world.now);
        self.stream = Some((server, picture.version(CATALOG)));
        match change {
            Change::Full(_) => {
                let full = picture.snapshot(CATALOG, world.now);
                self.mirror.apply_full(full.of_models(filter));
            }
            Change::Delta(delta) => {
                // What goes over the wire names the position in a text.
                let text = delta.header.version.to_string();
                assert_eq!(text.parse(), Ok(delta.header.version.clone()));
                self.mirror.apply_delta(delta).unwrap();
            }
        }
        self.seen.look(&self.mirror);
    }

    fn check_equal(&self, picture: &Picture, filter: &ModelFilter, world: &World) {
        let held = self.mirror.snapshot().unwrap();
        let served = picture.snapshot(CATALOG, world.now).of_models(filter);
        assert_eq!(held.rows(), served.rows());
        assert_eq!(held.gates(), served.gates());
    }
}

/// What each version was first seen to stand for.
#[derive(Default)]
struct Contents(HashMap<Version, Snapshot>);

impl Contents {
    /// A version stands for the same everywhere, as long as every reader knows every claim.
    fn check(&mut self, picture: &Picture, knows_all: bool) {
        let now = picture.snapshot(CATALOG, at(0));
        let version = now.header().version.clone();
        let first = self.0.entry(version).or_insert_with(|| now.clone());
        assert!(!knows_all || *first == now, "{first:?} became {now:?}");
    }
}

/// Whether whoever has the one version lacks nothing that the other has.
fn covers(one: &Version, other: Option<&Version>) -> bool {
    other.is_none_or(|other| {
        let (mine, others) = (one.statistics(), other.statistics());
        let mut both = mine.next_offsets.iter().zip(&others.next_offsets);
        let statistics = mine.log_id != others.log_id || both.all(|(mine, other)| mine >= other);
        statistics && one.gates().next_offset >= other.gates().next_offset
    })
}

fn filters() -> [ModelFilter; 3] {
    let some = ["m0-0", "m3-0", "m1-1", "m1"].map(model);
    [
        ModelFilter::default(),
        some.into_iter().collect(),
        ModelFilter::default(),
    ]
}

fn play(events: &[Event], compacts: bool) {
    let filters = filters();
    let mut world = World::new();
    let mut readers: Vec<_> = (0..3).map(|_| Reader::start(&world)).collect();
    let mut watchers = vec![Watcher::default(); filters.len()];
    let mut past: Vec<Vec<Watcher>> = vec![Vec::new(); filters.len()];
    let mut contents = Contents::default();
    for event in events {
        let (index, server) = match event {
            Event::Ask { watcher, reader } => (watcher.index(filters.len()), reader.index(3)),
            Event::AskAgain { watcher } => {
                let index = watcher.index(filters.len());
                let Some((server, _)) = watchers[index].stream else {
                    continue;
                };
                (index, server)
            }
            Event::FallBack { watcher, to } => {
                let index = watcher.index(filters.len());
                if !past[index].is_empty() {
                    watchers[index] = to.get(&past[index]).clone();
                }
                continue;
            }
            Event::Read { reader, records } => {
                let reader = &mut readers[reader.index(3)];
                reader.go_on(&world, *records);
                contents.check(&reader.picture, !compacts);
                continue;
            }
            Event::Restart { reader } => {
                let reader = &mut readers[reader.index(3)];
                *reader = Reader::start(&world);
                contents.check(&reader.picture, !compacts);
                continue;
            }
            Event::Compact { .. } if !compacts => continue,
            event => {
                world.play(event);
                continue;
            }
        };
        let (watcher, filter) = (&mut watchers[index], &filters[index]);
        let picture = &readers[server].picture;
        let exact = !compacts && covers(&picture.version(CATALOG), watcher.mirror.version());
        watcher.ask(server, picture, filter, &world);
        if exact {
            watcher.check_equal(picture, filter, &world);
        }
        past[index].push(watcher.clone());
    }
    if compacts {
        world.compact_fully();
    }
    world.settle();
    for reader in &mut readers {
        reader.go_on(&world, usize::MAX);
    }
    readers.push(Reader::start(&world));
    for (index, filter) in filters.iter().enumerate() {
        let earlier = past[index].iter().chain([&watchers[index]]);
        let servers = readers.iter().enumerate().cycle();
        for ((server, reader), watcher) in servers.zip(earlier) {
            let mut watcher = watcher.clone();
            watcher.ask(server, &reader.picture, filter, &world);
            watcher.check_equal(&reader.picture, filter, &world);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_watcher_sees_a_row_go_back_and_each_ends_with_what_the_servers_have(
        events in events(160),
    ) {
        play(&events, true);
    }

    #[test]
    fn without_compaction_a_watcher_has_what_the_server_has_after_every_answer(
        events in events(160),
    ) {
        play(&events, false);
    }
}
