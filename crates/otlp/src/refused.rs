//! Why a whole request is refused.

use std::time::Duration;

/// A request of which nothing was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What kind of reason.
    pub why: Why,
    /// What is wrong, and what to do about it.
    pub message: String,
    /// When to send it again; never, if there is none.
    pub retry_after: Option<Duration>,
}

/// What kinds of reason there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// It can't be read, and never will be.
    Invalid,
    /// It is of a kind that is not known here.
    MediaType,
    /// It is packed in a way that is not known here.
    Encoding,
    /// It is larger than what is taken at once.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// Its sender sends more than one may.
    TooMuch,
    /// There is no room now, or nothing is taken at all.
    Unavailable,
}

impl Why {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Invalid,
        Self::MediaType,
        Self::Encoding,
        Self::TooLarge,
        Self::TooSlow,
        Self::TooMuch,
        Self::Unavailable,
    ];

    /// The name used in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::MediaType => "media_type",
            Self::Encoding => "encoding",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::TooMuch => "too_much",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Refused {
    pub(crate) fn never(why: Why, message: impl Into<String>) -> Self {
        Self {
            why,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(crate) fn too_slow(what: &str, retry_after: Duration) -> Self {
        Self {
            why: Why::TooSlow,
            message: format!("the {what} took too long to arrive; send it again"),
            retry_after: Some(retry_after),
        }
    }

    pub(crate) fn stopping(retry_after: Duration) -> Self {
        Self {
            why: Why::Unavailable,
            message: "the process stops; send again later".to_owned(),
            retry_after: Some(retry_after),
        }
    }
}
