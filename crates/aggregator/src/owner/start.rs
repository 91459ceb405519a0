//! Where an owner begins to read, and what it takes over from the last one.

use std::time::Duration;

use sextant_eventlog::{Bounds, EventLog, Offset, ReadLimit};
use sextant_measure::time::Timestamp;
use sextant_snapshot::record::Entry;
use sextant_wire::topics::{AGGREGATORS, OBSERVATIONS};

use crate::error::AggregatorError;
use crate::partition::{Partition, Reading};
use crate::windows_log::Inherited;

/// How far back of what must be rebuilt reading begins: a window and its grace.
const REPLAY_US: i64 = 45 * 60 * 1_000_000;
pub(super) const FINDING: &str = "finding where to read from";

/// Where reading begins, and what of it the store has already.
pub(super) async fn reading(
    log: &dyn EventLog,
    partition: u32,
    bounds: Bounds,
    claimed_at: Timestamp,
) -> Result<(Offset, Reading), AggregatorError> {
    let committed = log
        .committed(AGGREGATORS, OBSERVATIONS, partition)
        .await
        .map_err(AggregatorError::log(FINDING))?;
    let Some(committed) = committed else {
        // Nothing was ever stored: all that is left of the log is to be.
        let (from, committed) = (None, Offset(0));
        return Ok((bounds.earliest, Reading { from, committed }));
    };
    let from_us = claimed_at.as_micros().min(committed.time_us) - REPLAY_US;
    let at = log
        .offset_at(OBSERVATIONS, partition, from_us)
        .await
        .map_err(AggregatorError::log(FINDING))?;
    // A commit that points past the log is of another log: nothing of it holds.
    let committed = committed.offset.min(bounds.high_watermark);
    if at == Offset(0) {
        let from = None;
        return Ok((at, Reading { from, committed }));
    }
    let mut from = Timestamp::from_micros(from_us);
    if at <= bounds.earliest {
        // Retention has deleted what came before: what is left begins later than was asked for.
        let first = first_append(log, partition, bounds.earliest).await?;
        from = from.max(first.unwrap_or(claimed_at));
    }
    let from = Some(from);
    Ok((at.max(bounds.earliest), Reading { from, committed }))
}

/// When the record there, or the next one, was appended. Nothing if there is none.
async fn first_append(
    log: &dyn EventLog,
    partition: u32,
    from: Offset,
) -> Result<Option<Timestamp>, AggregatorError> {
    let limit = ReadLimit {
        records: 1,
        bytes: 1,
    };
    let read = log.read(OBSERVATIONS, partition, from, limit, Duration::ZERO);
    let fetched = read.await.map_err(AggregatorError::log(FINDING))?;
    let first = fetched.records.first();
    Ok(first.map(|record| Timestamp::from_micros(record.appended_at_us)))
}

/// Takes over what stands in the windows log.
pub(super) fn inherit(state: &mut Partition, inherited: &Inherited) {
    if inherited.unreadable > 0 {
        tracing::warn!(
            records = inherited.unreadable,
            "records of the windows log are unreadable"
        );
    }
    for row in &inherited.rows {
        match row {
            Entry::Endpoint(row) => {
                let regions: Vec<_> = row.regions().iter().map(|r| r.region.clone()).collect();
                state.adopt(row.id(), &regions, inherited.claimed_at);
            }
            Entry::Agent(row) => state.adopt_agent(row),
            _ => {}
        }
    }
}
