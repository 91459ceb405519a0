//! An endpoint's numbers as they are read.

use sextant_catalog::Endpoint;
use sextant_measure::counts::Counts;
use sextant_measure::figures::{Absent, Figures, Percentile, minimum};
use sextant_measure::id::EndpointId;
use sextant_measure::outcome::Source;
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_page::cell::{Cell, Rank, grouped};
use sextant_page::model::{RegionRow, Row, Standing};
use sextant_page::strip::Strip;
use sextant_snapshot::row::EndpointRow;

use crate::http::numbers::{
    FIVE_MINUTES_US, ONE_DAY_US, ONE_MINUTE_US, SIX_HOURS_US, Seen, Shown, THIRTY_MINUTES_US,
    judged, percentile_of, percentiles_n, status,
};
use crate::http::view::View;

/// Regions of an endpoint that are shown apart.
const REGIONS_MAX: usize = 32;

const OBSERVATIONS: &str = "observations";
const REQUESTS: &str = "requests";

/// A row of the table, with its detail.
pub(super) fn row(
    view: View<'_>,
    id: &EndpointId,
    offered: Option<&Endpoint>,
    gates: Vec<(String, &'static str)>,
    strip: Strip,
) -> Row {
    let row = view.row(id);
    let seen = view.seen(row);
    let price = offered.and_then(|endpoint| endpoint.price);
    Row {
        tag: id.tag(),
        provider: view.provider_name(id).to_owned(),
        quantization: id.quantization,
        input: Cell::price(price.map(|price| price.input)),
        output: Cell::price(price.map(|price| price.output)),
        metrics: metrics(seen),
        standing: standing(seen),
        strip,
        regions: row.map(|row| regions(view, row)).unwrap_or_default(),
        regions_unshown: row.map_or(0, |row| row.regions().len().saturating_sub(REGIONS_MAX)),
        gates,
        more: more(seen, row),
    }
}

/// A status with what it rests on.
pub(super) fn standing(seen: Option<Seen<'_>>) -> Standing {
    let (status, absent) = status(seen);
    let counts = seen.map(|seen| seen.figures.counts).unwrap_or_default();
    let note = match absent {
        Some(Absent::Stale) => "nothing was published of it for 30 minutes".to_owned(),
        Some(Absent::NoData) => "nobody has asked it in the last 30 minutes".to_owned(),
        _ => rests_on(status, &counts),
    };
    Standing::new(status, note)
}

fn rests_on(status: Status, counts: &Counts) -> String {
    let (basis, raw) = (Status::basis(counts), Status::raw(counts));
    let n = grouped(basis.whole);
    let uptime = match basis.percent() {
        Some(percent) => format!("{percent} of {n} observations in 30 minutes"),
        None => format!("{n} observations in 30 minutes"),
    };
    let rule = match raw {
        Status::Healthy => "95% or more is healthy",
        Status::Degraded => "from 80% to 95% is degraded",
        Status::Down => "below 80% is down",
        Status::Unknown => {
            return format!(
                "{n} of {} observations that a status takes",
                minimum::STATUS
            );
        }
    };
    if raw < status {
        // It gets better at the second edge of two, so that it doesn't flicker.
        format!("{uptime}; {rule}, and becomes the status if it holds for ten seconds")
    } else {
        format!("{uptime}; {rule}")
    }
}

fn metrics(seen: Option<Seen<'_>>) -> [Cell; 6] {
    let latency = |percentile| percentile_cell(seen, Shown::LatencyMs, percentile);
    let throughput = |percentile| percentile_cell(seen, Shown::ThroughputTps, percentile);
    [
        latency(Percentile::P50),
        latency(Percentile::P95),
        throughput(Percentile::P50),
        throughput(Percentile::P95),
        ratio_cell(seen, THIRTY_MINUTES_US, OBSERVATIONS, |f| {
            Some(f.uptime_30m())
        }),
        ratio_cell(seen, THIRTY_MINUTES_US, REQUESTS, |f| Some(f.success_30m())),
    ]
}

fn regions(view: View<'_>, row: &EndpointRow) -> Vec<RegionRow> {
    let age_us = row.age_us(view.now);
    let held = row.regions().iter().take(REGIONS_MAX);
    let shown = held.map(|held| {
        let figures = &held.figures;
        let seen = Some(Seen { figures, age_us });
        RegionRow {
            name: held.region.to_string(),
            metrics: metrics(seen),
            standing: standing(seen),
        }
    });
    shown.collect()
}

/// What the table has no column for.
fn more(seen: Option<Seen<'_>>, row: Option<&EndpointRow>) -> Vec<(&'static str, Cell)> {
    let uptime = |window_us, pick: fn(&Figures) -> Option<Ratio>| {
        ratio_cell(seen, window_us, OBSERVATIONS, pick)
    };
    let latency = |percentile| percentile_cell(seen, Shown::LatencyMs, percentile);
    let duration = |percentile| percentile_cell(seen, Shown::DurationMs, percentile);
    let mut more = vec![
        ("Rate limited 30m", {
            let limited = |f: &Figures| Some(f.rate_limited_30m());
            let (ratio, n) = judged(seen, THIRTY_MINUTES_US, limited);
            Cell::share(ratio, n, REQUESTS)
        }),
        (
            "Uptime 1m",
            uptime(ONE_MINUTE_US, |f| Some(f.recent.uptime_1m)),
        ),
        (
            "Uptime 5m",
            uptime(FIVE_MINUTES_US, |f| Some(f.recent.uptime_5m)),
        ),
        ("Uptime 6h", uptime(SIX_HOURS_US, |f| f.uptime_6h)),
        ("Uptime 1d", uptime(ONE_DAY_US, |f| f.uptime_1d)),
        ("Latency p75, ms", latency(Percentile::P75)),
        ("Latency p90, ms", latency(Percentile::P90)),
        ("Latency p99, ms", latency(Percentile::P99)),
        ("Duration p50, ms", duration(Percentile::P50)),
        ("Duration p95, ms", duration(Percentile::P95)),
    ];
    let present = seen.filter(|seen| seen.age_us < THIRTY_MINUTES_US);
    let counts = present.map(|seen| seen.figures.counts).unwrap_or_default();
    let count = |n: u64, note: String| Cell::count(n, note);
    let left_out = counts.left_out(Source::Live);
    more.push(("Attempts 30m", {
        let note = format!(
            "{} of them not the endpoint’s to answer for",
            grouped(left_out)
        );
        count(counts.total(Source::Live), note)
    }));
    more.push(("Probes 30m", {
        let bad = grouped(counts.bad(Source::Probe));
        count(counts.total(Source::Probe), format!("{bad} of them failed"))
    }));
    let agents = row.filter(|_| present.is_some()).map(EndpointRow::agents);
    let agents = agents.unwrap_or_default();
    more.push(("Agents 5m", {
        let note = format!(
            "that saw it from anywhere; {} in the last hour",
            agents.one_hour
        );
        count(agents.five_minutes.into(), note)
    }));
    more
}

fn percentile_cell(seen: Option<Seen<'_>>, shown: Shown, percentile: Percentile) -> Cell {
    let rank = Rank {
        percent: percentile.percent(),
        min: percentile.min(),
        of: match shown {
            Shown::LatencyMs => "streamed answers",
            Shown::DurationMs => "whole answers",
            Shown::ThroughputTps => "answers of 16 tokens or more",
        },
    };
    let n = percentiles_n(seen, shown);
    Cell::percentile(percentile_of(seen, shown, percentile), n, rank)
}

fn ratio_cell(
    seen: Option<Seen<'_>>,
    window_us: i64,
    of: &str,
    pick: impl Fn(&Figures) -> Option<Ratio>,
) -> Cell {
    let (ratio, n) = judged(seen, window_us, pick);
    Cell::ratio(ratio, n, of)
}
