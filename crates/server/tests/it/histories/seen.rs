//! What a watcher has seen of each key: nothing of it may go back.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use sextant_measure::id::EndpointId;
use sextant_snapshot::change::Delta;
use sextant_snapshot::gates::GateKey;
use sextant_snapshot::mirror::Mirror;
use sextant_snapshot::routing::RoutingRow;
use sextant_snapshot::snapshot::Snapshot;
use sextant_snapshot::version::Version;

/// What has been seen of the present logs.
#[derive(Clone, Default)]
pub(super) struct Seen {
    version: Option<Version>,
    rows: HashMap<EndpointId, Last>,
    gates: HashMap<GateKey, Last>,
}

/// The newest offset at which a key was seen, or was said to be removed.
#[derive(Debug, Clone, Copy)]
struct Last {
    offset: u64,
    is_there: bool,
}

impl Seen {
    /// Notes what a change takes from what is held.
    pub(super) fn remove(&mut self, delta: &Delta<RoutingRow>, mirror: &Mirror<RoutingRow>) {
        let Some(held) = mirror.version() else {
            return;
        };
        for (id, stamp) in &delta.removed {
            if stamp.offset >= held.statistics().next_offset(stamp.partition) {
                gone(&mut self.rows, id, stamp.offset);
            }
        }
        for (key, stamp) in &delta.gates_removed {
            if stamp.offset >= held.gates().next_offset {
                gone(&mut self.gates, key, stamp.offset);
            }
        }
    }

    /// Compares what is held now with all that has been seen. In the same logs no key is older than
    /// it was, what was gone comes back only newer, and the version is behind in nothing. What is of
    /// another log has no order with what was.
    pub(super) fn look(&mut self, held: &Snapshot<RoutingRow>) {
        let version = &held.header().version;
        if let Some(before) = &self.version {
            if before.statistics().log_id == version.statistics().log_id {
                let both = before.statistics().next_offsets.iter();
                let mut both = both.zip(&version.statistics().next_offsets);
                assert!(both.all(|(was, is)| was <= is), "{before:?}, {version:?}");
            } else {
                self.rows.clear();
            }
            if before.gates().log_id == version.gates().log_id {
                assert!(before.gates().next_offset <= version.gates().next_offset);
            } else {
                self.gates.clear();
            }
        }
        self.version = Some(version.clone());
        let rows = held.rows().iter();
        note(
            &mut self.rows,
            rows.map(|row| (row.value.id.clone(), row.stamp.offset)),
        );
        let gates = held.gates().iter();
        note(
            &mut self.gates,
            gates.map(|gate| (gate.value.key().clone(), gate.stamp.offset)),
        );
    }
}

fn gone<K: Eq + Hash + Clone>(seen: &mut HashMap<K, Last>, key: &K, offset: u64) {
    let last = Last {
        offset,
        is_there: false,
    };
    let held = seen.entry(key.clone()).or_insert(last);
    held.is_there = false;
    held.offset = held.offset.max(offset);
}

fn note<K: Eq + Hash + Debug>(seen: &mut HashMap<K, Last>, held: impl Iterator<Item = (K, u64)>) {
    let now: HashMap<_, _> = held.collect();
    for (key, offset) in &now {
        if let Some(last) = seen.get(key) {
            let is_no_older = *offset > last.offset || (last.is_there && *offset == last.offset);
            assert!(is_no_older, "{key:?}: {last:?}, and now {offset}");
        }
    }
    for (key, last) in seen.iter_mut() {
        last.is_there = now.contains_key(key);
    }
    let now = now.into_iter();
    seen.extend(now.map(|(key, offset)| {
        let is_there = true;
        (key, Last { offset, is_there })
    }));
}
