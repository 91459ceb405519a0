//! What a collector counts beside what its intake counts.
//!
//! What is in flight is the difference of two counters.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use sextant_eventlog::LogError;

/// What the names of a collector's metrics begin with.
const PREFIX: &str = "sextant_collector";

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
    append_errors: Counters,
    pub(crate) append_seconds: Seconds,
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

impl Default for Seconds {
    fn default() -> Self {
        Self(Histogram::new(exponential_buckets(0.000_5, 2.0, 17)))
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
                "More than 5 s ahead",
                &log.early_observations,
            ),
            (
                "evicted_senders",
                "Forgotten before their time",
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
            ("append_errors", "Appends that failed", &log.append_errors),
            (
                "dropped_reports",
                "Agents' own figures not kept",
                &log.dropped_reports,
            ),
        ] {
            names.register(name, help, counters.clone());
        }
        let seconds = log.append_seconds.0.clone();
        names.register(
            "append_seconds",
            "Until the log had made it durable",
            seconds,
        );
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
        self.append_errors.get_or_create(&[("kind", kind)]).inc();
    }

    pub(crate) fn count_dropped_report(&self, reason: &'static str) {
        self.dropped_reports
            .get_or_create(&[("reason", reason)])
            .inc();
    }
}
