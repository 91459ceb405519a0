//! What a version stands for while the logs are whole, by brute force over the journal: slow, and
//! without a line of the code that serves.

use std::collections::BTreeMap;

use sextant_measure::id::EndpointId;
use sextant_snapshot::gates::{Gate, GateKey};
use sextant_snapshot::record::{Entry, LogRecord, OwnerState};
use sextant_snapshot::row::EndpointRow;
use sextant_snapshot::version::Version;

use super::world::World;

/// Rows and gates with their offsets, and how many partitions are whole.
#[derive(Default)]
pub(super) struct Truth<'w> {
    pub(super) rows: BTreeMap<&'w EndpointId, (u64, &'w EndpointRow)>,
    pub(super) gates: BTreeMap<GateKey, (u64, Gate)>,
    pub(super) partitions_whole: u32,
}

impl<'w> Truth<'w> {
    pub(super) fn of(version: &Version, world: &'w World) -> Self {
        let mut truth = Self::default();
        let positions = &version.statistics().next_offsets;
        for (partition, position) in world.partitions().zip(positions) {
            let until = usize::try_from(*position).unwrap();
            truth.read(&partition.journal[..until]);
        }
        for record in &world.gates {
            if record.offset < version.gates().next_offset {
                let ruling = &record.ruling;
                truth.gates.remove(ruling.key());
                if let Some(verdict) = ruling.verdict() {
                    let (key, author) = (ruling.key().clone(), ruling.author().to_owned());
                    let gate = Gate::new(key, verdict, author, ruling.since()).unwrap();
                    let gate = (record.offset, gate);
                    truth.gates.insert(ruling.key().clone(), gate);
                }
            }
        }
        truth
    }

    /// The rule of ownership: a record counts unless its log or its owner had been replaced before
    /// it was written; whoever becomes whole has written all that stands.
    fn read(&mut self, journal: &'w [LogRecord]) {
        let (mut log_id, mut owner, mut whole) = (None, 0, false);
        let mut rows = BTreeMap::new();
        for record in journal {
            match &record.entry {
                Entry::Claim { .. } => {
                    if log_id != Some(record.log_id) {
                        rows.clear();
                    }
                    (log_id, owner, whole) = (Some(record.log_id), record.offset, false);
                }
                _ if log_id != Some(record.log_id) || record.epoch != owner => {}
                Entry::Endpoint(row) => {
                    rows.insert(row.id(), (record.offset, owner, row));
                }
                Entry::EndpointGone(id) => {
                    rows.remove(id);
                }
                Entry::Progress(progress) => {
                    let becomes = progress.state == OwnerState::Whole;
                    if becomes && !whole {
                        rows.retain(|_, (_, epoch, _)| *epoch == owner);
                    }
                    whole = becomes;
                }
                Entry::Agent(_) | Entry::AgentGone(_) => {}
            }
        }
        self.partitions_whole += u32::from(whole);
        let rows = rows.into_iter();
        self.rows
            .extend(rows.map(|(id, (offset, _, row))| (id, (offset, row))));
    }
}
