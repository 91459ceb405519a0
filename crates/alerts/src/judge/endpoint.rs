//! How a rule stands about one endpoint.

use sextant_incident::Quantity;
use sextant_measure::figures::{Figures, Percentiles};
use sextant_measure::id::EndpointId;
use sextant_measure::ratio::Ratio;
use sextant_snapshot::row::EndpointRow;

use super::{Evidence, Judge, RECOVERED, TOO_LITTLE, Verdict};
use crate::config::{Resolved, Window};
use crate::rule::{Condition, Rule};

/// An endpoint's row, to be read by a rule.
pub(super) struct Reading<'v> {
    resolved: &'v Resolved,
    rule: &'v Rule,
    row: &'v EndpointRow,
    is_fresh: bool,
}

/// A number against its limit.
struct Measured {
    /// Observations it rests on.
    n: u64,
    /// Nothing if it says nothing of now.
    breached: Option<bool>,
    worst: Quantity,
    reason: String,
}

impl<'v> Reading<'v> {
    pub(super) fn new(judge: &Judge<'v>, rule: &'v Rule, row: &'v EndpointRow) -> Self {
        Self {
            resolved: judge.resolved,
            rule,
            row,
            is_fresh: row.age_us(judge.now) <= judge.resolved.row_age_us_max,
        }
    }

    pub(super) fn id(&self) -> &'v EndpointId {
        self.row.id()
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// Whether anything is left to tell by: half of what a rule needs to open an incident, so that
    /// one at the threshold is not opened and closed again and again.
    pub(super) fn is_told_by_enough(&self, n: u64) -> bool {
        n >= self.resolved.observations_min.div_ceil(2)
    }

    /// Uptime over a window; nothing while it is being rebuilt.
    pub(super) fn uptime(&self, window: Window) -> Option<Ratio> {
        let figures = self.figures();
        match window {
            Window::Minute => Some(figures.recent.uptime_1m),
            Window::FiveMinutes => Some(figures.recent.uptime_5m),
            Window::HalfHour => Some(figures.uptime_30m()),
            Window::SixHours => figures.uptime_6h,
            Window::Day => figures.uptime_1d,
        }
    }

    /// How many times faster than the objective allows errors come.
    pub(super) fn burn_rate(&self, uptime: Ratio) -> Option<f64> {
        let budget = self.resolved.objectives.budget(self.id());
        Some((1.0 - uptime.value()?) / budget)
    }

    pub(super) fn verdict(&self) -> Verdict {
        if !self.is_fresh {
            return Verdict::Unknown;
        }
        let Some(measured) = self.measured() else {
            return Verdict::Unknown;
        };
        if !self.is_told_by_enough(measured.n) {
            return Verdict::Clear(TOO_LITTLE);
        }
        match measured.breached {
            None => Verdict::Unknown,
            Some(false) => Verdict::Clear(RECOVERED),
            Some(true) if !self.is_sound(measured.n) => Verdict::Unknown,
            Some(true) => Verdict::Breached(Evidence {
                worst: Some(measured.worst),
                reason: measured.reason,
            }),
        }
    }

    /// Whether so many observations, and those who made them, are enough to open an incident.
    pub(super) fn is_sound(&self, n: u64) -> bool {
        n >= self.resolved.observations_min && !self.is_one_view()
    }

    /// Whether fewer agents have fed it lately than it takes to tell an endpoint's trouble from
    /// that of an agent's own network.
    fn is_one_view(&self) -> bool {
        let seen = self.row.agents();
        let needed = self.resolved.agents_min.min(seen.one_hour.max(1));
        seen.five_minutes < needed
    }

    fn figures(&self) -> &'v Figures {
        self.row.global()
    }

    /// Nothing while a window is being rebuilt, and of rules that are about no endpoint.
    fn measured(&self) -> Option<Measured> {
        let figures = self.figures();
        match self.rule.condition {
            Condition::Uptime {
                burn_rate,
                long,
                short,
            } => self.burning(burn_rate, long, short),
            Condition::RateLimited { above } => Some(rate_limited(figures, above)),
            Condition::Latency {
                percentile,
                above_us,
            } => {
                let percentiles = &figures.latency_us;
                let value = percentiles.get(percentile);
                let name = format!("time to first token, {}", percentile.name());
                let breached = value.map(|value| value > above_us);
                let (value, limit) = (value.map(Quantity::micros), Quantity::micros(above_us));
                Some(against(percentiles, breached, value, &name, limit))
            }
            Condition::Throughput {
                percentile,
                below_mtps,
            } => {
                let percentiles = &figures.throughput_mtps;
                let value = percentiles.get(percentile);
                let name = format!("throughput, {}", percentile.name());
                let breached = value.map(|value| value < below_mtps);
                let (value, limit) = (value.map(Quantity::mtps), Quantity::mtps(below_mtps));
                Some(against(percentiles, breached, value, &name, limit))
            }
            Condition::NoData { .. } | Condition::Observer => None,
        }
    }

    /// Both windows must breach: the longer so that it matters, the shorter so that it goes on.
    fn burning(&self, limit: f64, long: Window, short: Window) -> Option<Measured> {
        let (over_long, over_short) = (self.uptime(long)?, self.uptime(short)?);
        let rate = |ratio| self.burn_rate(ratio);
        let breached = match (rate(over_long), rate(over_short)) {
            (Some(long), Some(short)) => Some(long > limit && short > limit),
            // Nothing lately: nobody dares, or nobody asks.
            (_, None) => None,
            (None, Some(_)) => Some(false),
        };
        let shown = |ratio: Ratio| Quantity::ratio(ratio.part, ratio.whole);
        let reason = format!(
            "uptime is {} over {} ({} observations) and {} over {}; errors come {:.1} and {:.1} \
             times as fast as the objective allows, the limit is {limit}",
            shown(over_long),
            long.name(),
            over_long.whole,
            shown(over_short),
            short.name(),
            rate(over_long).unwrap_or_default(),
            rate(over_short).unwrap_or_default(),
        );
        Some(Measured {
            n: over_long.whole,
            breached,
            worst: shown(over_short),
            reason,
        })
    }
}

fn rate_limited(figures: &Figures, above: f64) -> Measured {
    let (long, short) = (figures.rate_limited_30m(), figures.recent.rate_limited_1m);
    let breached = match (long.value(), short.value()) {
        (Some(long), Some(short)) => Some(long >= above && short >= above),
        (_, None) => None,
        (None, Some(_)) => Some(false),
    };
    let shown = |ratio: Ratio| Quantity::ratio(ratio.part, ratio.whole);
    Measured {
        n: long.whole,
        breached,
        worst: shown(long),
        reason: format!(
            "{} of {} attempts were rate-limited over 30 min, and {} over the last one",
            shown(long),
            long.whole,
            shown(short)
        ),
    }
}

/// Without enough observations there is no value, and nothing is told but how many there are.
fn against(
    percentiles: &Percentiles,
    breached: Option<bool>,
    value: Option<Quantity>,
    name: &str,
    limit: Quantity,
) -> Measured {
    let worst = value.unwrap_or(limit);
    Measured {
        n: percentiles.n,
        breached,
        worst,
        reason: format!(
            "{name}, is {worst} over 30 min ({} observations); the limit is {limit}",
            percentiles.n
        ),
    }
}
