//! Numbers as they are shown: each with its count, or with the reason that it is absent.

use serde::ser::{Serialize, SerializeMap, Serializer};
use sextant_measure::figures::{Absent, Figures, Percentile, Percentiles, minimum};
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_measure::time::MINUTE_US;

/// Windows, in microseconds.
pub(crate) const ONE_MINUTE_US: i64 = MINUTE_US;
pub(crate) const FIVE_MINUTES_US: i64 = 5 * MINUTE_US;
pub(crate) const THIRTY_MINUTES_US: i64 = 30 * MINUTE_US;
pub(crate) const SIX_HOURS_US: i64 = 6 * 60 * MINUTE_US;
pub(crate) const ONE_DAY_US: i64 = 24 * 60 * MINUTE_US;

/// Numbers over the same observations, by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Numbers {
    values: Vec<(&'static str, Result<f64, Absent>)>,
    /// How many observations; nothing if that isn't known.
    n: Option<u64>,
}

/// What was measured, and how long ago that was published.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) figures: &'a Figures,
    pub(crate) age_us: i64,
}

/// A metric of [`Figures`], in the unit that it is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    LatencyMs,
    DurationMs,
    ThroughputTps,
}

impl Seen<'_> {
    /// Of a window so long, nothing that was measured lies in the present one.
    pub(crate) fn is_past(self, window_us: i64) -> bool {
        self.age_us >= window_us
    }
}

/// The status, and why it is unknown.
pub(crate) fn status(seen: Option<Seen<'_>>) -> (Status, Option<Absent>) {
    match seen {
        None => (Status::Unknown, Some(Absent::NoData)),
        Some(seen) if seen.is_past(THIRTY_MINUTES_US) => (Status::Unknown, Some(Absent::Stale)),
        Some(seen) => {
            let (status, n) = (seen.figures.status, seen.figures.uptime_30m().whole);
            let reason = Absent::below(n, minimum::STATUS).unwrap_or(Absent::InsufficientData);
            (status, (status == Status::Unknown).then_some(reason))
        }
    }
}

/// A ratio over a window of so many microseconds, 0 to 1. `pick` gives nothing while it is being
/// rebuilt.
pub(crate) fn ratio(
    seen: Option<Seen<'_>>,
    window_us: i64,
    pick: impl Fn(&Figures) -> Option<Ratio>,
) -> Numbers {
    let (judged, n) = judged(seen, window_us, pick);
    Numbers {
        values: vec![("ratio", share(judged))],
        n,
    }
}

/// The same with the lower end of its Wilson 95 % interval.
pub(crate) fn uptime(
    seen: Option<Seen<'_>>,
    window_us: i64,
    pick: impl Fn(&Figures) -> Option<Ratio>,
) -> Numbers {
    let (judged, n) = judged(seen, window_us, pick);
    let lower = judged.and_then(|ratio| ratio.wilson_lower().ok_or(Absent::NoData));
    Numbers {
        values: vec![("ratio", share(judged)), ("lower", lower)],
        n,
    }
}

/// Percentiles of a metric over 30 minutes.
pub(crate) fn percentiles(seen: Option<Seen<'_>>, shown: Shown) -> Numbers {
    let value = |percentile| percentile_of(seen, shown, percentile);
    let named = |percentile: Percentile| (percentile.name(), value(percentile));
    let mut values: Vec<_> = shown.percentiles().iter().copied().map(named).collect();
    let all = all(seen, shown);
    if shown == Shown::ThroughputTps {
        // It has p95's minimum, so it is absent for the same reason.
        let q95 = value(Percentile::P95)
            .and_then(|_| all.q95.ok_or(Absent::InsufficientData).map(thousandth));
        values.push(("q95", q95));
    }
    let n = Some(all.n);
    Numbers { values, n }
}

/// One of them.
pub(crate) fn percentile_of(
    seen: Option<Seen<'_>>,
    shown: Shown,
    percentile: Percentile,
) -> Result<f64, Absent> {
    let seen = seen.ok_or(Absent::NoData)?;
    if seen.is_past(THIRTY_MINUTES_US) {
        return Err(Absent::Stale);
    }
    let value = shown.pick(seen.figures).get(percentile);
    value
        .map(thousandth)
        .ok_or_else(|| shown.absent(seen.figures, percentile))
}

/// How many observations they rest on.
pub(crate) fn percentiles_n(seen: Option<Seen<'_>>, shown: Shown) -> u64 {
    all(seen, shown).n
}

fn all(seen: Option<Seen<'_>>, shown: Shown) -> Percentiles {
    seen.map(|seen| shown.pick(seen.figures))
        .unwrap_or_default()
}

/// Microseconds as milliseconds; thousandths of a token per second as tokens per second.
#[expect(
    clippy::cast_precision_loss,
    reason = "at most one hour or 100,000 tokens/s, far below 2^52"
)]
pub(crate) fn thousandth(value: u64) -> f64 {
    value as f64 / 1_000.0
}

/// A ratio over a window of so many microseconds, and its count; nothing while that is being rebuilt.
pub(crate) fn judged(
    seen: Option<Seen<'_>>,
    window_us: i64,
    pick: impl Fn(&Figures) -> Option<Ratio>,
) -> (Result<Ratio, Absent>, Option<u64>) {
    let Some(seen) = seen else {
        return (Err(Absent::NoData), Some(0));
    };
    let Some(ratio) = pick(seen.figures) else {
        return (Err(Absent::Rebuilding), None);
    };
    let absent = if seen.is_past(window_us) {
        Some(Absent::Stale)
    } else {
        Absent::below(ratio.whole, minimum::RATIO)
    };
    (absent.map_or(Ok(ratio), Err), Some(ratio.whole))
}

fn share(judged: Result<Ratio, Absent>) -> Result<f64, Absent> {
    judged.and_then(|ratio| ratio.value().ok_or(Absent::NoData))
}

impl Shown {
    /// Those that are shown of it.
    const fn percentiles(self) -> &'static [Percentile] {
        match self {
            Self::LatencyMs => &Percentile::ALL,
            Self::DurationMs | Self::ThroughputTps => &[Percentile::P50, Percentile::P95],
        }
    }

    const fn pick(self, figures: &Figures) -> Percentiles {
        match self {
            Self::LatencyMs => figures.latency_us,
            Self::DurationMs => figures.duration_us,
            Self::ThroughputTps => figures.throughput_mtps,
        }
    }

    fn absent(self, figures: &Figures, percentile: Percentile) -> Absent {
        let absent = match self {
            Self::LatencyMs => figures.latency_absent(percentile),
            Self::DurationMs => figures.duration_us.absent(percentile),
            Self::ThroughputTps => figures.throughput_mtps.absent(percentile),
        };
        absent.unwrap_or(Absent::InsufficientData)
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reasons = self.values.iter().filter_map(|(name, value)| {
            let absent = value.as_ref().err()?;
            Some((*name, *absent))
        });
        let mut reasons: Vec<_> = reasons.collect();
        if self.n.is_none() {
            let why = reasons.first().map_or(Absent::NoData, |(_, why)| *why);
            reasons.push(("n", why));
        }
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.values {
            map.serialize_entry(name, &value.ok())?;
        }
        map.serialize_entry("n", &self.n)?;
        if !reasons.is_empty() {
            map.serialize_entry("reason", &Reasons(reasons))?;
        }
        map.end()
    }
}

/// Why numbers are absent, by their names.
pub(crate) struct Reasons(pub(super) Vec<(&'static str, Absent)>);

impl Serialize for Reasons {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, why)| (name, why.name())))
    }
}
