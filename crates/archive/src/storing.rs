//! Writes to the store, tried until they succeed: the log is the buffer meanwhile.

use std::time::Duration;

use sextant_store::{AttemptRow, Rows, StoreError};
use tokio_util::sync::CancellationToken;

use crate::archive::Shared;
use crate::error::ArchiveError;
use crate::tally::Dropped;

const WRITING: &str = "writing to the store";
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(10);
/// Rows in one call of the store, far below what any takes.
pub(crate) const ROWS_MAX: usize = 10_000;

/// Writes all rows; answers whether they are in the store. They are not if there was a stop.
pub(crate) async fn write(
    shared: &Shared,
    attempts: Vec<AttemptRow>,
    stop: &CancellationToken,
) -> Result<bool, ArchiveError> {
    let rows = Rows {
        attempts,
        ..Rows::default()
    };
    for rows in rows.into_pieces(ROWS_MAX) {
        if !write_piece(shared, &rows, stop).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn write_piece(
    shared: &Shared,
    rows: &Rows,
    stop: &CancellationToken,
) -> Result<bool, ArchiveError> {
    let mut pause = RETRY_FIRST;
    loop {
        let retry_ms = pause.as_millis();
        match shared.store.write(rows.clone()).await {
            Ok(()) => {
                shared.metrics.sent(rows.len());
                return Ok(true);
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, retry_ms, "the store refused");
            }
            Err(error @ StoreError::Refused { .. }) => {
                tracing::error!(%error, retry_ms, "the store is to be mended");
            }
            // Trying again would never help, and no one else waits for these.
            Err(error @ (StoreError::Invalid { .. } | StoreError::TooMany { .. })) => {
                shared.metrics.error(WRITING);
                shared.metrics.dropped(Dropped::Refused, rows.len());
                tracing::error!(%error, rows = rows.len(), "rows are given up");
                return Ok(true);
            }
            Err(source) => {
                let doing = WRITING;
                return Err(ArchiveError::Store { doing, source });
            }
        }
        shared.metrics.error(WRITING);
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(RETRY_LAST);
    }
}
