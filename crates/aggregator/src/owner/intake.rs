//! What an owner reads.

use std::time::Duration;

use sextant_eventlog::{Fetched, LogError, Offset, RECORD_BYTES_MAX, ReadLimit, Record};
use sextant_measure::time::Timestamp;
use sextant_wire::topics::{DEAD_LETTERS, OBSERVATIONS};

use super::{Owner, alive};
use crate::error::AggregatorError;

/// Records read at once, at most.
const RECORDS_MAX: usize = 10_000;
/// Bytes of dead letters in one append, below what any log takes.
const LETTERS_BYTES_MAX: usize = 2 << 20;

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
        let mut letters = Vec::new();
        for stored in &fetched.records {
            let appended_at = Timestamp::from_micros(stored.appended_at_us);
            self.make_room(appended_at).await?;
            let value = stored.record.value.as_ref();
            let ingested = self.state.ingest(stored.offset, appended_at, value);
            // What was committed was buried when it was read first.
            if let Err(error) = ingested
                && stored.offset >= self.committing.done()
            {
                letters.push(self.letter(stored.offset, &stored.record, &error.to_string()));
            }
        }
        self.bury(letters).await?;
        self.next = fetched.next;
        self.high_watermark = fetched.high_watermark;
        self.state.read_up_to(self.next);
        let metrics = &self.shared.metrics;
        metrics.tally(&std::mem::take(&mut self.state.tally));
        metrics.refused_reports(std::mem::take(&mut self.state.agents.refused));
        metrics.evicted_senders(self.state.take_evicted_senders());
        Ok(())
    }

    /// A record that cannot be decoded, whole, with where it stood and the reason.
    fn letter(&self, offset: Offset, record: &Record, reason: &str) -> Record {
        self.shared.metrics.dead_letter();
        let place = format!("{OBSERVATIONS}/{}/{offset}", self.partition);
        tracing::warn!(
            record = place,
            reason,
            "a record cannot be decoded: to the dead letters"
        );
        let mut letter = record.clone();
        let headers = [
            ("sextant-from", place),
            ("sextant-reason", reason.to_owned()),
        ];
        let headers = headers.map(|(name, value)| (name.into(), value.into()));
        letter.headers.extend(headers);
        letter
    }

    /// All of a read at once: one by one they would keep the partition from its ticks.
    async fn bury(&self, letters: Vec<Record>) -> Result<(), AggregatorError> {
        let mut left = letters.as_slice();
        while !left.is_empty() {
            let (these, others) = left.split_at(fitting(left));
            left = others;
            let append = self.shared.log.append(DEAD_LETTERS, 0, these.to_vec());
            match alive(&self.shared.pulse, self.partition, append).await {
                Ok(_) => {}
                Err(error @ (LogError::Stopped { .. } | LogError::Closed)) => {
                    return Err(AggregatorError::log("writing a dead letter")(error));
                }
                // What cannot be buried is not worth stopping for: it stays in its own log.
                Err(error) => {
                    self.shared.metrics.error("writing a dead letter");
                    tracing::warn!(partition = self.partition, %error, "dead letters were not written");
                }
            }
        }
        Ok(())
    }
}

/// How many of them, from the first on, go into one append; at least one. What is too large for the
/// log, as one may be that has got its place and reason, goes alone, so that it takes no other with it.
fn fitting(letters: &[Record]) -> usize {
    let mut bytes = 0;
    let fits = letters.iter().take_while(|letter| {
        bytes += letter.bytes();
        bytes <= LETTERS_BYTES_MAX && letter.bytes() <= RECORD_BYTES_MAX
    });
    fits.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_together_but_for_one_that_no_log_takes() {
        let of = |bytes| Record::new("", vec![0; bytes]);
        let (small, large) = (of(100), of(RECORD_BYTES_MAX + 1));
        let letters = [small.clone(), small.clone(), large.clone(), small.clone()];
        assert_eq!(fitting(&letters), 2);
        assert_eq!(fitting(&letters[2..]), 1);
        assert_eq!(fitting(&letters[3..]), 1);
        let half = of(RECORD_BYTES_MAX / 2);
        assert_eq!(fitting(&vec![half; 10]), 4);
    }
}
