//! From a body to a batch.

use sextant_measure::id::Region;
use sextant_wire::answer::{BatchRefusal, BatchRefusalReason};
use sextant_wire::identity::Identity;
use sextant_wire::json::{BodyError, parse};

use crate::intake::DirectoryOf;
use crate::keeper::Keeper;
use crate::refusal;
use crate::submission::Submission;

/// The observations of a body, as a sender of batches would send them.
pub(super) struct Posted<K: Keeper> {
    submission: Submission,
    directory: DirectoryOf<K>,
    /// Fields that were ignored.
    pub(super) unknown_fields: u64,
}

impl<K: Keeper> Posted<K> {
    pub(super) fn parse(
        body: &[u8],
        observations_max: usize,
        region: Option<Region>,
        rules: &K::Rules,
    ) -> Result<Self, BatchRefusal> {
        let parsed = parse(body, observations_max).map_err(|error| unreadable(&error))?;
        let (submission, directory) = Submission::gather(parsed.observations, region, rules);
        Ok(Self {
            submission,
            directory,
            unknown_fields: parsed.unknown_fields,
        })
    }

    /// The batch under its sender's identity, and what its ids stand for.
    pub(super) fn under(self, identity: Option<Identity>) -> (Submission, DirectoryOf<K>) {
        (self.submission.under(identity), self.directory)
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
