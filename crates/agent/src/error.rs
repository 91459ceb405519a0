//! Why an agent can't do what it should.

/// Why an agent can't do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// Another process has the spool open.
    #[error("the spool in {directory} is in use by another process; give each its own")]
    Locked {
        /// The spool's directory.
        directory: String,
    },
    /// The spool can't be opened or made.
    #[error("the spool can't be opened: {reason}")]
    Spool {
        /// What was tried, and what came of it.
        reason: String,
    },
    /// A collector's address, or what is needed to speak to it, can't be used.
    #[error(transparent)]
    Collector(#[from] sextant_reporter::error::ReporterError),
}
