//! Why a page is not written.

/// A page that could not be written: none that its content could cause.
#[derive(Debug, thiserror::Error)]
#[error("a page cannot be written: {0}")]
pub struct PageError(#[from] askama::Error);
