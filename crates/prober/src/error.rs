//! Why a prober can't start.

/// Why a prober can't start.
#[derive(Debug, thiserror::Error)]
pub enum ProberError {
    /// What was spent of the budgets today can't be known.
    #[error(
        "reading what was spent of the probes' budgets, from {path}: {source}; take the file away to \
         begin anew"
    )]
    Ledger {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}
