//! Keeps every observation and computes each number from its definition, slowly.

use sextant_measure::bins::Tail;
use sextant_measure::counts::Counts;
use sextant_measure::figures::{Figures, Percentile, Percentiles, Recent};
use sextant_measure::observation::Measurement;
use sextant_measure::outcome::Source;
use sextant_measure::scale::Metric;
use sextant_measure::status::Status;
use sextant_measure::time::{Minute, Step, Timestamp};

pub(crate) struct Oracle {
    pub(crate) now: u32,
    /// (the step it counts in, the observation)
    filed: Vec<(u32, Measurement)>,
    late: Vec<u32>,
}

impl Oracle {
    pub(crate) fn new(now: u32) -> Self {
        Self {
            now,
            filed: Vec::new(),
            late: Vec::new(),
        }
    }

    pub(crate) fn file(&mut self, measurement: Measurement) {
        let step = measurement.completed_at.step().index().min(self.now);
        self.filed.push((step, measurement));
    }

    pub(crate) fn file_late(&mut self, step: u32) {
        self.late.push(step);
    }

    pub(crate) fn figures(&self, at: Timestamp) -> Figures {
        let first = self.now - 179;
        let all = self.between(first, self.now);
        let counts = counts(&all);
        let last_minute = self::counts(&self.between(self.now - 5, self.now));
        let raw = |edge: u32| Status::raw(&self::counts(&self.between(edge - 179, edge - 1)));
        Figures {
            window_start: Step::from_index(first).start(),
            window_end: at,
            status: raw(self.now).worse(raw(self.now - 1)),
            counts,
            late: u32::try_from(self.late.iter().filter(|s| **s >= first).count()).unwrap(),
            recent: Recent {
                uptime_1m: last_minute.uptime(),
                success_1m: last_minute.success(),
                rate_limited_1m: last_minute.rate_limited(),
                uptime_5m: self::counts(&self.between(self.now - 29, self.now)).uptime(),
            },
            uptime_6h: None,
            uptime_1d: None,
            latency_us: percentiles(Metric::Ttft, &all),
            duration_us: percentiles(Metric::Duration, &all),
            throughput_mtps: percentiles(Metric::Throughput, &all),
        }
    }

    /// Counts, and each metric's sorted values, of a minute.
    pub(crate) fn minute(&self, minute: Minute) -> (Counts, [Vec<u64>; 3]) {
        let first = minute.first_step().index();
        let all = self.between(first, first + 5);
        (counts(&all), Metric::ALL.map(|metric| values(metric, &all)))
    }

    fn between(&self, first: u32, last: u32) -> Vec<Measurement> {
        let inside = |(step, _): &&(u32, Measurement)| (first..=last).contains(step);
        self.filed
            .iter()
            .filter(inside)
            .map(|(_, measurement)| *measurement)
            .collect()
    }
}

fn counts(measurements: &[Measurement]) -> Counts {
    let mut counts = Counts::default();
    measurements
        .iter()
        .for_each(|m| counts.add(m.source, m.outcome));
    counts
}

fn values(metric: Metric, measurements: &[Measurement]) -> Vec<u64> {
    let live = measurements.iter().filter(|m| m.source == Source::Live);
    let value = |m: &Measurement| match metric {
        Metric::Ttft => m.ttft_us.filter(|_| m.outcome.meaning().ttft),
        Metric::Duration => m.duration_us.filter(|_| m.outcome.meaning().speed),
        Metric::Throughput => {
            let tokens = m
                .output_tokens
                .filter(|n| *n >= 16 && m.outcome.meaning().speed)?;
            Some(u64::from(tokens) * 1_000_000_000 / m.duration_us?.max(1))
        }
    };
    let mut values: Vec<u64> = live.filter_map(value).map(|v| metric.clamp(v)).collect();
    values.sort_unstable();
    values
}

fn percentiles(metric: Metric, measurements: &[Measurement]) -> Percentiles {
    let values = values(metric, measurements);
    let n = values.len();
    let at = |percent: usize| {
        let rank = (n * percent).div_ceil(100).max(1);
        let edge = metric.upper(metric.bin(values[rank - 1]));
        edge.min(values[n - 1])
    };
    let tail = if metric == Metric::Throughput {
        Tail::AtLeast
    } else {
        Tail::AtMost
    };
    let from = |min: u64, percent: usize| {
        (n as u64 >= min).then(|| {
            at(if tail == Tail::AtMost {
                percent
            } else {
                100 - percent
            })
        })
    };
    let value = |p: Percentile| from(p.min(), p.percent() as usize);
    Percentiles {
        n: n as u64,
        values: Percentile::ALL.map(value),
        q95: (tail == Tail::AtLeast && n >= 100).then(|| at(95)),
        p99_from_100: from(100, 99),
    }
}
