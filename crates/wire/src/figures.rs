//! Figures, ratios, percentiles and statuses as messages.

use sextant_measure::counts::{COUNT_CODES, Counts};
use sextant_measure::figures::{Figures, Percentiles, Recent};
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;

use crate::{DecodeError, v1};

impl From<Status> for v1::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Healthy => Self::Healthy,
            Status::Unknown => Self::Unknown,
            Status::Degraded => Self::Degraded,
            Status::Down => Self::Down,
        }
    }
}

/// The status a number stands for; a number from a newer writer is unknown.
pub fn status(number: i32) -> Status {
    match v1::Status::try_from(number) {
        Ok(v1::Status::Healthy) => Status::Healthy,
        Ok(v1::Status::Degraded) => Status::Degraded,
        Ok(v1::Status::Down) => Status::Down,
        Ok(v1::Status::Unknown | v1::Status::Unspecified) | Err(_) => Status::Unknown,
    }
}

impl From<Ratio> for v1::Ratio {
    fn from(ratio: Ratio) -> Self {
        Self {
            part: ratio.part,
            whole: ratio.whole,
        }
    }
}

impl From<v1::Ratio> for Ratio {
    fn from(ratio: v1::Ratio) -> Self {
        Self::new(ratio.part, ratio.whole)
    }
}

impl From<&Percentiles> for v1::Percentiles {
    fn from(percentiles: &Percentiles) -> Self {
        let [p50, p75, p90, p95, p99] = percentiles.values;
        Self {
            n: percentiles.n,
            p50,
            p75,
            p90,
            p95,
            p99,
            q95: percentiles.q95,
            p99_from_100: percentiles.p99_from_100,
        }
    }
}

impl From<v1::Percentiles> for Percentiles {
    fn from(p: v1::Percentiles) -> Self {
        Self {
            n: p.n,
            values: [p.p50, p.p75, p.p90, p.p95, p.p99],
            q95: p.q95,
            p99_from_100: p.p99_from_100,
        }
    }
}

impl From<&Figures> for v1::Figures {
    fn from(figures: &Figures) -> Self {
        let recent = &figures.recent;
        Self {
            window_start_us: figures.window_start.as_micros(),
            window_end_us: figures.window_end.as_micros(),
            status: v1::Status::from(figures.status).into(),
            counts: figures.counts.cells().to_vec(),
            late: figures.late,
            uptime_1m: Some(recent.uptime_1m.into()),
            success_1m: Some(recent.success_1m.into()),
            rate_limited_1m: Some(recent.rate_limited_1m.into()),
            uptime_5m: Some(recent.uptime_5m.into()),
            uptime_6h: figures.uptime_6h.map(Into::into),
            uptime_1d: figures.uptime_1d.map(Into::into),
            latency_us: Some((&figures.latency_us).into()),
            duration_us: Some((&figures.duration_us).into()),
            throughput_mtps: Some((&figures.throughput_mtps).into()),
        }
    }
}

impl TryFrom<v1::Figures> for Figures {
    type Error = DecodeError;

    fn try_from(figures: v1::Figures) -> Result<Self, DecodeError> {
        // An older writer knows fewer outcomes, a newer one more than can be counted here.
        let mut cells = [0; COUNT_CODES];
        if figures.counts.len() != cells.len() {
            let problem = format!(
                "{} counts where {COUNT_CODES} are known",
                figures.counts.len()
            );
            return Err(DecodeError::field("counts", problem));
        }
        cells.copy_from_slice(&figures.counts);
        let ratio = |ratio: Option<v1::Ratio>| ratio.map(Ratio::from).unwrap_or_default();
        let percentiles = |p: Option<v1::Percentiles>| p.map(Percentiles::from).unwrap_or_default();
        Ok(Self {
            window_start: Timestamp::from_micros(figures.window_start_us),
            window_end: Timestamp::from_micros(figures.window_end_us),
            status: status(figures.status),
            counts: Counts::from_cells(cells),
            late: figures.late,
            recent: Recent {
                uptime_1m: ratio(figures.uptime_1m),
                success_1m: ratio(figures.success_1m),
                rate_limited_1m: ratio(figures.rate_limited_1m),
                uptime_5m: ratio(figures.uptime_5m),
            },
            uptime_6h: figures.uptime_6h.map(Ratio::from),
            uptime_1d: figures.uptime_1d.map(Ratio::from),
            latency_us: percentiles(figures.latency_us),
            duration_us: percentiles(figures.duration_us),
            throughput_mtps: percentiles(figures.throughput_mtps),
        })
    }
}
