//! Who may serve a request at all.

use crate::candidate::Candidate;
use crate::decision::Exclusion;
use crate::gates::{Admission, OperationGates};
use crate::request::Request;
use crate::tag::Tag;

/// The filters of one request.
pub(crate) struct Filter<'r> {
    request: &'r Request,
    gates: Option<&'r OperationGates>,
}

impl<'r> Filter<'r> {
    /// With the verdicts for the request's operation, if there are any.
    pub(crate) fn new(request: &'r Request, gates: Option<&'r OperationGates>) -> Self {
        Self { request, gates }
    }

    /// Why a candidate may not serve the request; nothing if it may.
    pub(crate) fn excludes(&self, candidate: &Candidate) -> Option<Exclusion> {
        let Request { only, ignore, .. } = self.request;
        let among = |tags: &[Tag]| tags.iter().any(|tag| tag.names(&candidate.id));
        if !only.is_empty() && !among(only) {
            return Some(Exclusion::NotAsked);
        }
        if among(ignore) {
            return Some(Exclusion::Ignored);
        }
        self.by_precision(candidate)
            .or_else(|| self.by_price(candidate))
    }

    fn by_precision(&self, candidate: &Candidate) -> Option<Exclusion> {
        let quantization = candidate.id.quantization;
        if !self.request.tier.is_gated() {
            return (!candidate.native).then_some(Exclusion::NotNative);
        }
        match Admission::of(quantization, candidate.native, self.gates) {
            Admission::Admitted => None,
            Admission::Undisclosed => Some(Exclusion::Undisclosed),
            // Without an operation no gate applies.
            _ if self.request.operation.is_none() => None,
            Admission::Red => Some(Exclusion::Red),
            Admission::NotGreen => Some(Exclusion::NotGreen),
        }
    }

    fn by_price(&self, candidate: &Candidate) -> Option<Exclusion> {
        let highest = self.request.max_price?;
        let Some(pricing) = candidate.price(self.request.tier) else {
            return Some(Exclusion::NoPrice);
        };
        let price = pricing.blended(self.request.mix);
        (price > highest).then_some(Exclusion::AbovePrice)
    }
}
