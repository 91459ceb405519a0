//! One report of one upstream attempt.

use crate::id::{ModelId, Operation, ProviderId, Region, RequestId};
use crate::outcome::{Outcome, Source};
use crate::quantization::Quantization;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// Fewest output tokens for which throughput says anything.
pub const THROUGHPUT_TOKENS_MIN: u32 = 16;
/// Longest attempt accepted, in microseconds: one day.
pub const DURATION_US_MAX: u64 = 86_400_000_000;
/// Latest completion accepted: the start of the year 2200, in microseconds.
pub const COMPLETED_AT_US_MAX: i64 = 7_258_118_400_000_000;

/// The facts of an attempt, without the names it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    /// When the attempt's stream had ended.
    pub completed_at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Who caused it.
    pub source: Source,
    /// Whether the answer was streamed.
    pub streamed: bool,
    /// Dispatched to first generated token, in microseconds.
    pub ttft_us: Option<u64>,
    /// Dispatched to last token, in microseconds.
    pub duration_us: Option<u64>,
    /// Prompt tokens.
    pub input_tokens: Option<u32>,
    /// Generated tokens, reasoning included.
    pub output_tokens: Option<u32>,
    /// HTTP status of the answer.
    pub status_code: Option<u16>,
    /// Which attempt of its request this is, from 1.
    pub attempt: u32,
    /// Whether no further attempt follows.
    pub is_final: bool,
}

/// What an observation is about, as its sender named it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Definition {
    /// The model asked for.
    pub model: ModelId,
    /// Who served it.
    pub provider: ProviderId,
    /// At which precision; `None` if the sender left it to the catalog.
    pub quantization: Option<Quantization>,
    /// Where the sender runs; `None` if it left that to where the observation enters.
    pub region: Option<Region>,
}

/// The routing tier a request asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tier {
    /// Native precision, lowest latency.
    Realtime = 0,
    /// The cheapest that passes the gates.
    Standard = 1,
    /// Asynchronous, cheapest.
    Batch = 2,
}

/// One report of one attempt, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What it is about.
    pub definition: Definition,
    /// What happened.
    pub measurement: Measurement,
    /// Names the request, for people.
    pub request_id: Option<RequestId>,
    /// The tier asked for, for drill-down.
    pub tier: Option<Tier>,
    /// The caller's task, for drill-down.
    pub operation: Option<Operation>,
}

impl Measurement {
    /// Refuses what cannot be true. The reason depends on these values alone, so that a retry is
    /// judged alike everywhere.
    pub fn check(&self) -> Result<(), Refusal> {
        if !(0..=COMPLETED_AT_US_MAX).contains(&self.completed_at.as_micros()) {
            return Err(Refusal::CompletedAt);
        }
        if self.attempt == 0 {
            return Err(Refusal::Attempt);
        }
        if self
            .status_code
            .is_some_and(|code| !(100..=999).contains(&code))
        {
            return Err(Refusal::StatusCode);
        }
        if self.ttft_us.is_some() && !self.streamed {
            return Err(Refusal::TtftNotStreamed);
        }
        match (self.ttft_us, self.duration_us) {
            (_, None) if self.outcome != Outcome::GatewayError => Err(Refusal::DurationMissing),
            (_, Some(duration)) if duration > DURATION_US_MAX => Err(Refusal::DurationTooLong),
            (Some(ttft), Some(duration)) if ttft > duration => Err(Refusal::TtftAboveDuration),
            (Some(ttft), None) if ttft > DURATION_US_MAX => Err(Refusal::TtftAboveDuration),
            _ => Ok(()),
        }
    }

    /// The time to first token if it counts for latency, in microseconds.
    pub fn latency_us(&self) -> Option<u64> {
        self.ttft_us
            .filter(|_| self.is_live() && self.streamed && self.outcome.meaning().ttft)
    }

    /// The duration if it counts, in microseconds.
    pub fn counted_duration_us(&self) -> Option<u64> {
        self.duration_us
            .filter(|_| self.is_live() && self.outcome.meaning().speed)
    }

