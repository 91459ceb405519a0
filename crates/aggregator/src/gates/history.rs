//! Keeps every ruling in the store.
//!
//! Each aggregator writes what it reads, from the log's start: a record is the same row whoever
//! writes it, and there are few. A store that is away is waited for; the log keeps the last ruling
//! of each gate meanwhile.

use std::sync::Arc;
use std::time::Duration;

use sextant_store::{Rows, RulingRow, Store};
use tokio_util::sync::CancellationToken;

use super::READING;
use super::reader::{Batch, Reader};
use crate::metrics::Metrics;
use crate::storing::until_stopped;

const RETRY: Duration = Duration::from_secs(1);

/// Follows the log until `stop`.
pub(super) async fn keep(
    mut reader: Reader,
    store: Arc<dyn Store>,
    metrics: Metrics,
    stop: CancellationToken,
) {
    loop {
        let read = stop.run_until_cancelled(reader.next(Duration::MAX)).await;
        let rows = match read {
            None => return,
            Some(Ok(batch)) => rows(batch),
            Some(Err(error)) => {
                metrics.error(READING);
                tracing::warn!(%error, "the gates log cannot be read; it is tried again");
                let pause = tokio::time::sleep(RETRY);
                stop.run_until_cancelled(pause).await;
                continue;
            }
        };
        if rows.is_empty() {
            continue;
        }
        let written = until_stopped(&stop, &metrics, || store.write(rows.clone()));
        // Nothing is lost by a write that is left: the next one begins with the log's start.
        match stop.run_until_cancelled(written).await {
            Some(Ok(Some(()))) => metrics.stored(rows.len()),
            Some(Ok(None)) | None => return,
            Some(Err(error)) => {
                // Owners fail by the same error, and end the process.
                tracing::error!(%error, "rulings on gates are stored no longer");
                return;
            }
        }
    }
}

fn rows(batch: Batch) -> Rows {
    let Some(log_id) = batch.log_id else {
        return Rows::default();
    };
    let row = |record: sextant_snapshot::gates::GateRecord| RulingRow {
        log_id,
        offset: record.offset,
        ruling: record.ruling,
    };
    Rows {
        rulings: batch.records.into_iter().map(row).collect(),
        ..Rows::default()
    }
}
