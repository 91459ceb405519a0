//! Refusals, with their details.

use std::collections::HashMap;
use std::error::Error as _;
use std::time::Duration;

use sextant_wire::DecodeError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::admissions::TooFast;
use crate::filter::FilterError;
use crate::gates::{GatesError, Wrong};
use crate::hub::Unserved;
use crate::seats::NoSeat;
use crate::watch::Unwatched;

/// The domain of the reasons in error details, as everywhere in this package.
const DOMAIN: &str = "sextant.v1";
/// When to ask again for what isn't there yet.
const STARTING_RETRY: Duration = Duration::from_secs(1);
/// When to send again what the log could not take.
const LOG_RETRY: Duration = Duration::from_secs(1);
/// When to ask again where there was no room; watches last long.
const ROOM_RETRY: Duration = Duration::from_secs(10);

/// The bytes are not the message.
pub(super) fn undecodable(error: &DecodeError) -> Status {
    invalid_message(&error.to_string())
}

/// The request holds no message that may be. Other failures are the connection's, and pass.
pub(super) fn unreadable(error: Status) -> Status {
    match error.code() {
        _ if error.source().is_some() => error,
        Code::Internal | Code::OutOfRange => invalid_message(error.message()),
        _ => error,
    }
}

/// What was sent is no request of gRPC, or holds no message.
pub(super) fn invalid_message(what: &str) -> Status {
    let mut details = ErrorDetails::with_bad_request_violation("message", what);
    details.set_error_info("INVALID", DOMAIN, HashMap::new());
    Status::with_error_details(Code::InvalidArgument, what, details)
}

/// The message did not arrive in time.
pub(super) fn late() -> Status {
    let details = ErrorDetails::with_error_info("LATE", DOMAIN, HashMap::new());
    let message = "the request did not arrive in time";
    Status::with_error_details(Code::DeadlineExceeded, message, details)
}

/// A list of models that is refused.
pub(super) fn filter(error: &FilterError) -> Status {
    let (field, what) = match error {
        FilterError::Model { index, reason } => (format!("models[{index}]"), reason.clone()),
        FilterError::TooMany { max } => ("models".to_owned(), format!("more than {max}")),
    };
    let message = format!("{field}: {what}");
    let mut details = ErrorDetails::with_bad_request_violation(field, what);
    details.set_error_info("INVALID_MODELS", DOMAIN, HashMap::new());
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// Rulings that are not taken.
pub(super) fn gates(error: &GatesError) -> Status {
    let message = error.to_string();
    let told = |code, reason: &str, mut details: ErrorDetails| {
        details.set_error_info(reason, DOMAIN, HashMap::new());
        Status::with_error_details(code, message.clone(), details)
    };
    match error {
        GatesError::Unserved(why) => unserved(*why),
        GatesError::TooMany { .. } => {
            let details = ErrorDetails::with_bad_request_violation("gates", &message);
            told(Code::InvalidArgument, "TOO_MANY_GATES", details)
        }
        GatesError::Wrong(wrong) => {
            let violation = |it: &Wrong| {
                let field = format!("gates[{}].{}", it.index, it.field);
                FieldViolation::new(field, it.reason.clone())
            };
            let violations: Vec<_> = wrong.iter().map(violation).collect();
            let details = ErrorDetails::with_bad_request(violations);
            told(Code::InvalidArgument, "INVALID_GATES", details)
        }
        GatesError::Full { .. } => {
            told(Code::FailedPrecondition, "GATES_FULL", ErrorDetails::new())
        }
        GatesError::Log(why) if !why.is_transient() => {
            told(Code::Internal, "LOG_REFUSES", ErrorDetails::new())
        }
        GatesError::Log(_) | GatesError::Anew | GatesError::Unread => {
            let details = ErrorDetails::with_retry_info(Some(LOG_RETRY));
            told(Code::Unavailable, "LOG_AWAY", details)
        }
    }
}

/// There is nothing to serve.
pub(super) fn unserved(why: Unserved) -> Status {
    let (message, reason, retry) = match why {
        Unserved::Starting => (
            "the windows log is still being read",
            "STARTING",
            STARTING_RETRY,
        ),
        Unserved::Stopping => (
            "this server is shutting down; ask another one",
            "STOPPING",
            Duration::ZERO,
        ),
        Unserved::Unencodable => {
            let message = "the snapshot cannot be encoded";
            let details = ErrorDetails::with_error_info("UNENCODABLE", DOMAIN, HashMap::new());
            return Status::with_error_details(Code::Internal, message, details);
        }
    };
    let mut details = ErrorDetails::with_retry_info(Some(retry));
    details.set_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(Code::Unavailable, message, details)
}

/// A watch that is not begun.
pub(super) fn unwatched(why: Unwatched) -> Status {
    match why {
        Unwatched::NoSeat(why) => too_many_watchers(why),
        Unwatched::TooFast(why) => too_fast(why),
        Unwatched::Unserved(why) => unserved(why),
    }
}

/// The service has no such call.
pub(super) fn unimplemented(what: &str) -> Status {
    let details = ErrorDetails::with_error_info("UNKNOWN_METHOD", DOMAIN, HashMap::new());
    Status::with_error_details(Code::Unimplemented, what, details)
}

/// No room for another watch.
fn too_many_watchers(why: NoSeat) -> Status {
    let (figure, max, message) = match why {
        NoSeat::Full { max } => (
            "watchers_max",
            max,
            format!("this server serves {max} watchers at most"),
        ),
        NoSeat::ShareTaken { max } => (
            "watchers_of_one_caller_max",
            max,
            format!("this server serves {max} watchers of one caller at most"),
        ),
    };
    let mut details = ErrorDetails::with_retry_info(Some(ROOM_RETRY));
    let figures = HashMap::from([(figure.to_owned(), max.to_string())]);
    details.set_error_info("TOO_MANY_WATCHERS", DOMAIN, figures);
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// More watches want to begin than may at once.
fn too_fast(why: TooFast) -> Status {
    let max = why.per_second_max;
    let mut details = ErrorDetails::with_retry_info(Some(why.retry_after));
    let figures = HashMap::from([("watches_per_second_max".to_owned(), max.to_string())]);
    details.set_error_info("TOO_FAST", DOMAIN, figures);
    let message = format!("this server lets {max} watches begin in a second");
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// A code as it stands in metrics.
pub(super) const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Unavailable => "UNAVAILABLE",
        Code::Cancelled => "CANCELLED",
        Code::Internal => "INTERNAL",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        _ => "OTHER",
    }
}
