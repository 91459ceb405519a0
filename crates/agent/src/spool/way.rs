//! Which batches are on their way to a collector: they are neither loaded again nor given up.

use std::collections::HashMap;

/// What is on its way.
///
/// It may take half of the spool. If it could take all, a spool at its bound would have nothing to
/// give up for what comes.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// All batches up to here have been looked at.
    through: u64,
    /// Bytes by ticket.
    batches: HashMap<u64, u64>,
    bytes: u64,
    bytes_max: u64,
}

impl Way {
    pub(super) fn in_spool_of(bytes_max: u64) -> Self {
        Self {
            bytes_max: bytes_max / 2,
            ..Self::default()
        }
    }

    /// The highest ticket that was looked at.
    pub(super) fn through(&self) -> u64 {
        self.through
    }

    /// How many bytes more may be on their way.
    pub(super) fn room(&self) -> u64 {
        self.bytes_max.saturating_sub(self.bytes)
    }

    /// Everything up to the ticket has been looked at, and these batches go out.
    pub(super) fn begin(&mut self, through: u64, batches: impl Iterator<Item = (u64, u64)>) {
        self.through = self.through.max(through);
        for (ticket, bytes) in batches {
            // What was loaded and not handed over is loaded again.
            if self.batches.insert(ticket, bytes).is_none() {
                self.bytes += bytes;
            }
        }
    }

    /// A batch has found its end.
    pub(super) fn end(&mut self, ticket: u64) {
        if let Some(bytes) = self.batches.remove(&ticket) {
            self.bytes -= bytes;
        }
    }
}
