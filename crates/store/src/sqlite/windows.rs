//! What was published for a window, as a row of `window_rows`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rusqlite::Connection;
use sextant_catalog::{Price, Pricing};
use sextant_measure::figures::{Figures, Percentile, Percentiles, Recent};
use sextant_measure::id::Operation;
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_measure::time::{Minute, Timestamp};
use sextant_snapshot::gates::Verdict;

use super::seal::{Opened, Sealer};
use super::series::{self, Found};
use super::steps::{counted_columns, put_counts, put_ratio, take_counts, take_ratio};
use super::table::{Fetcher, Table};
use crate::{MinuteRange, Terms, WindowRow};

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut columns: Vec<String> = owned(&["window_start_us", "window_end_us", "status"]);
    columns.extend(counted_columns());
    columns.push("late".to_owned());
    for (ratio, part) in [
        ("uptime_1m", "good"),
        ("success_1m", "good"),
        ("rate_limited_1m", "part"),
        ("uptime_5m", "good"),
        ("uptime_6h", "good"),
        ("uptime_1d", "good"),
    ] {
        columns.extend([format!("{ratio}_{part}"), format!("{ratio}_whole")]);
    }
    for (metric, unit) in [
        ("latency", "us"),
        ("duration", "us"),
        ("throughput", "mtps"),
    ] {
        columns.push(format!("{metric}_n"));
        let percentiles = Percentile::ALL.map(Percentile::name).into_iter();
        let values = percentiles.chain(["q95"]);
        columns.extend(values.map(|value| format!("{metric}_{value}_{unit}")));
    }
    columns.extend::<Vec<String>>(owned(&[
        "price_input_nano_usd",
        "price_output_nano_usd",
        "native",
        "verdicts",
    ]));
    Table::new("window_rows", "ending", &["series"], columns)
});

static INSERT: LazyLock<String> = LazyLock::new(|| TABLE.insert_first());
static SELECT: LazyLock<String> = LazyLock::new(|| TABLE.of_series());

/// A row that was read.
pub(super) struct Window {
    pub(super) ending: Minute,
    /// The series' number.
    pub(super) series: i64,
    pub(super) figures: Figures,
    pub(super) terms: Terms,
}

/// Writes a row, unless one stands. Answers whether it did.
pub(super) fn insert(
    connection: &Connection,
    sealer: &mut Sealer,
    series: i64,
    row: &WindowRow,
) -> rusqlite::Result<bool> {
    sealer.integer(row.ending.index().into());
    sealer.integer(series);
    put_figures(sealer, &row.figures);
    put_terms(sealer, &row.terms);
    let changed = sealer.execute(&mut *connection.prepare_cached(&INSERT)?)?;
    Ok(changed > 0)
}

/// Takes up the rows of some series, by the minute they end at and then by the series' number.
pub(super) fn fetch(
    connection: &Connection,
    fetcher: &mut Fetcher,
    series: &[Found],
    range: MinuteRange,
    take: impl FnMut(Window),
) -> rusqlite::Result<()> {
    if series.is_empty() || range.is_empty() {
        return Ok(());
    }
    let (from, to) = (range.from.index(), range.to.index());
    let params = (from, to, series::list(series));
    fetcher.fetch(connection, &TABLE, &SELECT, params, decode, take)
}

fn decode(opened: &mut Opened<'_>) -> Option<Window> {
    Some(Window {
        ending: Minute::from_index(opened.number()?),
        series: opened.integer()?,
        figures: take_figures(opened)?,
        terms: take_terms(opened)?,
    })
}

