//! What one series saw in one minute, as a row of `step_rows`.

use std::sync::LazyLock;

use rusqlite::Connection;
use sextant_measure::bins::Bins;
use sextant_measure::counts::{COUNT_CODES, Counts};
use sextant_measure::ratio::Ratio;
use sextant_measure::scale::Metric;
use sextant_measure::time::Minute;
use sextant_measure::window::MinuteSums;

use super::bins;
use super::seal::{Opened, Sealer};
use super::series::{self, Found};
use super::table::{Fetcher, Table, count_columns};
use crate::{MinuteRange, MinuteRow, Revision};

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let head = ["epoch", "revision"].map(str::to_owned).into_iter();
    let metrics = [("ttft", "us"), ("duration", "us"), ("throughput", "mtps")];
    let sketches = metrics.into_iter().flat_map(|(metric, unit)| {
        [
            format!("{metric}_n"),
            format!("{metric}_min_{unit}"),
            format!("{metric}_max_{unit}"),
            format!("{metric}_bins"),
        ]
    });
    let columns = head.chain(counted_columns()).chain(sketches);
    Table::new("step_rows", "minute", &["series"], columns)
});

static INSERT: LazyLock<String> = LazyLock::new(|| TABLE.insert_newer(&["epoch", "revision"]));
static SELECT: LazyLock<String> = LazyLock::new(|| TABLE.of_series());

/// A row that was read.
pub(super) struct Step {
    pub(super) minute: Minute,
    /// The series' number.
    pub(super) series: i64,
    pub(super) revision: Revision,
    /// Good and whole of uptime, as they stand in columns of their own.
    pub(super) uptime: Ratio,
    pub(super) sums: MinuteSums,
}

/// Writes a row, unless one of the same or a higher revision stands. Answers whether it did.
pub(super) fn insert(
    connection: &Connection,
    sealer: &mut Sealer,
    series: i64,
    row: &MinuteRow,
) -> rusqlite::Result<bool> {
    sealer.integer(row.minute.index().into());
    sealer.integer(series);
    sealer.number(row.revision.epoch);
    sealer.number(row.revision.n);
    put_counts(sealer, &row.sums.counts);
    for bins in &row.sums.bins {
        let extremes = bins.extremes();
        sealer.number(bins.n());
        sealer.optional(extremes.map(|(min, _)| min));
        sealer.optional(extremes.map(|(_, max)| max));
        sealer.blob(bins::encode(bins));
    }
    let changed = sealer.execute(&mut *connection.prepare_cached(&INSERT)?)?;
    Ok(changed > 0)
}

/// Takes up the rows of some series, by minute and then by the series' number.
pub(super) fn fetch(
    connection: &Connection,
    fetcher: &mut Fetcher,
    series: &[Found],
    range: MinuteRange,
    take: impl FnMut(Step),
) -> rusqlite::Result<()> {
    if series.is_empty() || range.is_empty() {
        return Ok(());
    }
    let (from, to) = (range.from.index(), range.to.index());
    let params = (from, to, series::list(series));
    fetcher.fetch(connection, &TABLE, &SELECT, params, decode, take)
}

/// The columns of [`put_counts`].
pub(super) fn counted_columns() -> impl Iterator<Item = String> {
    let ratios = [
        "uptime_good",
        "uptime_whole",
        "success_good",
        "success_whole",
    ];
    ratios.map(str::to_owned).into_iter().chain(count_columns())
}

/// Adds counts, and the ratios that follow from them, so that nobody who asks in SQL has to know
/// what counts where.
pub(super) fn put_counts(sealer: &mut Sealer, counts: &Counts) {
    put_ratio(sealer, counts.uptime());
    put_ratio(sealer, counts.success());
    for count in counts.cells() {
        sealer.integer((*count).into());
    }
}

/// What [`put_counts`] added: uptime and the counts.
pub(super) fn take_counts(opened: &mut Opened<'_>) -> Option<(Ratio, Counts)> {
    let (uptime, _success) = (take_ratio(opened)?, take_ratio(opened)?);
    let mut cells = [0; COUNT_CODES];
    for cell in &mut cells {
        *cell = opened.number()?;
    }
    Some((uptime, Counts::from_cells(cells)))
}

/// Adds a ratio as two numbers.
pub(super) fn put_ratio(sealer: &mut Sealer, ratio: Ratio) {
    sealer.number(ratio.part);
    sealer.number(ratio.whole);
}

/// What [`put_ratio`] added.
pub(super) fn take_ratio(opened: &mut Opened<'_>) -> Option<Ratio> {
    Some(Ratio::new(opened.number()?, opened.number()?))
}

fn decode(opened: &mut Opened<'_>) -> Option<Step> {
    let minute = Minute::from_index(opened.number()?);
    let series = opened.integer()?;
    let revision = Revision {
        epoch: opened.number()?,
        n: opened.number()?,
    };
    let (uptime, counts) = take_counts(opened)?;
    let sums = MinuteSums {
        counts,
        bins: [
            take_bins(opened, Metric::Ttft)?,
            take_bins(opened, Metric::Duration)?,
            take_bins(opened, Metric::Throughput)?,
        ],
    };
    Some(Step {
        minute,
        series,
        revision,
        uptime,
        sums,
    })
}

fn take_bins(opened: &mut Opened<'_>, metric: Metric) -> Option<Bins> {
    let n = opened.number()?;
    let extremes = match (opened.optional()?, opened.optional()?) {
        (Some(min), Some(max)) => Some((min, max)),
        (None, None) => None,
        _ => return None,
    };
    bins::decode(metric, n, extremes, opened.blob()?)
}
