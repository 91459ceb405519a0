//! What an owner reads.

use std::time::Duration;

use sextant_eventlog::{Fetched, LogError, Offset, ReadLimit, Record};
use sextant_measure::time::Timestamp;
use sextant_wire::topics::{DEAD_LETTERS, OBSERVATIONS};

use super::{Owner, alive};
use crate::error::AggregatorError;

/// Records read at once, at most.
const RECORDS_MAX: usize = 10_000;

impl Owner {
    pub(super) async fn fetch(&self, wait: Duration) -> Result<Fetched, LogError> {
        let limit = ReadLimit {
            records: RECORDS_MAX,
            bytes: self.shared.config.read_bytes_max,
        };
        let log = &self.shared.log;
        let read = log.read(OBSERVATIONS, self.partition, self.next, limit, wait);
        alive(&self.shared.pulse, self.partition, read).await
    }

    pub(super) async fn take_in(&mut self, fetched: Fetched) -> Result<(), AggregatorError> {
        self.shared.metrics.corrupt(fetched.corrupt.len());
        for stored in &fetched.records {
            let appended_at = Timestamp::from_micros(stored.appended_at_us);
            self.make_room(appended_at).await?;
            let value = stored.record.value.as_ref();
            let ingested = self.state.ingest(stored.offset, appended_at, value);
            // What was committed was buried when it was read first.
            if let Err(error) = ingested
                && stored.offset >= self.committing.done()
            {
                self.bury(stored.offset, &stored.record, &error.to_string())
                    .await?;
            }
        }
        self.next = fetched.next;
        self.high_watermark = fetched.high_watermark;
        self.state.read_up_to(self.next);
        let metrics = &self.shared.metrics;
        metrics.tally(&std::mem::take(&mut self.state.tally));
        metrics.refused_reports(std::mem::take(&mut self.state.agents.refused));
        metrics.evicted_senders(self.state.take_evicted_senders());
        Ok(())
    }

    /// A record that cannot be decoded goes to the dead letters, whole, with the reason.
    async fn bury(
        &self,
        offset: Offset,
        record: &Record,
        reason: &str,
    ) -> Result<(), AggregatorError> {
        self.shared.metrics.dead_letter();
        let place = format!("{OBSERVATIONS}/{}/{offset}", self.partition);
        tracing::warn!(
            record = place,
            reason,
            "a record cannot be decoded: to the dead letters"
        );
        let mut letter = record.clone();
        letter
            .headers
            .push(("sextant-from".into(), place.clone().into()));
        letter
            .headers
            .push(("sextant-reason".into(), reason.to_owned().into()));
        match self.shared.log.append(DEAD_LETTERS, 0, vec![letter]).await {
            Ok(_) => Ok(()),
            Err(error @ (LogError::Stopped { .. } | LogError::Closed)) => {
                Err(AggregatorError::log("writing a dead letter")(error))
            }
            // What cannot be buried is not worth stopping for: it stays in its own log.
            Err(error) => {
                self.shared.metrics.error("writing a dead letter");
                tracing::warn!(record = place, %error, "a dead letter was not written");
                Ok(())
            }
        }
    }
}
