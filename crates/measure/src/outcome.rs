//! The closed list of outcomes and, in one table, what each counts for.

use std::fmt;
use std::str::FromStr;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Stop, tool call, or the length limit reached.
    Ok = 0,
    /// 5xx, or 529 overloaded.
    ProviderError = 1,
    /// The provider was silent: connect, first token or idle.
    Timeout = 2,
    /// Reset, TLS or DNS failure after dispatch.
    TransportError = 3,
    /// An error event or error finish after 200, or a stream cut before its end.
    StreamError = 4,
    /// 200 and no token.
    EmptyResponse = 5,
    /// 401, 402 or 404 on the operator's own key or model.
    ProviderRefused = 6,
    /// 429.
    RateLimited = 7,
    /// 403 by region.
    GeoBlocked = 8,
    /// 400, 413, 422, or a context too long.
    ClientError = 9,
    /// The provider's filter stopped it.
    ContentFiltered = 10,
    /// The caller went away before the terminal chunk.
    ClientCancelled = 11,
    /// Never dispatched.
    GatewayError = 12,
}

/// Who caused an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Source {
    /// A user's request.
    #[default]
    Live = 0,
    /// A synthetic check.
    Probe = 1,
}

/// What an outcome is to a ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// In the numerator and the denominator.
    Good,
    /// In the denominator only.
    Bad,
    /// In neither.
    LeftOut,
}

/// One row of the table: what an outcome counts for.
#[derive(Debug, Clone, Copy)]
pub struct Meaning {
    /// The outcome.
    pub outcome: Outcome,
    /// Its name in every interface.
    pub name: &'static str,
    /// For uptime, from a live request.
    pub uptime: Verdict,
    /// For uptime, from a probe.
    pub uptime_of_probe: Verdict,
    /// For success (live only).
    pub success: Verdict,
    /// Whether a time to first token counts, where one was seen.
    pub ttft: bool,
    /// Whether duration and throughput count.
    pub speed: bool,
}

const fn row(
    outcome: Outcome,
    name: &'static str,
    uptime: Verdict,
    success: Verdict,
    ttft: bool,
    speed: bool,
) -> Meaning {
    Meaning {
        outcome,
        name,
        uptime,
        uptime_of_probe: uptime,
        success,
        ttft,
        speed,
    }
}

use Verdict::{Bad, Good, LeftOut};

/// The table. Nothing else in the project decides what an outcome counts for.
pub const TABLE: [Meaning; 13] = [
    row(Outcome::Ok, "ok", Good, Good, true, true),
    row(
        Outcome::ProviderError,
        "provider_error",
        Bad,
        Bad,
        false,
        false,
    ),
    row(Outcome::Timeout, "timeout", Bad, Bad, false, false),
    row(
        Outcome::TransportError,
        "transport_error",
        Bad,
        Bad,
        false,
        false,
    ),
    row(Outcome::StreamError, "stream_error", Bad, Bad, true, false),
    row(
        Outcome::EmptyResponse,
        "empty_response",
        Bad,
        Bad,
        false,
        false,
    ),
    Meaning {
        // A probe refused by key or model tells of the probe's configuration, not of the provider.
        uptime_of_probe: LeftOut,
        ..row(
            Outcome::ProviderRefused,
            "provider_refused",
            Bad,
            Bad,
            false,
            false,
        )
    },
    row(
        Outcome::RateLimited,
        "rate_limited",
        LeftOut,
        Bad,
        false,
        false,
    ),
    row(
        Outcome::GeoBlocked,
        "geo_blocked",
        LeftOut,
        Bad,
        false,
        false,
    ),
    row(
        Outcome::ClientError,
        "client_error",
        LeftOut,
        LeftOut,
        false,
        false,
    ),
    row(
        Outcome::ContentFiltered,
        "content_filtered",
        LeftOut,
        LeftOut,
        false,
        false,
    ),
    row(
        Outcome::ClientCancelled,
        "client_cancelled",
        LeftOut,
        LeftOut,
        true,
        false,
    ),
    row(
        Outcome::GatewayError,
        "gateway_error",
        LeftOut,
        LeftOut,
        false,
        false,
    ),
];

impl Outcome {
    /// How many there are.
    pub const COUNT: usize = TABLE.len();

    /// Every outcome, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|meaning| meaning.outcome)
    }

    /// The stable code used in stored and sent data.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The outcome with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        TABLE.get(usize::from(code)).map(|meaning| meaning.outcome)
    }

    /// Its row of the table.
    #[expect(
        clippy::indexing_slicing,
        reason = "codes are the table's indices, proved by a test"
    )]
    pub const fn meaning(self) -> &'static Meaning {
        &TABLE[self as usize]
    }

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        self.meaning().name
    }
}

impl Meaning {
    /// What the outcome is to uptime, given who caused the attempt.
    pub const fn uptime_from(&self, source: Source) -> Verdict {
        match source {
            Source::Live => self.uptime,
            Source::Probe => self.uptime_of_probe,
        }
    }
}

impl Source {
    /// How many there are.
    pub const COUNT: usize = 2;
    /// Both.
    pub const ALL: [Self; Self::COUNT] = [Self::Live, Self::Probe];

    /// The stable code used in stored and sent data.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Probe => "probe",
        }
    }
}

/// A text that names no member of a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not in the list")]
pub struct NotListed;

impl FromStr for Outcome {
    type Err = NotListed;

    fn from_str(text: &str) -> Result<Self, NotListed> {
        TABLE
            .iter()
            .find(|m| m.name == text)
            .map(|m| m.outcome)
            .ok_or(NotListed)
    }
}

impl FromStr for Source {
    type Err = NotListed;

    fn from_str(text: &str) -> Result<Self, NotListed> {
        Self::ALL
            .into_iter()
            .find(|source| source.name() == text)
            .ok_or(NotListed)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_indices_of_the_table() {
        for (index, meaning) in TABLE.iter().enumerate() {
            assert_eq!(usize::from(meaning.outcome.code()), index);
            assert_eq!(
                Outcome::from_code(meaning.outcome.code()),
                Some(meaning.outcome)
            );
            assert_eq!(meaning.name.parse(), Ok(meaning.outcome));
        }
        assert_eq!(Outcome::from_code(13), None);
        assert_eq!("OK".parse::<Outcome>(), Err(NotListed));
    }

    #[test]
    fn what_is_bad_for_uptime_is_bad_for_success_so_success_never_exceeds_uptime() {
        for meaning in &TABLE {
            match meaning.uptime {
                Good => assert_eq!(meaning.success, Good),
                Bad => assert_eq!(meaning.success, Bad),
                LeftOut => assert_ne!(meaning.success, Good),
            }
        }
    }

    #[test]
    fn a_refused_probe_is_left_out_of_uptime() {
        let meaning = Outcome::ProviderRefused.meaning();
        assert_eq!(meaning.uptime_from(Source::Live), Bad);
        assert_eq!(meaning.uptime_from(Source::Probe), LeftOut);
    }
}
