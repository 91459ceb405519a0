//! What an owner does with a record and in a second, without its loop, its clock and its store:
//! for this crate's benchmarks, and no part of its interface.

use std::sync::Arc;

use bytes::Bytes;
use sextant_catalog::Catalog;
use sextant_eventlog::{EventLog, Offset};
use sextant_measure::time::Timestamp;
use sextant_store::{Revision, Rows};
use sextant_wire::DecodeError;

use tokio_util::sync::CancellationToken;

use crate::config::AggregatorConfig;
use crate::error::AggregatorError;
use crate::partition::{Partition, Reading};
use crate::publish::Writing;
use crate::windows_log::{Tenure, WindowsLog};

/// A partition in the hands of who calls.
pub struct Owned {
    state: Partition,
    windows: WindowsLog,
}

impl Owned {
    /// Claims partition 0 of a windows log, to read its observations from the first one ever.
    pub async fn claim(
        log: Arc<dyn EventLog>,
        catalog: Arc<Catalog>,
        config: AggregatorConfig,
    ) -> Result<Self, AggregatorError> {
        let (windows, _) = WindowsLog::claim(log, 0, "bench", &CancellationToken::new()).await?;
        let reading = Reading {
            from: None,
            committed: Offset(0),
        };
        let state = Partition::new(catalog, config, reading);
        Ok(Self { state, windows })
    }

    /// Takes in a record of the observations log.
    pub fn ingest(
        &mut self,
        offset: Offset,
        appended_at: Timestamp,
        value: &Bytes,
    ) -> Result<(), DecodeError> {
        self.state.ingest(offset, appended_at, Some(value))
    }

    /// Publishes what changed, with everything read up to `at`; how many entries that was, or
    /// `None` if another has claimed the partition.
    pub async fn tick(&mut self, at: Timestamp) -> Result<Option<usize>, AggregatorError> {
        self.state.whole = true;
        let entries = self.state.publish(at)?;
        let tenure = self.windows.publish(&entries).await;
        let tenure = tenure.map_err(AggregatorError::log("publishing"))?;
        self.state.published();
        Ok((tenure == Tenure::Held).then_some(entries.len()))
    }

    /// The rows that are due to the store.
    pub fn take_rows(&mut self, at: Timestamp) -> Rows {
        let (epoch, n) = (self.windows.epoch(), 0);
        let by = Writing {
            partition: 0,
            revision: Revision { epoch, n },
        };
        self.state.take_rows(at, by, false)
    }

    /// Observations read, and those of them that were filed.
    pub fn tally(&self) -> (u64, u64) {
        (self.state.tally.received, self.state.tally.filed)
    }
}
