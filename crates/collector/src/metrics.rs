//! What a collector counts beside what its intake counts.
//!
//! What is in flight is the difference of two counters.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use sextant_eventlog::LogError;

/// What the names of a collector's metrics begin with.
const PREFIX: &str = "sextant_collector";

/// How appends fail.
const ERRORS: [&str; 6] = [
    "unavailable",
    "full",
    "too_large",
    "closed",
    "stopped",
    "misconfigured",
];

/// Why agents' own figures are not kept.
const DROPPED_REPORTS: [&str; 2] = ["load", "not_appended"];

type Counters = Family<[(&'static str, &'static str); 1], Counter>;

/// A collector's counters, in the registry they were made in.
#[derive(Debug)]
pub struct Metrics {
    pub(crate) intake: sextant_intake::Metrics,
    pub(crate) log: Logged,
}

/// What became of records.
#[derive(Debug, Default)]
pub(crate) struct Logged {
    pub(crate) sent_bytes: Counter,
    errors: Counters,
    pub(crate) append_seconds: Seconds,
    lag: LagSeconds,
    pub(crate) begun_appends: Counter,
    pub(crate) ended_appends: Counter,
    pub(crate) early_observations: Counter,
    pub(crate) evicted_senders: Counter,
    pub(crate) sent_reports: Counter,
    dropped_reports: Counters,
}

/// From half a millisecond to half a minute.
#[derive(Debug, Clone)]
pub(crate) struct Seconds(pub(crate) Histogram);

/// From a tenth of a second to an hour and a half.
#[derive(Debug, Clone)]
struct LagSeconds(Histogram);

impl Default for Seconds {
    fn default() -> Self {
        Self(Histogram::new(exponential_buckets(0.000_5, 2.0, 17)))
    }
}

impl Default for LagSeconds {
    fn default() -> Self {
        Self(Histogram::new(exponential_buckets(0.1, 2.0, 17)))
    }
}

impl Metrics {
    /// Registers all counters, their names beginning with `sextant_collector_`.
    pub fn register(registry: &mut Registry) -> Self {
        let intake = sextant_intake::Metrics::register(registry, PREFIX);
        let log = Logged::default();
        let names = registry.sub_registry_with_prefix(PREFIX);
        for (name, help, counter) in [
            (
                "sent_bytes",
                "Bytes of records made durable",
                &log.sent_bytes,
            ),
            (
                "begun_appends",
                "Batches handed to the log",
                &log.begun_appends,
            ),
            (
                "ended_appends",
                "Batches the log answered for",
                &log.ended_appends,
            ),
            (
                "early_observations",
                "Observations more than 5 s ahead",
                &log.early_observations,
            ),
            (
                "evicted_senders",
                "Senders forgotten before their time",
                &log.evicted_senders,
            ),
            (
                "sent_reports",
                "Agents' own figures made durable",
                &log.sent_reports,
            ),
        ] {
            names.register(name, help, counter.clone());
        }
        for (name, help, counters) in [
            (
                "errors",
                "Appends that failed, by what came of them",
                &log.errors,
            ),
            (
                "dropped_reports",
                "Agents' own figures not kept, by reason",
                &log.dropped_reports,
            ),
        ] {
            names.register(name, help, counters.clone());
        }
        // What has never happened is nought, not unknown.
        for kind in ERRORS {
            log.errors.get_or_create(&[("kind", kind)]).inc_by(0);
        }
        for reason in DROPPED_REPORTS {
            log.dropped_reports
                .get_or_create(&[("reason", reason)])
                .inc_by(0);
        }
        let help = "From handing a batch to the log until it had made it durable";
        let seconds = log.append_seconds.0.clone();
        names.register_with_unit("append", help, Unit::Seconds, seconds);
        let help = "Age of a batch's oldest observation when the batch came";
        names.register_with_unit("lag", help, Unit::Seconds, log.lag.0.clone());
        Self { intake, log }
    }
}

impl Logged {
    pub(crate) fn count_append_error(&self, error: &LogError) {
        let kind = match error {
            LogError::Unavailable { .. } => "unavailable",
            LogError::Full { .. } => "full",
            LogError::TooLarge { .. } => "too_large",
            LogError::Closed => "closed",
            LogError::Stopped { .. } => "stopped",
            _ => "misconfigured",
        };
        self.errors.get_or_create(&[("kind", kind)]).inc();
    }

    /// A batch whose oldest observation is so old, in microseconds. Clocks differ, so that one may
    /// seem to be younger than nothing.
    pub(crate) fn count_lag(&self, micros: i64) {
        let age = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        self.lag.0.observe(age.as_secs_f64());
    }

    pub(crate) fn count_dropped_report(&self, reason: &'static str) {
        self.dropped_reports
            .get_or_create(&[("reason", reason)])
            .inc();
    }
}
