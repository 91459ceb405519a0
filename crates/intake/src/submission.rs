//! A batch as it came.

use std::collections::HashMap;

use sextant_measure::id::Region;
use sextant_measure::id::{Operation, RequestId};
use sextant_measure::observation::{Definition, Observation};
use sextant_measure::refusal::Refusal;
use sextant_wire::batch::Batch;
use sextant_wire::columns::{ColumnsBuilder, Row};
use sextant_wire::identity::Identity;

use crate::directory::{Directory, Resolve};

/// A batch as it came.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Submission {
    /// What could be read.
    pub batch: Batch,
    /// What could not: index, counted together with the rows of the batch, and reason. Rising.
    pub refused: Vec<(u32, Refusal)>,
}

impl From<Batch> for Submission {
    fn from(batch: Batch) -> Self {
        Self {
            batch,
            refused: Vec::new(),
        }
    }
}

impl Submission {
    /// Observations that came one by one, as a sender of batches would send them, and what the ids
    /// stand for. What could not be read is told at its place.
    pub fn gather<R: Resolve>(
        observations: impl IntoIterator<Item = Result<Observation, Refusal>>,
        region: Option<Region>,
        rules: &R,
    ) -> (Self, Directory<R::Meaning>) {
        let mut directory = Directory::in_region(region);
        let mut ids: HashMap<Definition, u32> = HashMap::new();
        let (mut columns, mut refused) = (ColumnsBuilder::default(), Vec::new());
        for (index, observation) in (0_u32..).zip(observations) {
            let observation = match observation {
                Ok(observation) => observation,
                Err(refusal) => {
                    refused.push((index, refusal));
                    continue;
                }
            };
            let id = ids.get(&observation.definition).copied();
            let id = id.unwrap_or_else(|| {
                let id = u32::try_from(ids.len()).unwrap_or(u32::MAX);
                ids.insert(observation.definition.clone(), id);
                directory.define(id, Ok(observation.definition.clone()), rules);
                id
            });
            columns.push(&row(&observation, id));
        }
        let batch = Batch {
            columns: columns.finish(),
            ..Batch::default()
        };
        (Self { batch, refused }, directory)
    }

    /// The same under its sender's identity.
    #[must_use]
    pub fn under(mut self, identity: Option<Identity>) -> Self {
        self.batch.sequence = identity.as_ref().map_or(0, |identity| identity.sequence);
        self.batch.identity = identity;
        self
    }

    /// How many observations came.
    pub fn observations(&self) -> u32 {
        let observations = self.batch.columns.len().saturating_add(self.refused.len());
        u32::try_from(observations).unwrap_or(u32::MAX)
    }
}

/// Puts what was never a row back among the refused rows, whose indices it moves up.
pub fn merge(unread: Vec<(u32, Refusal)>, rows: Vec<(u32, Refusal)>) -> Vec<(u32, Refusal)> {
    if unread.is_empty() {
        return rows;
    }
    let mut merged = Vec::with_capacity(unread.len() + rows.len());
    let (mut unread, mut before) = (unread.into_iter().peekable(), 0);
    for (row, refusal) in rows {
        while let Some(earlier) = unread.next_if(|(index, _)| *index <= row + before) {
            merged.push(earlier);
            before += 1;
        }
        merged.push((row + before, refusal));
    }
    merged.extend(unread);
    merged
}

fn row(observation: &Observation, endpoint: u32) -> Row<'_> {
    Row {
        endpoint,
        measurement: observation.measurement,
        tier: observation.tier,
        operation: observation.operation.as_ref().map(Operation::as_str),
        request_id: observation.request_id.as_ref().map(RequestId::as_str),
    }
}
