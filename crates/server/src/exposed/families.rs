//! The families of gauges that endpoints have, in base units.

use sextant_catalog::{Price, Pricing};
use sextant_measure::figures::{Figures, Percentile};
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;

use super::{Shown, seconds};
use crate::http::numbers::{
    self, FIVE_MINUTES_US, ONE_MINUTE_US, Seen, THIRTY_MINUTES_US, judged, percentile_of,
};

/// A value, and what tells it from the others of its series; nothing if it is absent.
type Sample = Option<(&'static str, f64)>;

/// What one series has of a family: at most one for each status.
pub(super) type Samples = [Sample; Status::ALL.len()];

/// Gauges of one name.
pub(super) struct Family<F> {
    /// `sextant_endpoint_` goes before it.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    /// The label that tells one series' samples apart; empty if there is but one.
    pub(super) label: &'static str,
    pub(super) of: F,
}

/// What a region, or all of them, have of a family.
type OfSeries = fn(Option<Seen<'_>>) -> Samples;

/// What an endpoint has of a family.
type OfEndpoint = fn(Shown<'_>) -> Samples;

/// A window, its name, and a ratio over it.
type Window = (&'static str, i64, fn(&Figures) -> Ratio);

/// Of an endpoint from a region, or over all.
pub(super) const BY_SERIES: [Family<OfSeries>; 14] = [
    Family {
        name: "uptime_ratio",
        help: "Uptime over the window, of live and probe observations",
        label: "window",
        of: |seen| UPTIME.map(|window| ratio(seen, window)).padded(),
    },
    Family {
        name: "uptime_lower_ratio",
        help: "Lower end of uptime's Wilson 95 % interval",
        label: "window",
        of: |seen| UPTIME.map(|window| lower(seen, window)).padded(),
    },
    Family {
        name: "uptime_observations",
        help: "Observations that uptime rests on",
        label: "window",
        of: |seen| UPTIME.map(|window| observations(seen, window)).padded(),
    },
    Family {
        name: "success_ratio",
        help: "Success over the window, of live observations",
        label: "window",
        of: |seen| SUCCESS.map(|window| ratio(seen, window)).padded(),
    },
    Family {
        name: "rate_limited_ratio",
        help: "Rate limited over the window, of live observations",
        label: "window",
        of: |seen| RATE_LIMITED.map(|window| ratio(seen, window)).padded(),
    },
    Family {
        name: "success_observations",
        help: "Observations that success and rate limited rest on",
        label: "window",
        of: |seen| SUCCESS.map(|window| observations(seen, window)).padded(),
    },
    Family {
        name: "ttft_seconds",
        help: "Time to first token over 30 minutes",
        label: "percentile",
        of: |seen| percentiles(seen, numbers::Shown::LatencyMs, 1e-3),
    },
    Family {
        name: "ttft_observations",
        help: "Observations that time to first token rests on",
        label: "",
        of: |seen| percentiles_n(seen, numbers::Shown::LatencyMs),
    },
    Family {
        name: "duration_seconds",
        help: "Time to last token over 30 minutes",
        label: "percentile",
        of: |seen| percentiles(seen, numbers::Shown::DurationMs, 1e-3),
    },
    Family {
        name: "duration_observations",
        help: "Observations that duration rests on",
        label: "",
        of: |seen| percentiles_n(seen, numbers::Shown::DurationMs),
    },
    Family {
        name: "throughput_tokens_per_second",
        help: "Output tokens per second over 30 minutes: at p95, 95 % of requests were at least this fast",
        label: "percentile",
        of: |seen| percentiles(seen, numbers::Shown::ThroughputTps, 1.0),
    },
    Family {
        name: "throughput_observations",
        help: "Observations that throughput rests on",
        label: "",
        of: |seen| percentiles_n(seen, numbers::Shown::ThroughputTps),
    },
    Family {
        name: "status",
        help: "1 for the status that the endpoint has, 0 for the others",
        label: "status",
        of: |seen| {
            let present = numbers::status(seen).0;
            Status::ALL.map(|status| {
                let is = f64::from(u8::from(status == present));
                Some((status.name(), is))
            })
        },
    },
    Family {
        name: "age_seconds",
        help: "Time since the numbers were published",
        label: "",
        of: |seen| one(seen.map(|seen| seconds(seen.age_us))),
    },
];

/// Of an endpoint, wherever it is seen from.
pub(super) const BY_ENDPOINT: [Family<OfEndpoint>; 2] = [
    Family {
        name: "agents",
        help: "Senders that fed the endpoint in 5 minutes, exact to 16",
        label: "",
        of: |shown| {
            let row = shown.row.filter(|_| shown.age_us < FIVE_MINUTES_US);
            one(row.map(|row| f64::from(row.agents().five_minutes)))
        },
    },
    Family {
        name: "price_usd_per_million_tokens",
        help: "What the catalog says that the endpoint charges",
        label: "direction",
        of: |shown| {
            let pricing = shown.facts.and_then(|facts| facts.price);
            let usd = |price: Price| of_count(price.as_nano_usd()) / 1e9;
            let of = |Pricing { input, output }: Pricing| {
                [Some(("input", usd(input))), Some(("output", usd(output)))]
            };
            pricing.map_or([None; 2], of).padded()
        },
    },
];

const UPTIME: [Window; 3] = [
    ("30m", THIRTY_MINUTES_US, Figures::uptime_30m),
    ("5m", FIVE_MINUTES_US, |figures| figures.recent.uptime_5m),
    ("1m", ONE_MINUTE_US, |figures| figures.recent.uptime_1m),
];
const SUCCESS: [Window; 2] = [
    ("30m", THIRTY_MINUTES_US, Figures::success_30m),
    ("1m", ONE_MINUTE_US, |figures| figures.recent.success_1m),
];
const RATE_LIMITED: [Window; 2] = [
    ("30m", THIRTY_MINUTES_US, Figures::rate_limited_30m),
    ("1m", ONE_MINUTE_US, |figures| {
        figures.recent.rate_limited_1m
    }),
];

fn ratio(seen: Option<Seen<'_>>, (name, window_us, pick): Window) -> Sample {
    let (judged, _) = judged(seen, window_us, |figures| Some(pick(figures)));
    Some((name, judged.ok()?.value()?))
}

fn lower(seen: Option<Seen<'_>>, (name, window_us, pick): Window) -> Sample {
    let (judged, _) = judged(seen, window_us, |figures| Some(pick(figures)));
    Some((name, judged.ok()?.wilson_lower()?))
}

/// Also below the minimum, but of no window that has passed.
fn observations(seen: Option<Seen<'_>>, (name, window_us, pick): Window) -> Sample {
    let seen = seen.filter(|seen| !seen.is_past(window_us))?;
    Some((name, of_count(pick(seen.figures).whole)))
}

fn percentiles(seen: Option<Seen<'_>>, shown: numbers::Shown, unit: f64) -> Samples {
    let value = |percentile: Percentile| {
        let value = percentile_of(seen, shown, percentile).ok()?;
        Some((percentile.name(), value * unit))
    };
    [Percentile::P50, Percentile::P95].map(value).padded()
}

fn percentiles_n(seen: Option<Seen<'_>>, shown: numbers::Shown) -> Samples {
    let seen = seen.filter(|seen| !seen.is_past(THIRTY_MINUTES_US));
    one(seen.map(|_| of_count(numbers::percentiles_n(seen, shown))))
}

fn one(value: Option<f64>) -> Samples {
    [value.map(|value| ("", value))].padded()
}

/// Fewer samples than there may be.
trait Padded {
    fn padded(self) -> Samples;
}

impl<const N: usize> Padded for [Sample; N] {
    fn padded(self) -> Samples {
        let mut all = Samples::default();
        for (place, sample) in all.iter_mut().zip(self) {
            *place = sample;
        }
        all
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a metric may be off by one in 2^52"
)]
fn of_count(n: u64) -> f64 {
    n as f64
}
