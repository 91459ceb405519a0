//! Why a single observation is refused.

/// A reason that follows from the observation's own bytes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[repr(u8)]
pub enum Refusal {
    /// Not an object with the fields of an observation.
    #[error("not a JSON object with the fields of an observation")]
    Malformed = 1,
    /// A required field is absent.
    #[error("model, provider, completed_at and outcome are required")]
    FieldMissing = 2,
    /// The model's name cannot be one.
    #[error("{}", crate::id::IdError::Model)]
    Model = 3,
    /// The provider's name cannot be one.
    #[error("{}", crate::id::IdError::Provider)]
    Provider = 4,
    /// The quantization is not in the list.
    #[error("{}", crate::id::IdError::Quantization)]
    Quantization = 5,
    /// The region's name cannot be one.
    #[error("{}", crate::id::IdError::Region)]
    Region = 6,
    /// The request id is too long or has control characters.
    #[error("request_id: {}", crate::id::IdError::Text)]
    RequestId = 7,
    /// The operation is too long or has control characters.
    #[error("operation: {}", crate::id::IdError::Text)]
    Operation = 8,
    /// The completion is not a moment in the supported range.
    #[error("completed_at must be an RFC 3339 time from 1970 to 2200")]
    CompletedAt = 9,
    /// The outcome is not in the list.
    #[error("outcome is not in the list of outcomes")]
    Outcome = 10,
    /// The source is neither `live` nor `probe`.
    #[error("source must be live or probe")]
    Source = 11,
    /// The tier is not one of the three.
    #[error("tier must be realtime, standard or batch")]
    Tier = 12,
    /// The attempt does not count from 1.
    #[error("attempt must be a whole number from 1 to 4294967295")]
    Attempt = 13,
    /// Not an HTTP status.
    #[error("status_code must be a whole number from 100 to 999")]
    StatusCode = 14,
    /// A token count that is negative, fractional or too large.
    #[error("input_tokens and output_tokens must be whole numbers from 0 to 4294967295")]
    Tokens = 15,
    /// A time that is negative, not a number or infinite.
    #[error("ttft_ms and duration_ms must be finite numbers from 0")]
    Milliseconds = 16,
    /// The first token came after the last.
    #[error("ttft_ms must not be above duration_ms")]
    TtftAboveDuration = 17,
    /// There is no first token without a stream.
    #[error("ttft_ms is only for a streamed answer")]
    TtftNotStreamed = 18,
    /// The duration is required.
    #[error("duration_ms is required unless the outcome is gateway_error")]
    DurationMissing = 19,
    /// The duration is past the bound.
    #[error("duration_ms must be at most 86400000, one day")]
    DurationTooLong = 20,
    /// A flag that is neither true nor false.
    #[error("streamed and final must be true or false")]
    Flag = 21,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Self; 21] = [
        Self::Malformed,
        Self::FieldMissing,
        Self::Model,
        Self::Provider,
        Self::Quantization,
        Self::Region,
        Self::RequestId,
        Self::Operation,
        Self::CompletedAt,
        Self::Outcome,
        Self::Source,
        Self::Tier,
        Self::Attempt,
        Self::StatusCode,
        Self::Tokens,
        Self::Milliseconds,
        Self::TtftAboveDuration,
        Self::TtftNotStreamed,
        Self::DurationMissing,
        Self::DurationTooLong,
        Self::Flag,
    ];

    /// The stable code used in sent data.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip() {
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_code(refusal.code()), Some(refusal));
        }
        assert_eq!(Refusal::from_code(0), None);
    }
}
