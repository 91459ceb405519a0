//! One partition's attempts: a pure function of the records read.

use std::num::NonZeroU32;

use bytes::Bytes;
use sextant_eventlog::{Offset, Position};
use sextant_measure::id::{Operation, RequestId};
use sextant_measure::observation::Measurement;
use sextant_measure::outcome::Outcome;
use sextant_measure::time::{MINUTE_US, Timestamp};
use sextant_store::{AttemptKey, AttemptRow};
use sextant_wire::DecodeError;
use sextant_wire::columns::Row;
use sextant_wire::dedup::{Dedup, Judgement};
use sextant_wire::part::{ObservationsRecord, Part};

use crate::config::ArchiveConfig;
use crate::sampling::{Sampler, second_of};
use crate::tally::{Dropped, Tally};

/// What is known of one partition.
pub(crate) struct Partition {
    number: u32,
    /// Everything before it is in the store. What is read of it only tells repeats, and how far
    /// the present second has been counted.
    committed: Position,
    age_us_max: i64,
    dedup: Dedup,
    sampler: Sampler,
    /// Append time of the last record read.
    read_at: Timestamp,
    /// One past the last record read.
    next: Offset,
    pub(crate) tally: Tally,
}

impl Partition {
    /// Attempts are kept for `age_minutes`.
    pub(crate) fn new(
        number: u32,
        config: &ArchiveConfig,
        age_minutes: u32,
        committed: Position,
    ) -> Self {
        Self {
            number,
            committed,
            age_us_max: i64::from(age_minutes).saturating_mul(MINUTE_US),
            dedup: Dedup::new(config.senders_max),
            sampler: Sampler::new(config.observations_per_second_max),
            read_at: Timestamp::default(),
            next: Offset(0),
            tally: Tally::default(),
        }
    }

    /// Where reading stands: one past the last record, and that record's append time.
    pub(crate) fn position(&self) -> Position {
        Position {
            offset: self.next,
            time_us: self.read_at.as_micros().max(self.committed.time_us),
        }
    }

    /// Notes that everything up to `next` has been read, though the last offsets held nothing.
    pub(crate) fn read_up_to(&mut self, next: Offset) {
        self.next = self.next.max(next);
    }

    /// Pairs of agent and epoch forgotten before their time, since this was last asked.
    pub(crate) fn take_evicted_senders(&mut self) -> u64 {
        self.dedup.take_evicted()
    }

    /// Takes in a record of the observations log; what is to be written of it joins `rows`.
    ///
    /// # Errors
    /// If it cannot be decoded; it then counts for nothing.
    pub(crate) fn take_in(
        &mut self,
        offset: Offset,
        appended_at: Timestamp,
        value: Option<&Bytes>,
        rows: &mut Vec<AttemptRow>,
    ) -> Result<(), DecodeError> {
        self.next = offset.following();
        if appended_at.minute() > self.read_at.minute() {
            self.dedup.forget(appended_at);
        }
        self.read_at = self.read_at.max(appended_at);
        let value = value.ok_or(DecodeError::UnknownKind)?;
        if let ObservationsRecord::Part(part) = ObservationsRecord::decode(value)? {
            self.take_part(offset, &part, rows);
        }
        Ok(())
    }

    fn take_part(&mut self, offset: Offset, part: &Part, rows: &mut Vec<AttemptRow>) {
        let is_new = offset >= self.committed.offset;
        let observations = part.columns.len() as u64;
        if is_new {
            self.tally.received += observations;
        }
        if !part.anonymous {
            let judged = self
                .dedup
                .judge(&part.identity, part.content_hash, self.read_at);
            if judged == Judgement::Repeat {
                if is_new {
                    self.tally.drop(Dropped::Repeated, observations);
                }
                return;
            }
        }
        let second = second_of(self.read_at.as_micros());
        if !is_new && second < second_of(self.committed.time_us) {
            // No count of a second that is over matters any more.
            return;
        }
        self.sampler.advance(self.read_at.as_micros());
        let sampler = &mut self.sampler;
        let lanes: Vec<_> = part.series.iter().map(|it| sampler.lane(it)).collect();
        for (index, row) in (0..).zip(part.columns.rows()) {
            let weight = match &row {
                Err(_) => Err(Dropped::Malformed),
                Ok(row) if self.is_too_old(&row.measurement) => Err(Dropped::TooOld),
                Ok(row) if row.measurement.outcome != Outcome::Ok => Ok(NonZeroU32::MIN),
                Ok(row) => match lanes.get(row.endpoint as usize) {
                    Some(lane) => self.sampler.weight(*lane).ok_or(Dropped::Sampled),
                    None => Err(Dropped::Malformed),
                },
            };
            if !is_new {
                continue;
            }
            let made = weight.and_then(|weight| {
                let row = row.map_err(|_| Dropped::Malformed)?;
                self.row(part, index, &row, weight)
                    .ok_or(Dropped::Malformed)
            });
            match made {
                Ok(row) => rows.push(row),
                Err(reason) => self.tally.drop(reason, 1),
            }
        }
    }

    /// The store would delete it at its next turn, if it has a place for it at all.
    fn is_too_old(&self, measurement: &Measurement) -> bool {
        self.read_at.micros_since(measurement.completed_at) >= self.age_us_max
    }

    fn row(
        &self,
        part: &Part,
        index: u32,
        row: &Row<'_>,
        weight: NonZeroU32,
    ) -> Option<AttemptRow> {
        // A collector whose clock is ahead of the log's must not move anything into the future.
        let completed_at = row.measurement.completed_at.min(self.read_at);
        let identity = &part.identity;
        Some(AttemptRow {
            key: AttemptKey {
                agent: identity.agent.clone(),
                epoch: identity.epoch,
                sequence: identity.sequence,
                partition: self.number,
                content_hash: part.content_hash,
                index,
            },
            series: part.series.get(row.endpoint as usize)?.clone(),
            measurement: Measurement {
                completed_at,
                ..row.measurement
            },
            request_id: row.request_id.map(RequestId::new).transpose().ok()?,
            tier: row.tier,
            operation: row.operation.map(Operation::new).transpose().ok()?,
            received_at: part.received_at,
            appended_at: self.read_at,
            weight,
        })
    }
}
