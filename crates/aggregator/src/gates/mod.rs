//! Follows the gates log: what stands goes into the windows that are stored, and every ruling into
//! the store.
//!
//! - `verdicts`: what stands. `history`: what was ruled. `reader`: how both read.

mod history;
mod reader;
mod verdicts;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use self::reader::Reader;
use crate::error::AggregatorError;
use crate::owner::Shared;

pub(crate) use self::verdicts::{LiveVerdicts, Verdicts};

const READING: &str = "reading the gates log";

/// Reads the gates log to its end, and follows it from there until `stop`.
///
/// # Errors
/// When the log fails for good.
pub(crate) async fn follow(
    shared: &Arc<Shared>,
    stop: &CancellationToken,
) -> Result<(), AggregatorError> {
    let mut reader = Reader::new(Arc::clone(&shared.log));
    let caught_up = verdicts::catch_up(&mut reader, &shared.verdicts, &shared.metrics);
    let Some(caught_up) = stop.run_until_cancelled(caught_up).await else {
        return Ok(());
    };
    caught_up.map_err(AggregatorError::log(READING))?;
    let (live, metrics) = (shared.verdicts.clone(), shared.metrics.clone());
    let until = stop.clone();
    shared.tasks.spawn(async move {
        let following = verdicts::follow(reader, live, metrics);
        until.run_until_cancelled(following).await;
    });
    let reader = Reader::new(Arc::clone(&shared.log));
    let (store, metrics) = (Arc::clone(&shared.store), shared.metrics.clone());
    shared
        .tasks
        .spawn(history::keep(reader, store, metrics, stop.clone()));
    Ok(())
}
