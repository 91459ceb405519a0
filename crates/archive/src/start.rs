//! Where reading begins.

use sextant_eventlog::{Bounds, EventLog, Offset, Position};
use sextant_wire::dedup::FORGOTTEN_AFTER_US;
use sextant_wire::topics::{ARCHIVES, OBSERVATIONS};

use crate::error::ArchiveError;

const FINDING: &str = "finding where to read from";

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    /// The first record to read: as far before the committed one as repeats are told.
    pub(crate) from: Offset,
    /// Everything before it is in the store, or gone.
    pub(crate) committed: Position,
    /// Records that the log deleted before they were read.
    pub(crate) overtaken: u64,
    pub(crate) high_watermark: Offset,
}

/// Finds where to begin.
///
/// An archive that has never committed begins with what the log still has. It could not begin at the
/// end: what is appended between that and its first commit would be lost if it died meanwhile.
pub(crate) async fn start(log: &dyn EventLog, partition: u32) -> Result<Start, ArchiveError> {
    let bounds = log.bounds(OBSERVATIONS, partition).await;
    let bounds = bounds.map_err(ArchiveError::log(FINDING))?;
    let committed = log.committed(ARCHIVES, OBSERVATIONS, partition).await;
    let committed = committed.map_err(ArchiveError::log(FINDING))?;
    let Some(committed) = committed else {
        return Ok(Start {
            from: bounds.earliest,
            committed: Position {
                offset: bounds.earliest,
                time_us: 0,
            },
            overtaken: 0,
            high_watermark: bounds.high_watermark,
        });
    };
    let from_us = committed.time_us.saturating_sub(FORGOTTEN_AFTER_US);
    let at = log.offset_at(OBSERVATIONS, partition, from_us).await;
    let at = at.map_err(ArchiveError::log(FINDING))?;
    Ok(after(committed, at, bounds))
}

fn after(committed: Position, looked_back_to: Offset, bounds: Bounds) -> Start {
    // A commit that points past the log is of another log: nothing of it holds.
    let offset = committed.offset.min(bounds.high_watermark);
    let overtaken = bounds.earliest.0.saturating_sub(offset.0);
    let offset = offset.max(bounds.earliest);
    Start {
        from: looked_back_to.clamp(bounds.earliest, offset),
        committed: Position {
            offset,
            ..committed
        },
        overtaken,
        high_watermark: bounds.high_watermark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_begins_where_the_log_and_the_commit_allow() {
        let bounds = Bounds {
            earliest: Offset(100),
            high_watermark: Offset(200),
        };
        for (committed, looked_back_to, from, offset, overtaken) in [
            (150, 120, 120, 150, 0),
            (150, 90, 100, 150, 0),
            (150, 150, 150, 150, 0),
            (150, 180, 150, 150, 0),
            (200, 200, 200, 200, 0),
            (40, 10, 100, 100, 60),
            (900, 300, 200, 200, 0),
        ] {
            let committed = Position {
                offset: Offset(committed),
                time_us: 7,
            };
            let found = after(committed, Offset(looked_back_to), bounds);
            assert_eq!(
                (found.from.0, found.committed.offset.0, found.overtaken),
                (from, offset, overtaken)
            );
        }
    }
}
