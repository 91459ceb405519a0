//! The numbers of a row, each with its count.

use serde::Serialize;
use sextant_measure::figures::minimum;
use sextant_measure::ratio::Ratio;
use sextant_snapshot::routing::{MedianAndTail, RoutingFigures};

#[derive(Serialize)]
pub(super) struct FiguresJson {
    status: &'static str,
    uptime_1m: RatioJson,
    uptime_30m: UptimeJson,
    success_1m: RatioJson,
    success_30m: RatioJson,
    rate_limited_1m: RatioJson,
    rate_limited_30m: RatioJson,
    latency_ms: PercentilesJson,
    throughput_tps: PercentilesJson,
}

#[derive(Serialize)]
struct RatioJson {
    ratio: Option<f64>,
    n: u64,
}

#[derive(Serialize)]
struct UptimeJson {
    ratio: Option<f64>,
    lower: Option<f64>,
    n: u64,
}

#[derive(Serialize)]
struct PercentilesJson {
    p50: Option<f64>,
    p95: Option<f64>,
    n: u64,
}

impl From<RoutingFigures> for FiguresJson {
    fn from(figures: RoutingFigures) -> Self {
        let uptime = figures.uptime_30m;
        Self {
            status: figures.status.name(),
            uptime_1m: figures.uptime_1m.into(),
            uptime_30m: UptimeJson {
                ratio: uptime.value_with(minimum::RATIO),
                lower: figures.uptime_30m_lower(),
                n: uptime.whole,
            },
            success_1m: figures.success_1m.into(),
            success_30m: figures.success_30m.into(),
            rate_limited_1m: figures.rate_limited_1m.into(),
            rate_limited_30m: figures.rate_limited_30m.into(),
            latency_ms: figures.latency_us.into(),
            throughput_tps: figures.throughput_mtps.into(),
        }
    }
}

impl From<Ratio> for RatioJson {
    fn from(ratio: Ratio) -> Self {
        Self {
            ratio: ratio.value_with(minimum::RATIO),
            n: ratio.whole,
        }
    }
}

impl From<MedianAndTail> for PercentilesJson {
    /// Microseconds become milliseconds, and thousandths of a token per second tokens per second.
    #[expect(
        clippy::cast_precision_loss,
        reason = "at most one hour or 100,000 tokens/s, far below 2^52"
    )]
    fn from(percentiles: MedianAndTail) -> Self {
        let thousandth = |value: u64| value as f64 / 1_000.0;
        Self {
            p50: percentiles.p50.map(thousandth),
            p95: percentiles.p95.map(thousandth),
            n: percentiles.n,
        }
    }
}
