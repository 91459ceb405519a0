//! From a batch to the parts that are kept: validated, stamped, split, hashed.
//!
//! Pure. What is refused follows from the batch's own bytes and definitions alone, whatever the
//! time, the clock offset or the catalog, so that a batch that comes again is judged alike and
//! its parts hash alike.

use std::collections::BTreeMap;

use sextant_intake::directory::UnusableId;
use sextant_intake::submission::{Submission, merge};
use sextant_measure::id::SeriesId;
use sextant_measure::refusal::Refusal;
use sextant_measure::time::Timestamp;
use sextant_wire::columns::Row;
use sextant_wire::identity::Identity;
use sextant_wire::part::{Part, PartBuilder};

use crate::directory::{Directory, Rules, Target};

/// A completion that is further ahead of the collector's clock than this counts as early, in
/// microseconds.
pub const EARLY_US: i64 = 5_000_000;

/// What the collector adds to a batch.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// The batch's own identity, or the one that the collector gives it.
    pub identity: Identity,
    /// Whether the collector gave it.
    pub anonymous: bool,
    /// When the batch came, by the collector's clock.
    pub received_at: Timestamp,
}

/// A batch that has been judged.
#[derive(Debug, PartialEq)]
pub struct Admitted {
    /// One part for each partition that has any, by partition.
    pub parts: Vec<(u32, Part)>,
    /// How many observations the parts hold.
    pub accepted: u32,
    /// Index within the submission and reason of each other one, rising.
    pub refused: Vec<(u32, Refusal)>,
    /// How many of the accepted were early.
    pub early: u32,
    /// When the first of the accepted completed; nothing if there is none.
    pub oldest: Option<Timestamp>,
}

/// Judges each observation of a batch.
///
/// Completion times are corrected by the sender's clock offset and held between 1970 and receipt.
///
/// # Errors
/// The batch names an id that the directory can't resolve: nothing of it may be taken.
pub fn admit(
    submission: Submission,
    directory: &mut Directory,
    rules: &Rules,
    stamp: &Stamp,
) -> Result<Admitted, UnusableId> {
    let Submission {
        batch,
        refused: unread,
    } = submission;
    let number = directory.begin_batch();
    let mut gathering: BTreeMap<u32, Gathering> = BTreeMap::new();
    let (mut accepted, mut refused) = (0, Vec::new());
    let rows = batch.columns.endpoints().iter().zip(batch.columns.rows());
    for (index, (id, row)) in (0_u32..).zip(rows) {
        let entry = directory.usable(*id)?;
        let known = entry.number_in(number);
        let (target, row) = match (&mut entry.meaning, row) {
            (Err(refusal), _) => {
                refused.push((index, *refusal));
                continue;
            }
            (Ok(_), Err(refusal)) => {
                refused.push((index, refusal));
                continue;
            }
            (Ok(target), Ok(row)) => (target, row),
        };
        let part = gathering.entry(target.partition).or_default();
        let series = known.unwrap_or_else(|| {
            target.stamp_anew(rules);
            part.introduce(&target.series)
        });
        part.push(&row, target, series, batch.clock_offset_us, stamp);
        accepted += 1;
        if known.is_none() {
            entry.number(number, series);
        }
    }
    let early = gathering.values().map(|part| part.early).sum();
    let oldest = gathering.values().filter_map(|part| part.oldest).min();
    let finish = |(partition, part): (u32, Gathering)| (partition, part.finish(stamp));
    Ok(Admitted {
        parts: gathering.into_iter().map(finish).collect(),
        accepted,
        refused: merge(unread, refused),
        early,
        oldest,
    })
}

/// A part in the making.
#[derive(Default)]
struct Gathering {
    rows: PartBuilder,
    series: Vec<SeriesId>,
    early: u32,
    oldest: Option<Timestamp>,
}

impl Gathering {
    /// The series' index in this part.
    fn introduce(&mut self, series: &SeriesId) -> u32 {
        let index = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        self.series.push(series.clone());
        index
    }

    fn push(
        &mut self,
        row: &Row<'_>,
        target: &Target,
        series: u32,
        clock_offset_us: i64,
        stamp: &Stamp,
    ) {
        let recorded = row.measurement.completed_at;
        let corrected = recorded.plus_micros(clock_offset_us);
        if corrected.micros_since(stamp.received_at) > EARLY_US {
            self.early += 1;
        }
        let held = corrected
            .min(stamp.received_at)
            .max(Timestamp::from_micros(0));
        self.oldest = Some(self.oldest.map_or(held, |oldest| oldest.min(held)));
        self.rows.push(row, target.definition_hash, series, held);
    }

    fn finish(self, stamp: &Stamp) -> Part {
        let (columns, content_hash) = self.rows.finish();
        Part {
            identity: stamp.identity.clone(),
            anonymous: stamp.anonymous,
            content_hash,
            received_at: stamp.received_at,
            early: self.early,
            series: self.series,
            columns,
        }
    }
}
