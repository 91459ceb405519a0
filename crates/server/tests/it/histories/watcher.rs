//! A watcher, and the checker beside it.

use std::collections::BTreeSet;
use std::time::Duration;

use sextant_catalog::EndpointFacts;
use sextant_measure::id::ModelId;
use sextant_snapshot::change::Delta;
use sextant_snapshot::mirror::Mirror;
use sextant_snapshot::routing::RoutingRow;
use sextant_snapshot::snapshot::{Header, Snapshot};
use sextant_snapshot::version::Version;
use sextant_wire::snapshot::decode::{Full, Update};
use sextant_wire::v1::{WatchSnapshotRequest, WatchSnapshotResponse};
use tokio::time::timeout;
use tonic::{Code, Status};

use super::oracle::Truth;
use super::pump::Pump;
use super::seen::Seen;
use super::world::World;
use crate::holder::get;
use crate::rig::Running;

/// Longer than a server is silent.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// Messages that a reader takes at most until it has the present edition, however many it left
/// unread: one that was made before it came back, and the latest.
const UNREAD_MAX: u32 = 2;

/// What a watcher holds, and has seen.
#[derive(Clone, Default)]
pub(super) struct Held {
    mirror: Mirror<RoutingRow>,
    facts: Vec<EndpointFacts>,
    seen: Seen,
}

/// A watcher of some models, or of all.
#[derive(Default)]
pub(super) struct Watcher {
    pub(super) held: Held,
    models: Vec<String>,
    open: Option<Open>,
}

struct Open {
    stream: Pump<Result<WatchSnapshotResponse, Status>>,
    /// What this server knows the watcher to have: what it said last, or was told at first.
    told: Option<Version>,
    is_answered: bool,
}

/// What has happened, so that a run in which nothing did is not taken for a proof.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) fulls: u32,
    pub(super) deltas: u32,
    pub(super) heartbeats: u32,
    pub(super) resumed: u32,
    /// A watch begun with a version resumed from a server that had not read as far.
    pub(super) behind: u32,
    pub(super) too_old: u32,
    pub(super) other_log: u32,
    pub(super) removals: u32,
    pub(super) exact: u32,
    pub(super) left_unread: u32,
    pub(super) heard_fulls: u32,
    pub(super) heard_deltas: u32,
    pub(super) heard_resumed: u32,
}

impl Tally {
    pub(super) fn assert_much_happened(&self) {
        let all = [
            (self.fulls, 300),
            (self.deltas, 1_000),
            (self.heartbeats, 50),
            (self.resumed, 300),
            (self.behind, 40),
            (self.too_old, 100),
            (self.other_log, 10),
            (self.removals, 500),
            (self.left_unread, 100),
            (self.heard_fulls, 60),
            (self.heard_deltas, 500),
            (self.heard_resumed, 100),
        ];
        assert!(all.iter().all(|(found, least)| found >= least), "{self:?}");
    }
}

impl Watcher {
    pub(super) fn of(models: &[&str]) -> Self {
        Self {
            models: models.iter().map(ToString::to_string).collect(),
            ..Self::default()
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Drops the stream in the middle, if there is one.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Opens a watch from where it is, if the server has something to serve.
    pub(super) async fn open(&mut self, server: &Running) {
        let told = self.held.mirror.version().cloned();
        let request = WatchSnapshotRequest {
            version: told.as_ref().map(ToString::to_string).unwrap_or_default(),
            models: self.models.clone(),
        };
        self.open = match server.client().watch_snapshot(request).await {
            Ok(answer) => Some(Open {
                stream: Pump::of(answer.into_inner()),
                told,
                is_answered: false,
            }),
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status}");
                None
            }
        };
    }

