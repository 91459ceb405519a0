//! From a body to a batch.

use std::collections::HashMap;

use sextant_measure::id::{Operation, RequestId};
use sextant_measure::observation::{Definition, Observation};
use sextant_wire::answer::{BatchRefusal, BatchRefusalReason};
use sextant_wire::batch::Batch;
use sextant_wire::columns::{ColumnsBuilder, Row};
use sextant_wire::identity::Identity;
use sextant_wire::json::{BodyError, Parsed, parse};

use crate::admission::Submission;
use crate::directory::{Directory, Rules};
use crate::refusal;

/// The observations of a body, as a sender of batches would send them.
pub(super) struct Posted {
    submission: Submission,
    directory: Directory,
    /// Fields that were ignored.
    pub(super) unknown_fields: u64,
}

impl Posted {
    pub(super) fn parse(
        body: &[u8],
        observations_max: usize,
        rules: &Rules,
    ) -> Result<Self, BatchRefusal> {
        let parsed = parse(body, observations_max).map_err(|error| unreadable(&error))?;
        Ok(Self::new(parsed, rules))
    }

    /// The batch under its sender's identity, and what its ids stand for.
    pub(super) fn under(mut self, identity: Option<Identity>) -> (Submission, Directory) {
        let batch = &mut self.submission.batch;
        batch.sequence = identity.as_ref().map_or(0, |identity| identity.sequence);
        batch.identity = identity;
        (self.submission, self.directory)
    }

    fn new(parsed: Parsed, rules: &Rules) -> Self {
        let mut directory = Directory::default();
        let mut ids: HashMap<Definition, u32> = HashMap::new();
        let (mut columns, mut refused) = (ColumnsBuilder::default(), Vec::new());
        for (index, observation) in (0_u32..).zip(parsed.observations) {
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
        Self {
            submission: Submission { batch, refused },
            directory,
            unknown_fields: parsed.unknown_fields,
        }
    }
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

fn unreadable(error: &BodyError) -> BatchRefusal {
    let refusal = refusal::invalid(error.to_string());
    match error {
        BodyError::TooMany(_) => BatchRefusal {
            reason: BatchRefusalReason::TooLarge,
            ..refusal
        },
        BodyError::Array(_) | BodyError::NotUtf8(_) => refusal,
    }
}
