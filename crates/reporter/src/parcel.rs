//! A batch that someone else numbered, and what became of it.

use std::collections::HashMap;

use sextant_measure::id::{Operation, RequestId};
use sextant_measure::observation::{Definition, Observation};
use sextant_wire::batch::Batch;
use sextant_wire::held::HeldBatch;

use crate::report::DropReason;

/// A batch that someone else numbered.
#[derive(Debug)]
pub struct Parcel {
    /// What whoever handed it over knows it by.
    pub(crate) ticket: u64,
    pub(crate) batch: Batch,
    pub(crate) definitions: Vec<(u32, Definition)>,
    /// About as many bytes it takes when sent.
    pub(crate) bytes: usize,
}

/// What became of a parcel. It is told once for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// What whoever handed it over knows it by.
    pub ticket: u64,
    /// How many observations it held.
    pub observations: u64,
    /// Its end.
    pub fate: Fate,
}

/// The end of a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A target keeps it.
    Acknowledged {
        /// How many of its observations the target took; the others it refused.
        accepted: u64,
    },
    /// It was given up.
    Dropped(DropReason),
}

impl Parcel {
    /// A batch of so many bytes, under a name that its fate will be told by.
    pub fn new(ticket: u64, held: HeldBatch, bytes: usize) -> Self {
        Self {
            ticket,
            batch: held.batch,
            definitions: held.definitions,
            bytes,
        }
    }

    /// What whoever handed it over knows it by.
    pub fn ticket(&self) -> u64 {
        self.ticket
    }

    /// Its ids are those of its sender; these are the carrier's.
    pub(crate) fn renumbered(mut self, mut id_of: impl FnMut(&Definition) -> u32) -> Self {
        let mut ids = HashMap::with_capacity(self.definitions.len());
        for (id, definition) in &mut self.definitions {
            let carriers = id_of(definition);
            ids.insert(*id, carriers);
            *id = carriers;
        }
        // An id that stands for nothing stays one: the target says so.
        let of = |id: u32| ids.get(&id).copied().unwrap_or(u32::MAX);
        self.batch.columns = std::mem::take(&mut self.batch.columns).renumbered(of);
        self
    }

    /// Each observation that can be read.
    pub(crate) fn observations(&self) -> Vec<Observation> {
        let definitions: HashMap<u32, &Definition> = self
            .definitions
            .iter()
            .map(|(id, definition)| (*id, definition))
            .collect();
        let columns = &self.batch.columns;
        let rows = columns.endpoints().iter().zip(columns.rows());
        let read = rows.filter_map(|(id, row)| {
            let (definition, row) = (definitions.get(id)?, row.ok()?);
            Some(Observation {
                definition: Definition::clone(definition),
                measurement: row.measurement,
                request_id: row.request_id.and_then(|text| RequestId::new(text).ok()),
                tier: row.tier,
                operation: row.operation.and_then(|text| Operation::new(text).ok()),
            })
        });
        read.collect()
    }
}
