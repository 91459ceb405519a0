//! Why whole batches are refused, in words, and when to send them again.

use std::time::Duration;

use sextant_wire::DecodeError;
use sextant_wire::answer::{BatchRefusal, BatchRefusalReason as Reason};

use crate::directory::UnusableId;
use crate::limiter::TooFast;
use crate::limits::Limits;
use crate::metrics::Transport;

pub(crate) fn too_many_observations(found: u32, limits: &Limits) -> BatchRefusal {
    let max = limits.observations_max;
    never(
        Reason::TooLarge,
        format!("{found} observations are more than the {max} of a batch; send smaller batches"),
    )
}

pub(crate) fn message_too_large(limits: &Limits) -> BatchRefusal {
    let max = limits.message_bytes_max;
    never(
        Reason::TooLarge,
        format!("more than the {max} bytes of a message; send smaller batches"),
    )
}

/// More bytes than one sender may ever have in flight.
pub fn larger_than_a_share(found: u32) -> BatchRefusal {
    never(
        Reason::TooLarge,
        format!("{found} bytes are more than one sender may have in flight; send smaller batches"),
    )
}

/// More new senders than the peer may introduce.
pub fn new_senders(too_fast: TooFast) -> BatchRefusal {
    too_fast_for(
        too_fast,
        Reason::NewSenders,
        "too many new pairs of agent and epoch from here",
    )
}

pub(crate) fn rate(too_fast: TooFast) -> BatchRefusal {
    too_fast_for(
        too_fast,
        Reason::Rate,
        "more observations in a second than one sender may send",
    )
}

/// No room for more of something.
pub fn load(what: &str, limits: &Limits) -> BatchRefusal {
    BatchRefusal {
        reason: Reason::Load,
        message: format!("no room for more {what} now; send again later"),
        retry_after: Some(limits.load_retry),
    }
}

/// Beyond what the protocol has a reason for: there is no stream yet to answer on.
pub(crate) fn too_many_streams(limits: &Limits) -> BatchRefusal {
    BatchRefusal {
        reason: Reason::Rate,
        message: "too many open streams; try again later".to_owned(),
        retry_after: Some(limits.unavailable_retry),
    }
}

/// Nothing can be kept now.
pub fn unavailable(message: impl Into<String>, limits: &Limits) -> BatchRefusal {
    BatchRefusal {
        reason: Reason::Unavailable,
        message: message.into(),
        retry_after: Some(limits.unavailable_retry),
    }
}

pub(crate) fn undecodable(error: &DecodeError) -> BatchRefusal {
    never(Reason::Invalid, error.to_string())
}

/// The same bytes never pass.
pub fn invalid(message: impl Into<String>) -> BatchRefusal {
    never(Reason::Invalid, message.into())
}

/// The process ends.
pub fn stopping(limits: &Limits) -> BatchRefusal {
    unavailable(format!("the {} stops", limits.name), limits)
}

/// The batch names an id that stands for nothing.
pub fn unusable(transport: Transport, unusable: UnusableId, limits: &Limits) -> BatchRefusal {
    match transport {
        // It may be sent again on a stream that defines its ids.
        Transport::GrpcStream => BatchRefusal {
            reason: Reason::Definitions,
            message: unusable.to_string(),
            retry_after: Some(limits.load_retry),
        },
        // The definitions came with the batch: the same bytes never pass.
        Transport::GrpcUnary | Transport::Http | Transport::Otlp => invalid(unusable.to_string()),
    }
}

/// A refusal that stands however often the batch comes.
pub fn never(reason: Reason, message: String) -> BatchRefusal {
    BatchRefusal {
        reason,
        message,
        retry_after: None,
    }
}

fn too_fast_for(TooFast(wait): TooFast, reason: Reason, what: &str) -> BatchRefusal {
    let Some(wait) = wait else {
        return never(Reason::TooLarge, format!("{what}, ever"));
    };
    // Whole milliseconds travel; rounded down they would be too early.
    let wait = Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
        .saturating_add(Duration::from_millis(1));
    BatchRefusal {
        reason,
        message: format!("{what}; send again in {} ms", wait.as_millis()),
        retry_after: Some(wait),
    }
}
