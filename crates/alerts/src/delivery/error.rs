//! What keeps a receiver from hearing of something.

use std::time::Duration;

use http::StatusCode;
use sextant_outbound::OutboundError;

/// What keeps a receiver from hearing of something. No text has more of a URL than its origin, since
/// paths hold secrets.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// No answer came.
    #[error("{to}: {source}")]
    NotReached {
        /// Scheme, host and port.
        to: String,
        /// Why.
        source: OutboundError,
    },
    /// No answer came in time. Whether the request was taken is not known.
    #[error("{to} does not answer within {} ms", .wait.as_millis())]
    TimedOut {
        /// Scheme, host and port.
        to: String,
        /// How long an answer may take.
        wait: Duration,
    },
    /// It wants to be asked elsewhere.
    #[error("{to} answers {status}, and redirects are not followed")]
    Redirected {
        /// Scheme, host and port.
        to: String,
        /// The status.
        status: StatusCode,
    },
    /// It answers, and not that it has heard.
    #[error("{to} answers {status}{said}")]
    Refused {
        /// Scheme, host and port.
        to: String,
        /// The status.
        status: StatusCode,
        /// What it says about it, behind a colon, if it says something.
        said: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
}

/// Why a delivery failed, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// No connection, no TLS, or one that broke.
    Unreachable,
    /// At an address that is not public.
    NotPublic,
    Timeout,
    Redirect,
    /// 408, 425, 429, 5xx: a later try may do better.
    Unavailable,
    /// Any other status: no try will do better.
    Rejected,
}

impl Reason {
    pub(super) const ALL: [Self; 6] = [
        Self::Unreachable,
        Self::NotPublic,
        Self::Timeout,
        Self::Redirect,
        Self::Unavailable,
        Self::Rejected,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::NotPublic => "not_public",
            Self::Timeout => "timeout",
            Self::Redirect => "redirect",
            Self::Unavailable => "unavailable",
            Self::Rejected => "rejected",
        }
    }

    const fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            408 | 425 | 429 | 500.. => Self::Unavailable,
            _ => Self::Rejected,
        }
    }
}

impl DeliveryError {
    pub(super) const fn reason(&self) -> Reason {
        match self {
            Self::NotReached {
                source: OutboundError::NotPublic { .. },
                ..
            } => Reason::NotPublic,
            Self::NotReached { .. } => Reason::Unreachable,
            Self::TimedOut { .. } => Reason::Timeout,
            Self::Redirected { .. } => Reason::Redirect,
            Self::Refused { status, .. } => Reason::of_status(*status),
        }
    }

    /// Whether another try may do better.
    pub fn is_worth_retrying(&self) -> bool {
        self.reason() != Reason::Rejected
    }

    /// What to do about it.
    pub const fn advice(&self) -> &'static str {
        match self.reason() {
            Reason::Unreachable => {
                "see that it runs and can be reached from here, or correct its url"
            }
            Reason::NotPublic => "set allow_private = true, if it is meant to be there",
            Reason::Timeout => "see what it is busy with, or raise timeout_ms",
            Reason::Redirect => "give the url that it redirects to",
            Reason::Unavailable => "see its own log",
            Reason::Rejected => "see that its url and its secret are right",
        }
    }

    pub(super) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_receiver_will_not_take_is_not_tried_again() {
        let is_worth = |status: u16| {
            let refused = DeliveryError::Refused {
                to: "https://h".to_owned(),
                status: StatusCode::from_u16(status).unwrap(),
                said: String::new(),
                retry_after: None,
            };
            refused.is_worth_retrying()
        };
        for status in [408, 425, 429, 500, 502, 503, 529, 599] {
            assert!(is_worth(status), "{status}");
        }
        for status in [400, 401, 403, 404, 405, 410, 413, 415, 422] {
            assert!(!is_worth(status), "{status}");
        }
    }
}
