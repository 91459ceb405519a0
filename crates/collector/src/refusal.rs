//! Why whole batches are refused, in words, and when to send them again.

use std::time::Duration;

use sextant_eventlog::LogError;
use sextant_wire::DecodeError;
use sextant_wire::answer::{BatchRefusal, BatchRefusalReason as Reason};

use crate::config::Config;
use crate::limiter::TooFast;

pub(crate) fn too_many_observations(found: u32, config: &Config) -> BatchRefusal {
    let max = config.observations_max;
    never(
        Reason::TooLarge,
        format!("{found} observations are more than the {max} of a batch; send smaller batches"),
    )
}

pub(crate) fn message_too_large(config: &Config) -> BatchRefusal {
    let max = config.message_bytes_max;
    never(
        Reason::TooLarge,
        format!("more than the {max} bytes of a message; send smaller batches"),
    )
}

pub(crate) fn record_too_large(found: usize, config: &Config) -> BatchRefusal {
    let max = config.record_bytes_max;
    never(
        Reason::TooLarge,
        format!(
            "a partition's share of the batch would take {found} bytes, more than the {max} of a \
             record; send smaller batches"
        ),
    )
}

pub(crate) fn larger_than_a_share(found: u32) -> BatchRefusal {
    never(
        Reason::TooLarge,
        format!("{found} bytes are more than one sender may have in flight; send smaller batches"),
    )
}

pub(crate) fn new_senders(too_fast: TooFast) -> BatchRefusal {
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

pub(crate) fn load(what: &str, config: &Config) -> BatchRefusal {
    BatchRefusal {
        reason: Reason::Load,
        message: format!("no room for more {what} now; send again later"),
        retry_after: Some(config.load_retry()),
    }
}

/// Beyond what the protocol has a reason for: there is no stream yet to answer on.
pub(crate) fn too_many_streams(config: &Config) -> BatchRefusal {
    BatchRefusal {
        reason: Reason::Rate,
        message: "too many open streams; try again later".to_owned(),
        retry_after: Some(config.unavailable_retry()),
    }
}

pub(crate) fn unavailable(message: impl Into<String>, config: &Config) -> BatchRefusal {
    BatchRefusal {
        reason: Reason::Unavailable,
        message: message.into(),
        retry_after: Some(config.unavailable_retry()),
    }
}

/// What a failed append means for the batch. Some of its parts may be in the log all the same:
/// they are recognised when the batch comes again.
pub(crate) fn not_appended(error: &LogError, config: &Config) -> BatchRefusal {
    match error {
        LogError::TooLarge { .. } => never(Reason::TooLarge, error.to_string()),
        // What is wrong with this host is for its operator, in the process' own log.
        LogError::Stopped { .. } => unavailable("the log has stopped; send elsewhere", config),
        LogError::Unavailable { .. } | LogError::Full { .. } => {
            unavailable("the log takes nothing now; send again later", config)
        }
        _ => unavailable("the log cannot be written; send elsewhere", config),
    }
}

pub(crate) fn undecodable(error: &DecodeError) -> BatchRefusal {
    never(Reason::Invalid, error.to_string())
}

pub(crate) fn invalid(message: impl Into<String>) -> BatchRefusal {
    never(Reason::Invalid, message.into())
}

/// A batch whose ids can't be resolved may be sent again on a stream that defines them.
pub(crate) fn definitions(message: String, config: &Config) -> BatchRefusal {
    BatchRefusal {
        reason: Reason::Definitions,
        message,
        retry_after: Some(config.load_retry()),
    }
}

fn never(reason: Reason, message: String) -> BatchRefusal {
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
