//! What can go wrong for a caller.

use std::time::Duration;

/// What a caller can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReporterError {
    /// The target is no address that observations can be sent to.
    #[error("cannot send to `{target}`: {reason}")]
    Target {
        /// As it was given.
        target: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An option is out of its range.
    #[error("option {option} must be {wanted}")]
    Option {
        /// Its name.
        option: &'static str,
        /// The range.
        wanted: &'static str,
    },
    /// The token cannot stand in a header.
    #[error("the token must be visible ASCII characters")]
    Token,
    /// The target refuses this sender for good: another try would end alike.
    #[error("the target refuses this sender: {0}")]
    Refused(String),
    /// Nothing was acknowledged for as long as the caller was willing to wait.
    #[error("nothing was acknowledged for {waited:?}; last: {last}")]
    GaveUp {
        /// How long.
        waited: Duration,
        /// What happened last.
        last: String,
    },
    /// The deadline came before everything was acknowledged.
    #[error("the deadline came before everything was acknowledged; last: {0}")]
    Deadline(String),
    /// The sender has ended; its report says why.
    #[error("the sender has ended before this observation")]
    Stopped,
    /// The input cannot be read.
    #[error("cannot read line {line}: {reason}")]
    Input {
        /// From 1.
        line: u64,
        /// What the system said.
        reason: String,
    },
}