fn put_figures(sealer: &mut Sealer, figures: &Figures) {
    sealer.integer(figures.window_start.as_micros());
    sealer.integer(figures.window_end.as_micros());
    sealer.text(figures.status.name());
    put_counts(sealer, &figures.counts);
    sealer.integer(figures.late.into());
    put_ratio(sealer, figures.recent.uptime_1m);
    put_ratio(sealer, figures.recent.success_1m);
    put_ratio(sealer, figures.recent.rate_limited_1m);
    put_ratio(sealer, figures.recent.uptime_5m);
    for long in [figures.uptime_6h, figures.uptime_1d] {
        sealer.optional(long.map(|ratio| ratio.part));
        sealer.optional(long.map(|ratio| ratio.whole));
    }
    for percentiles in [
        &figures.latency_us,
        &figures.duration_us,
        &figures.throughput_mtps,
    ] {
        sealer.number(percentiles.n);
        percentiles
            .values
            .iter()
            .for_each(|value| sealer.optional(*value));
        sealer.optional(percentiles.q95);
    }
}

fn take_figures(opened: &mut Opened<'_>) -> Option<Figures> {
    Some(Figures {
        window_start: Timestamp::from_micros(opened.integer()?),
        window_end: Timestamp::from_micros(opened.integer()?),
        status: {
            let name = opened.text()?;
            Status::ALL
                .into_iter()
                .find(|status| status.name() == name)?
        },
        counts: take_counts(opened)?.1,
        late: opened.number()?,
        recent: Recent {
            uptime_1m: take_ratio(opened)?,
            success_1m: take_ratio(opened)?,
            rate_limited_1m: take_ratio(opened)?,
            uptime_5m: take_ratio(opened)?,
        },
        uptime_6h: take_long(opened)?.0,
        uptime_1d: take_long(opened)?.0,
        latency_us: take_percentiles(opened)?,
        duration_us: take_percentiles(opened)?,
        throughput_mtps: take_percentiles(opened)?,
    })
}

/// A ratio that may be absent, in a wrapper that says that the columns are sound.
fn take_long(opened: &mut Opened<'_>) -> Option<(Option<Ratio>,)> {
    match (opened.optional()?, opened.optional()?) {
        (Some(part), Some(whole)) => Some((Some(Ratio::new(part, whole)),)),
        (None, None) => Some((None,)),
        _ => None,
    }
}

fn take_percentiles(opened: &mut Opened<'_>) -> Option<Percentiles> {
    let mut percentiles = Percentiles {
        n: opened.number()?,
        ..Percentiles::default()
    };
    for value in &mut percentiles.values {
        *value = opened.optional()?;
    }
    percentiles.q95 = opened.optional()?;
    Some(percentiles)
}

fn put_terms(sealer: &mut Sealer, terms: &Terms) {
    let nano_usd = |price: fn(&Pricing) -> Price| {
        let pricing = terms.pricing.as_ref();
        pricing.map(|pricing| price(pricing).as_nano_usd())
    };
    sealer.optional(nano_usd(|pricing| pricing.input));
    sealer.optional(nano_usd(|pricing| pricing.output));
    sealer.integer(terms.native.into());
    let verdicts = terms.verdicts.iter();
    let verdicts: serde_json::Map<_, _> = verdicts
        .map(|(operation, verdict)| (operation.to_string(), verdict.name().into()))
        .collect();
    sealer.text(serde_json::Value::Object(verdicts).to_string());
}

fn take_terms(opened: &mut Opened<'_>) -> Option<Terms> {
    let pricing = match (opened.optional()?, opened.optional()?) {
        (Some(input), Some(output)) => Some(Pricing {
            input: Price::from_nano_usd(input)?,
            output: Price::from_nano_usd(output)?,
        }),
        (None, None) => None,
        _ => return None,
    };
    let native = match opened.integer()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    let verdicts: BTreeMap<String, String> = serde_json::from_str(opened.text()?).ok()?;
    let verdicts = verdicts.iter().map(|(operation, verdict)| {
        let operation = Operation::new(operation).ok()?;
        Some((operation, Verdict::parse(verdict)?))
    });
    Some(Terms {
        pricing,
        native,
        verdicts: verdicts.collect::<Option<_>>()?,
    })
}
