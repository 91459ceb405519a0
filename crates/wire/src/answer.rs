//! What a collector answers.

use std::time::Duration;

use sextant_measure::refusal::Refusal;
use sextant_measure::time::Timestamp;

use crate::v1;

/// Everything accepted in the batch is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The batch's number.
    pub sequence: u64,
    /// How many observations were taken.
    pub accepted: u32,
    /// Index within the batch and reason of each that was not.
    pub refused: Vec<(u32, Refusal)>,
    /// When the batch came, by the collector's clock.
    pub received_at: Timestamp,
    /// When this was sent, by the collector's clock.
    pub sent_at: Timestamp,
    /// Whether a repetition of this batch would be recognised.
    pub deduplicated: bool,
}

/// Why nothing of a batch was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BatchRefusalReason {
    /// More observations or bytes than the collector takes.
    TooLarge,
    /// The sender is over its rate.
    Rate,
    /// The collector is over its capacity.
    Load,
    /// The log cannot take anything now.
    Unavailable,
    /// The same bytes never pass.
    Invalid,
    /// Too many new senders from here.
    NewSenders,
    /// Too many endpoint definitions.
    Definitions,
}

/// Nothing of the batch was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BatchRefusal {
    /// The kind.
    pub reason: BatchRefusalReason,
    /// What was wrong and what to do.
    pub message: String,
    /// When the same batch may be sent again, if ever.
    pub retry_after: Option<Duration>,
}

impl BatchRefusalReason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::TooLarge,
        Self::Rate,
        Self::Load,
        Self::Unavailable,
        Self::Invalid,
        Self::NewSenders,
        Self::Definitions,
    ];

    /// The name used in metrics and problem details.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Rate => "rate",
            Self::Load => "load",
            Self::Unavailable => "unavailable",
            Self::Invalid => "invalid",
            Self::NewSenders => "new_senders",
            Self::Definitions => "definitions",
        }
    }
}

impl BatchRefusal {
    /// The answer under a sequence.
    pub fn message(&self, sequence: u64) -> v1::BatchRefusal {
        use v1::BatchRefusalReason as Wire;
        let reason = match self.reason {
            BatchRefusalReason::TooLarge => Wire::TooLarge,
            BatchRefusalReason::Rate => Wire::Rate,
            BatchRefusalReason::Load => Wire::Load,
            BatchRefusalReason::Unavailable => Wire::Unavailable,
            BatchRefusalReason::Invalid => Wire::Invalid,
            BatchRefusalReason::NewSenders => Wire::NewSenders,
            BatchRefusalReason::Definitions => Wire::Definitions,
        };
        let milliseconds = |after: Duration| u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
        v1::BatchRefusal {
            sequence,
            reason: reason.into(),
            message: self.message.clone(),
            retry_after_ms: self.retry_after.map(milliseconds),
        }
    }
}

impl From<v1::BatchRefusal> for BatchRefusal {
    fn from(refusal: v1::BatchRefusal) -> Self {
        use v1::BatchRefusalReason as Wire;
        let reason = match refusal.reason() {
            Wire::TooLarge => BatchRefusalReason::TooLarge,
            Wire::Rate => BatchRefusalReason::Rate,
            Wire::Load => BatchRefusalReason::Load,
            Wire::Unavailable => BatchRefusalReason::Unavailable,
            // A reason from a newer collector: what RetryInfo says still holds.
            Wire::Invalid | Wire::Unspecified => BatchRefusalReason::Invalid,
            Wire::NewSenders => BatchRefusalReason::NewSenders,
            Wire::Definitions => BatchRefusalReason::Definitions,
        };
        let retry_after = refusal
            .retry_after_ms
            .map(|ms| Duration::from_millis(ms.into()));
        Self {
            reason,
            message: refusal.message,
            retry_after,
        }
    }
}

impl From<Acknowledgement> for v1::Acknowledgement {
    fn from(ack: Acknowledgement) -> Self {
        let refused = |(index, refusal): (u32, Refusal)| v1::RefusedObservation {
            index,
            code: u32::from(refusal.code()),
            reason: refusal.to_string(),
        };
        Self {
            sequence: ack.sequence,
            accepted: ack.accepted,
            refused: ack.refused.into_iter().map(refused).collect(),
            received_at_us: ack.received_at.as_micros(),
            sent_at_us: ack.sent_at.as_micros(),
            deduplicated: ack.deduplicated,
        }
    }
}

impl From<v1::Acknowledgement> for Acknowledgement {
    fn from(ack: v1::Acknowledgement) -> Self {
        let refusal = |code: u32| u8::try_from(code).ok().and_then(Refusal::from_code);
        let refused =
            |r: v1::RefusedObservation| (r.index, refusal(r.code).unwrap_or(Refusal::Malformed));
        Self {
            sequence: ack.sequence,
            accepted: ack.accepted,
            refused: ack.refused.into_iter().map(refused).collect(),
            received_at: Timestamp::from_micros(ack.received_at_us),
            sent_at: Timestamp::from_micros(ack.sent_at_us),
            deduplicated: ack.deduplicated,
        }
    }
}
