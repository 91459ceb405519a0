//! Uptime in buckets of 5 minutes, as rows of `uptime_rows`.

use std::collections::BTreeMap;

use rusqlite::Connection;
use sextant_measure::long::MINUTES_PER_BUCKET;
use sextant_measure::ratio::Ratio;
use sextant_measure::time::Minute;

use super::reader::ReadError;
use super::series::{self, Found};
use super::steps;
use super::table::Fetcher;
use crate::limits::{Limits, at_most, count};
use crate::{MinuteRange, SeriesUptime};

/// Good and whole per bucket, per series by number.
type Sums = BTreeMap<i64, BTreeMap<Minute, Ratio>>;

/// The first minute of the bucket that holds a minute.
pub(super) fn bucket_of(minute: Minute) -> Minute {
    Minute::from_index(minute.index() - minute.index() % MINUTES_PER_BUCKET)
}

/// Sums a bucket of a series anew from its minutes. Adding what changed would be less work, but a
/// sum made anew can't drift.
pub(super) fn renew(connection: &Connection, series: i64, bucket: Minute) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO uptime_rows (starting, series, good, whole)
         SELECT ?1, ?2, sum(uptime_good), sum(uptime_whole) FROM step_rows
         WHERE minute IN (?1, ?1 + 1, ?1 + 2, ?1 + 3, ?1 + 4) AND series = ?2
         ON CONFLICT (starting, series) DO UPDATE SET good = excluded.good, whole = excluded.whole",
    )?;
    statement.execute((bucket.index(), series)).map(drop)
}

/// Uptime of some series, per bucket.
pub(super) fn read(
    connection: &Connection,
    fetcher: &mut Fetcher,
    series: &[Found],
    range: MinuteRange,
    limits: &Limits,
) -> Result<Vec<SeriesUptime>, ReadError> {
    let range = steps::TABLE.extent(connection, range)?;
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let last = bucket_of(range.to.minus(1));
    let buckets = (last.index() - bucket_of(range.from).index()) / MINUTES_PER_BUCKET + 1;
    let reach = count(series.len()).saturating_mul(buckets.into());
    at_most("buckets of series", reach, limits.buckets_max)?;

    let mut sums = Sums::new();
    let (head, whole, tail) = split(range);
    for cut in [head, tail] {
        steps::fetch(connection, fetcher, series, cut, |step| {
            add(&mut sums, step.series, step.minute, step.uptime);
        })?;
    }
    fetcher.corrupt += read_whole(connection, series, whole, &mut sums)?;
    let mut answer: Vec<SeriesUptime> = series
        .iter()
        .filter_map(|found| {
            let buckets = sums.remove(&found.id)?;
            Some(SeriesUptime {
                series: found.series()?,
                buckets: buckets.into_iter().collect(),
            })
        })
        .collect();
    answer.sort_unstable_by(|a, b| a.series.cmp(&b.series));
    Ok(answer)
}

/// A range as the minutes before its first whole bucket, its whole buckets, and those after.
fn split(range: MinuteRange) -> (MinuteRange, MinuteRange, MinuteRange) {
    let first_whole = bucket_of(range.from.plus(MINUTES_PER_BUCKET - 1)).min(range.to);
    let end_whole = bucket_of(range.to).max(first_whole);
    (
        MinuteRange::new(range.from, first_whole),
        MinuteRange::new(first_whole, end_whole),
        MinuteRange::new(end_whole, range.to),
    )
}

/// Adds whole buckets; answers how many rows were not what can have been written.
fn read_whole(
    connection: &Connection,
    series: &[Found],
    range: MinuteRange,
    sums: &mut Sums,
) -> rusqlite::Result<u64> {
    if series.is_empty() || range.is_empty() {
        return Ok(0);
    }
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE span (at) AS (
             SELECT ?1 UNION ALL SELECT at + ?4 FROM span WHERE at + ?4 < ?2
         )
         SELECT series, starting, good, whole
         FROM span CROSS JOIN json_each(?3) AS wanted CROSS JOIN uptime_rows
         WHERE starting = span.at AND series = wanted.value",
    )?;
    let (from, to) = (range.from.index(), range.to.index());
    let mut rows = statement.query((from, to, series::list(series), MINUTES_PER_BUCKET))?;
    let mut corrupt = 0;
    while let Some(row) = rows.next()? {
        let numbers = (row.get(2)?, row.get(3)?);
        match ratio(numbers) {
            Some(ratio) => add(sums, row.get(0)?, Minute::from_index(row.get(1)?), ratio),
            None => corrupt += 1,
        }
    }
    Ok(corrupt)
}

fn add(sums: &mut Sums, series: i64, minute: Minute, uptime: Ratio) {
    let buckets = sums.entry(series).or_default();
    let sum = buckets.entry(bucket_of(minute)).or_default();
    *sum = *sum + uptime;
}

fn ratio((good, whole): (i64, i64)) -> Option<Ratio> {
    let ratio = Ratio::new(u64::try_from(good).ok()?, u64::try_from(whole).ok()?);
    (ratio.part <= ratio.whole).then_some(ratio)
}
