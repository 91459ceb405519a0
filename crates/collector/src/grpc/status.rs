//! Whole-batch refusals as `google.rpc.Status`.

use std::collections::HashMap;
use std::error::Error;

use sextant_wire::answer::{BatchRefusal, BatchRefusalReason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

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

/// A stream that has sent what is no message. Other failures are the connection's, and pass.
pub(super) fn unreadable(error: Status) -> Status {
    let is_senders = matches!(error.code(), Code::Internal | Code::OutOfRange);
    if !is_senders || error.source().is_some() {
        return error;
    }
    let mut details = ErrorDetails::new();
    details.set_error_info("INVALID", DOMAIN, HashMap::new());
    details.add_bad_request_violation("message", error.message());
    Status::with_error_details(Code::InvalidArgument, error.message(), details)
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
