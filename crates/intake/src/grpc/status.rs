//! Whole-batch refusals as `google.rpc.Status`.

use std::collections::HashMap;
use std::error::Error;

use sextant_wire::answer::{BatchRefusal, BatchRefusalReason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::refusal;

/// The domain of this service's reasons, as in `google.rpc.ErrorInfo`.
const DOMAIN: &str = "sextant.v1";

/// `UNAVAILABLE` and `RESOURCE_EXHAUSTED` always say when to try again; what never passes is
/// `INVALID_ARGUMENT`.
pub(super) fn status(refusal: &BatchRefusal) -> Status {
    use BatchRefusalReason as Reason;
    let code = match (refusal.reason, refusal.retry_after) {
        (_, None) => Code::InvalidArgument,
        (Reason::Load | Reason::Unavailable, Some(_)) => Code::Unavailable,
        (_, Some(_)) => Code::ResourceExhausted,
    };
    detailed(code, refusal)
}

/// A message for which there is no room. Its sender, and not the collector, has too many begun.
pub(super) fn exhausted(refusal: &BatchRefusal) -> Status {
    detailed(Code::ResourceExhausted, refusal)
}

/// A message that did not come in time. On a better connection it may.
pub(super) fn too_slow(refusal: &BatchRefusal) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info("TOO_SLOW", DOMAIN, HashMap::new());
    Status::with_error_details(Code::DeadlineExceeded, &refusal.message, details)
}

/// What tonic says, as the server's fault, of bytes that are no message. Other failures are the
/// connection's, and pass.
pub(super) fn unreadable(error: &Status) -> Option<BatchRefusal> {
    let is_senders = matches!(error.code(), Code::Internal | Code::OutOfRange)
        && error.details().is_empty()
        && error.source().is_none();
    is_senders.then(|| refusal::invalid(error.message()))
}

fn detailed(code: Code, refusal: &BatchRefusal) -> Status {
    let mut details = ErrorDetails::new();
    let reason = refusal.reason.name().to_ascii_uppercase();
    details.set_error_info(reason, DOMAIN, HashMap::new());
    match refusal.retry_after {
        Some(after) => details.set_retry_info(Some(after)),
        None => details.add_bad_request_violation("batch", &refusal.message),
    };
    Status::with_error_details(code, &refusal.message, details)
}
