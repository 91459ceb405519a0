//! An error and what caused it, as far as it fits one line of a log.

use std::error::Error;

/// The error and its causes, each once.
pub(super) fn chain(error: &dyn Error) -> String {
    super::told(&sextant_wire::chain::chain(error))
}