    /// Takes the next message, if one comes in that time. Whether one came.
    pub(super) async fn take(&mut self, wait: Duration, world: &World, tally: &mut Tally) -> bool {
        let Some(open) = &mut self.open else {
            return false;
        };
        let Ok(message) = timeout(wait, open.stream.next()).await else {
            return false;
        };
        match message.expect("a watch does not end well") {
            Ok(message) => {
                self.hear(Update::try_from(message).unwrap(), world, tally);
                true
            }
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status}");
                self.open = None;
                false
            }
        }
    }

    /// Comes back to a stream that it has not read for long, or opens one: it is told the latest at
    /// once, and no queue.
    pub(super) async fn catch_up(&mut self, server: &Running, world: &World, tally: &mut Tally) {
        let mut client = server.client();
        for taken in 0..=UNREAD_MAX {
            let Some(open) = &self.open else {
                return;
            };
            let full = get(&mut client, &self.models).await;
            let present = &full.snapshot.header().version;
            if open.is_answered && open.told.as_ref() == Some(present) {
                self.check_served(&full, world);
                tally.left_unread += u32::from(taken > 0);
                return;
            }
            assert!(taken < UNREAD_MAX, "a queue was kept");
            self.take(SILENCE_MAX, world, tally).await;
        }
    }

    /// It holds what a unary read of any server gives.
    pub(super) async fn assert_equal(&self, server: &Running) {
        let Full { snapshot, facts } = get(&mut server.client(), &self.models).await;
        let held = self.held.mirror.snapshot().unwrap();
        assert_eq!(held.header().version, snapshot.header().version);
        assert_eq!(held.rows(), snapshot.rows());
        assert_eq!(held.gates(), snapshot.gates());
        assert_eq!(self.held.facts, facts);
    }

    fn hear(&mut self, update: Update, world: &World, tally: &mut Tally) {
        let open = self.open.as_mut().unwrap();
        let first = !std::mem::replace(&mut open.is_answered, true);
        match update {
            Update::Full(Full { snapshot, facts }) => {
                let header = snapshot.header().clone();
                tally.fulls += 1;
                if let Some(told) = &open.told {
                    let same = same_logs(told, &header.version);
                    tally.too_old += u32::from(same);
                    tally.other_log += u32::from(!same);
                }
                self.advance(&header, first, world, tally);
                self.held.mirror.apply_full(snapshot);
                self.held.facts = facts;
            }
            Update::Delta { delta, facts } => {
                tally.deltas += 1;
                tally.resumed += u32::from(first);
                tally.removals += u32::try_from(delta.removed.len()).unwrap();
                let told = open.told.as_ref().expect("a change of nothing");
                assert_news(&delta, told);
                self.held.seen.remove(&delta, &self.held.mirror);
                self.advance(&delta.header, first, world, tally);
                self.held.mirror.apply_delta(delta).unwrap();
                if let Some(facts) = facts {
                    self.held.facts = facts;
                }
            }
            Update::Heartbeat { version, .. } => {
                tally.heartbeats += 1;
                assert!(!first, "a watch begins with what there is");
                let told = open.told.as_ref().unwrap().to_string();
                assert_eq!(version, told);
                return;
            }
        }
        self.check(world, tally);
    }

    /// A stream's version never goes back in a log. The first of a stream may be behind what the
    /// watcher holds: so may its server be.
    fn advance(&mut self, header: &Header, first: bool, world: &World, tally: &mut Tally) {
        let open = self.open.as_mut().unwrap();
        let version = &header.version;
        if let Some(told) = open.told.as_ref().filter(|told| same_logs(told, version)) {
            let is_behind = !covers(version, told);
            assert!(first || !is_behind, "{told:?} became {version:?}");
            tally.behind += u32::from(is_behind);
        }
        if !world.is_compacted {
            let truth = Truth::of(version, world);
            assert_eq!(header.partitions_whole, truth.partitions_whole);
        }
        open.told = Some(version.clone());
    }

    /// What must hold of what it holds after every message.
    fn check(&mut self, world: &World, tally: &mut Tally) {
        let held = self.held.mirror.snapshot().unwrap();
        self.held.seen.look(&held);
        let models = &self.models;
        let wanted =
            |model: &ModelId| models.is_empty() || models.iter().any(|m| m == model.as_str());
        let version = &held.header().version;
        for row in held.rows() {
            assert!(wanted(&row.value.id.model), "{row:?} was not asked for");
            let sextant_snapshot::record::Entry::Endpoint(written) =
                &world.written(row.stamp.partition, row.stamp.offset).entry
            else {
                panic!("{row:?} was never written");
            };
            assert_eq!(*row.value, RoutingRow::from(written));
        }
        let facts = world.facts[&version.catalog()].iter();
        let facts: Vec<_> = facts.filter(|facts| wanted(&facts.id.model)).collect();
        assert_eq!(self.held.facts.iter().collect::<Vec<_>>(), facts);
        if !world.is_compacted {
            tally.exact += 1;
            check_exact(&held, &Truth::of(version, world), wanted);
        }
    }

    /// What a server gives in a unary read stands for its version too.
    fn check_served(&self, full: &Full, world: &World) {
        if !world.is_compacted {
            let models = &self.models;
            let wanted =
                |model: &ModelId| models.is_empty() || models.iter().any(|m| m == model.as_str());
            let truth = Truth::of(&full.snapshot.header().version, world);
            check_exact(&full.snapshot, &truth, wanted);
        }
    }
}

