//! What a receiver of snapshots and changes holds.
//!
//! It may get them from several servers in turn, one ahead of another. The version that it has
//! reached is its memory: it holds all there was below that position in each partition, and knows
//! of every removal there. So an entry below the position changes nothing, whether it is a row that
//! it already holds newer, or one that has since been removed; and no removal needs to be kept.

use std::collections::BTreeMap;
use std::mem;

use sextant_measure::id::EndpointId;

use crate::change::Delta;
use crate::error::SnapshotError;
use crate::gates::{Gate, GateKey};
use crate::row::{EndpointRow, Row};
use crate::snapshot::{Header, Snapshot};
use crate::stamp::{Stamp, Stamped};
use crate::version::Version;

/// What a receiver holds. `R` is the form in which it holds rows. It keeps to one filter by models:
/// with another one, begin with an empty mirror.
#[derive(Debug)]
pub struct Mirror<R = EndpointRow> {
    header: Option<Header>,
    /// By partition too: between partitions stamps have no order.
    rows: BTreeMap<(EndpointId, u32), Stamped<R>>,
    gates: BTreeMap<GateKey, Stamped<Gate>>,
}

impl<R> Clone for Mirror<R> {
    fn clone(&self) -> Self {
        Self {
            header: self.header.clone(),
            rows: self.rows.clone(),
            gates: self.gates.clone(),
        }
    }
}

impl<R> Default for Mirror<R> {
    fn default() -> Self {
        Self {
            header: None,
            rows: BTreeMap::new(),
            gates: BTreeMap::new(),
        }
    }
}

impl<R: Row> Mirror<R> {
    /// Takes everything that a server has. From other logs than before it replaces what is held;
    /// from the same ones it is merged, since the server may be behind the one before.
    pub fn apply_full(&mut self, full: Snapshot<R>) {
        let (header, rows, gates) = full.into_parts();
        let incoming = &header.version;
        let held = self.header.as_ref().map(|held| &held.version);
        let statistics = held
            .map(|held| &held.statistics)
            .filter(|held| held.same_log(&incoming.statistics));
        let rows = rows.into_iter().map(|row| (row_key(&row), row));
        merge_full(&mut self.rows, rows, |(_, partition)| Positions {
            held: statistics.map(|held| held.next_offset(*partition)),
            incoming: incoming.statistics.next_offset(*partition),
        });
        let gates_held = held
            .map(|held| held.gates)
            .filter(|held| held.log_id == incoming.gates.log_id);
        let gates = gates
            .into_iter()
            .map(|gate| (gate.value.key().clone(), gate));
        merge_full(&mut self.gates, gates, |_| Positions {
            held: gates_held.map(|held| held.next_offset),
            incoming: incoming.gates.next_offset,
        });
        self.reach(header);
    }

    /// Takes what changed since the version that is held, or since an earlier one.
    ///
    /// # Errors
    /// [`SnapshotError::NotContinued`] if nothing is held, or what is held is of other logs; then
    /// nothing has changed.
    pub fn apply_delta(&mut self, delta: Delta<R>) -> Result<(), SnapshotError> {
        let incoming = &delta.header.version;
        let held = self.header.as_ref().map(|held| &held.version);
        let held = held
            .filter(|held| held.statistics.same_log(&incoming.statistics))
            .filter(|held| held.gates.log_id == incoming.gates.log_id)
            .ok_or(SnapshotError::NotContinued)?;
        let news = |stamp: &Stamp| stamp.offset >= held.statistics.next_offset(stamp.partition);
        for row in delta.rows.into_iter().filter(|row| news(&row.stamp)) {
            self.rows.insert(row_key(&row), row);
        }
        for (id, stamp) in delta.removed {
            if news(&stamp) {
                self.rows.remove(&(id, stamp.partition));
            }
        }
        let news = |stamp: &Stamp| stamp.offset >= held.gates.next_offset;
        for gate in delta.gates.into_iter().filter(|gate| news(&gate.stamp)) {
            self.gates.insert(gate.value.key().clone(), gate);
        }
        for (key, stamp) in delta.gates_removed {
            if news(&stamp) {
                self.gates.remove(&key);
            }
        }
        self.reach(delta.header);
        Ok(())
    }

    /// What holds for all of it; nothing before the first full snapshot.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// How far it is: what to ask for changes since. Nothing before the first full snapshot.
    pub fn version(&self) -> Option<&Version> {
        self.header.as_ref().map(|header| &header.version)
    }

    /// Everything it holds; nothing before the first full snapshot.
    pub fn snapshot(&self) -> Option<Snapshot<R>> {
        let header = self.header.clone()?;
        let rows = self.rows.values().cloned().collect();
        Some(Snapshot::new(
            header,
            rows,
            self.gates.values().cloned().collect(),
        ))
    }

    /// Keeps the header of what came last, and a version that is behind in nothing.
    fn reach(&mut self, mut header: Header) {
        if let Some(held) = &self.header {
            header.version.catch_up(&held.version);
        }
        self.header = Some(header);
    }
}

/// How far a partition is.
struct Positions {
    /// What is held; nothing if it is of another log.
    held: Option<u64>,
    /// What came.
    incoming: u64,
}

/// Merges all that a server has into what is held.
fn merge_full<K: Ord, V>(
    held: &mut BTreeMap<K, Stamped<V>>,
    incoming: impl Iterator<Item = (K, Stamped<V>)>,
    positions: impl Fn(&K) -> Positions,
) {
    let mut former = mem::take(held);
    for (key, value) in incoming {
        let position = positions(&key).held;
        // What is of another log is worth nothing.
        let former = former.remove(&key).filter(|_| position.is_some());
        match former {
            Some(former) if former.stamp.offset >= value.stamp.offset => {
                held.insert(key, former);
            }
            None if position.is_some_and(|position| value.stamp.offset < position) => {}
            _ => {
                held.insert(key, value);
            }
        }
    }
    // What the server lacks it has either seen removed or not read yet.
    former.retain(|key, value| {
        let Positions { held, incoming } = positions(key);
        held.is_some() && value.stamp.offset >= incoming
    });
    held.append(&mut former);
}

fn row_key<R: Row>(row: &Stamped<R>) -> (EndpointId, u32) {
    (row.value.endpoint().clone(), row.stamp.partition)
}