    /// Output tokens over duration if it counts, in thousandths of a token per second.
    pub fn throughput_mtps(&self) -> Option<u64> {
        let duration_us = self.counted_duration_us()?.max(1);
        let tokens = self
            .output_tokens
            .filter(|tokens| *tokens >= THROUGHPUT_TOKENS_MIN)?;
        Some(u64::from(tokens) * 1_000_000_000 / duration_us)
    }

    fn is_live(&self) -> bool {
        self.source == Source::Live
    }
}

impl Tier {
    /// Every tier, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::Realtime, Self::Standard, Self::Batch];

    /// The stable code used in stored and sent data.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Realtime => "realtime",
            Self::Standard => "standard",
            Self::Batch => "batch",
        }
    }
}

impl std::str::FromStr for Tier {
    type Err = crate::outcome::NotListed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.name() == text)
            .ok_or(crate::outcome::NotListed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok() -> Measurement {
        Measurement {
            completed_at: Timestamp::from_micros(1_700_000_000_000_000),
            outcome: Outcome::Ok,
            source: Source::Live,
            streamed: true,
            ttft_us: Some(221_497),
            duration_us: Some(804_243),
            input_tokens: Some(550),
            output_tokens: Some(150),
            status_code: Some(200),
            attempt: 1,
            is_final: true,
        }
    }

    #[test]
    fn a_live_answer_counts_for_latency_duration_and_throughput() {
        assert_eq!(ok().check(), Ok(()));
        assert_eq!(ok().latency_us(), Some(221_497));
        assert_eq!(ok().counted_duration_us(), Some(804_243));
        assert_eq!(ok().throughput_mtps(), Some(186_510));
    }

    #[test]
    fn a_probe_counts_for_none_of_them() {
        let probe = Measurement {
            source: Source::Probe,
            ..ok()
        };
        assert_eq!(
            (
                probe.latency_us(),
                probe.counted_duration_us(),
                probe.throughput_mtps()
            ),
            (None, None, None)
        );
    }

    #[test]
    fn throughput_needs_sixteen_tokens_and_survives_a_zero_duration() {
        assert_eq!(
            Measurement {
                output_tokens: Some(15),
                ..ok()
            }
            .throughput_mtps(),
            None
        );
        let instant = Measurement {
            ttft_us: Some(0),
            duration_us: Some(0),
            ..ok()
        };
        assert_eq!(instant.check(), Ok(()));
        assert_eq!(instant.throughput_mtps(), Some(150_000_000_000));
    }

    #[test]
    fn a_stream_that_broke_keeps_its_first_token_but_no_speed() {
        let broken = Measurement {
            outcome: Outcome::StreamError,
            ..ok()
        };
        assert_eq!(broken.latency_us(), Some(221_497));
        assert_eq!(broken.throughput_mtps(), None);
    }

    #[test]
    fn what_cannot_be_true_is_refused_by_name() {
        let cases = [
            (
                Measurement {
                    ttft_us: Some(804_244),
                    ..ok()
                },
                Refusal::TtftAboveDuration,
            ),
            (
                Measurement {
                    streamed: false,
                    ..ok()
                },
                Refusal::TtftNotStreamed,
            ),
            (
                Measurement {
                    duration_us: None,
                    ttft_us: None,
                    ..ok()
                },
                Refusal::DurationMissing,
            ),
            (
                Measurement {
                    duration_us: Some(u64::MAX),
                    ..ok()
                },
                Refusal::DurationTooLong,
            ),
            (Measurement { attempt: 0, ..ok() }, Refusal::Attempt),
            (
                Measurement {
                    status_code: Some(20),
                    ..ok()
                },
                Refusal::StatusCode,
            ),
            (
                Measurement {
                    completed_at: Timestamp::from_micros(-1),
                    ..ok()
                },
                Refusal::CompletedAt,
            ),
            (
                Measurement {
                    completed_at: Timestamp::from_micros(i64::MAX),
                    ..ok()
                },
                Refusal::CompletedAt,
            ),
        ];
        for (measurement, refusal) in cases {
            assert_eq!(measurement.check(), Err(refusal));
        }
        let never_sent = Measurement {
            outcome: Outcome::GatewayError,
            duration_us: None,
            ttft_us: None,
            ..ok()
        };
        assert_eq!(never_sent.check(), Ok(()));
    }
}