/// It is what the version stands for, no more and no less.
fn check_exact(held: &Snapshot<RoutingRow>, truth: &Truth<'_>, wanted: impl Fn(&ModelId) -> bool) {
    let rows = held.rows().iter();
    let rows: BTreeSet<_> = rows.map(|row| (&row.value.id, row.stamp.offset)).collect();
    let written = truth.rows.iter().filter(|(id, _)| wanted(&id.model));
    let written: BTreeSet<_> = written.map(|(id, (offset, _))| (*id, *offset)).collect();
    assert_eq!(rows, written, "at {:?}", held.header().version);
    let gates = held.gates().iter();
    let gates: Vec<_> = gates
        .map(|gate| (gate.stamp.offset, (*gate.value).clone()))
        .collect();
    let ruled = truth.gates.iter().filter(|(key, _)| wanted(&key.model));
    let ruled: Vec<_> = ruled.map(|(_, gate)| gate.clone()).collect();
    assert_eq!(gates, ruled, "at {:?}", held.header().version);
}

/// A change tells what the watcher lacks and the server has, and nothing else.
fn assert_news(delta: &Delta<RoutingRow>, told: &Version) {
    let version = &delta.header.version;
    let rows = delta.rows.iter().map(|row| row.stamp);
    for stamp in rows.chain(delta.removed.iter().map(|(_, stamp)| *stamp)) {
        let from = told.statistics().next_offset(stamp.partition);
        let until = version.statistics().next_offset(stamp.partition);
        assert!(
            (from..until).contains(&stamp.offset),
            "{stamp:?} in {from}..{until}"
        );
    }
    let gates = delta.gates.iter().map(|gate| gate.stamp.offset);
    for offset in gates.chain(delta.gates_removed.iter().map(|(_, stamp)| stamp.offset)) {
        let (from, until) = (told.gates().next_offset, version.gates().next_offset);
        assert!(
            (from..until).contains(&offset),
            "gate {offset} in {from}..{until}"
        );
    }
    let catalog_changed = told.catalog() != version.catalog();
    assert_eq!(delta.catalog_changed, catalog_changed);
}

fn same_logs(one: &Version, other: &Version) -> bool {
    one.statistics().log_id == other.statistics().log_id
        && one.gates().log_id == other.gates().log_id
}

/// Whether whoever has the one version lacks nothing that the other has.
fn covers(one: &Version, other: &Version) -> bool {
    let (mine, others) = (one.statistics(), other.statistics());
    let mut both = mine.next_offsets.iter().zip(&others.next_offsets);
    both.all(|(mine, other)| mine >= other) && one.gates().next_offset >= other.gates().next_offset
}
