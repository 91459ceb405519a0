//! What a server counts.
//!
//! Records of the windows log and of the gates log: `received = applied + ignored` holds at any time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use sextant_eventlog::LogError;
use sextant_measure::time::{Clock, Timestamp};
use sextant_snapshot::picture::Ignored;

/// How reads fail.
const ERRORS: [&str; 3] = ["unavailable", "out_of_range", "other"];

type Labelled<const N: usize> = Family<[(&'static str, String); N], Counter>;

/// A server's counters, in the registry they were made in.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) received_records: Counter,
    pub(crate) applied_records: Counter,
    ignored_records: Labelled<1>,
    errors: Labelled<1>,
    pub(crate) published_editions: Counter,
    requests: Labelled<2>,
    pub(crate) watchers: Gauge,
    encoded_bytes: Labelled<1>,
    pushed_bytes: Counter,
    pub(crate) now: Arc<Present>,
}

/// Why a record is ignored before a picture sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It cannot be decoded.
    Undecodable,
    /// The log says that it is damaged.
    Damaged,
    /// It only names the gates log.
    Name,
    /// Its writer believes in another gates log.
    OtherLog,
    /// The gates log is read again from its start.
    ReadAgain,
}

/// What is looked up when the metrics are read.
pub(crate) struct Present {
    clock: Arc<dyn Clock>,
    confirmed_at_us: AtomicI64,
    lag_records: AtomicU64,
}

impl Metrics {
    /// Registers all counters, their names beginning with `sextant_server_`.
    pub fn register(registry: &mut Registry, clock: Arc<dyn Clock>) -> Self {
        let registry = registry.sub_registry_with_prefix("sextant_server");
        let metrics = Self {
            received_records: Counter::default(),
            applied_records: Counter::default(),
            ignored_records: Family::default(),
            errors: Family::default(),
            published_editions: Counter::default(),
            requests: Family::default(),
            watchers: Gauge::default(),
            encoded_bytes: Family::default(),
            pushed_bytes: Counter::default(),
            now: Arc::new(Present {
                clock,
                confirmed_at_us: AtomicI64::new(i64::MIN),
                lag_records: AtomicU64::new(0),
            }),
        };
        let mut counter = |name: &str, help: &str, counter: &Counter| {
            registry.register(name, help, counter.clone());
        };
        let received = &metrics.received_records;
        counter(
            "received_records",
            "Records read of the logs that are followed",
            received,
        );
        let applied = &metrics.applied_records;
        counter("applied_records", "Records that counted", applied);
        let editions = &metrics.published_editions;
        counter("published_editions", "Snapshots published", editions);
        let pushed = &metrics.pushed_bytes;
        counter("pushed_bytes", "Bytes handed to watchers", pushed);
        registry.register(
            "ignored_records",
            "Records that changed nothing, by reason",
            metrics.ignored_records.clone(),
        );
        registry.register(
            "errors",
            "Reads of these logs that failed, by kind",
            metrics.errors.clone(),
        );
        registry.register(
            "requests",
            "Requests answered, by route and status",
            metrics.requests.clone(),
        );
        registry.register("watchers", "Open watches", metrics.watchers.clone());
        registry.register(
            "encoded_bytes",
            "Bytes encoded, by form",
            metrics.encoded_bytes.clone(),
        );
        registry.register_collector(Box::new(PresentCollector(Arc::clone(&metrics.now))));
        metrics.begin_at_nought();
        metrics
    }

    /// What has never happened is nought, not unknown.
    fn begin_at_nought(&self) {
        for why in Unread::ALL {
            self.unread(why, 0);
        }
        for reason in Ignored::ALL {
            let label = [("reason", reason.name().to_owned())];
            self.ignored_records.get_or_create(&label).inc_by(0);
        }
        for kind in ERRORS {
            self.errors
                .get_or_create(&[("kind", kind.to_owned())])
                .inc_by(0);
        }
    }

    pub(crate) fn failed(&self, error: &LogError) {
        let kind = match error {
            LogError::Unavailable { .. } => "unavailable",
            LogError::OutOfRange { .. } => "out_of_range",
            _ => "other",
        };
        let label = [("kind", kind.to_owned())];
        self.errors.get_or_create(&label).inc();
    }

    pub(crate) fn pushed(&self, bytes: usize) {
        self.pushed_bytes
            .inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    pub(crate) fn ignored(&self, reason: &'static str) {
        let label = [("reason", reason.to_owned())];
        self.ignored_records.get_or_create(&label).inc();
    }

    pub(crate) fn unread(&self, why: Unread, records: u64) {
        let label = [("reason", why.name().to_owned())];
        self.ignored_records.get_or_create(&label).inc_by(records);
    }

    /// `route` and `status` come from closed lists.
    pub(crate) fn request(&self, route: &str, status: &str) {
        let labels = [("route", route.to_owned()), ("status", status.to_owned())];
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn encoded(&self, form: &'static str, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let label = [("form", form.to_owned())];
        self.encoded_bytes.get_or_create(&label).inc_by(bytes);
    }
}

impl Unread {
    const ALL: [Self; 5] = [
        Self::Undecodable,
        Self::Damaged,
        Self::Name,
        Self::OtherLog,
        Self::ReadAgain,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Damaged => "damaged",
            Self::Name => "name",
            Self::OtherLog => "other_log",
            Self::ReadAgain => "read_again",
        }
    }
}

impl Present {
    /// What is served is what the log says at this time.
    pub(crate) fn confirmed(&self, at: Timestamp) {
        let us = at.as_micros();
        self.confirmed_at_us.store(us, Ordering::Relaxed);
    }

    pub(crate) fn lag(&self, records: u64) {
        self.lag_records.store(records, Ordering::Relaxed);
    }

    /// Nothing before the first edition.
    fn snapshot_age_seconds(&self) -> Option<f64> {
        let confirmed_at = self.confirmed_at_us.load(Ordering::Relaxed);
        let age_us = self
            .clock
            .now()
            .micros_since(Timestamp::from_micros(confirmed_at))
            .max(0);
        #[expect(clippy::cast_precision_loss, reason = "an age, far below 2^52")]
        (confirmed_at != i64::MIN).then_some(age_us as f64 / 1e6)
    }
}

impl fmt::Debug for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Present")
            .field("confirmed_at_us", &self.confirmed_at_us)
            .field("lag_records", &self.lag_records)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct PresentCollector(Arc<Present>);

impl Collector for PresentCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut gauge = |name: &str, help: &str, value: f64| {
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            gauge.encode(metric)
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "a metric may be off by one in 2^52"
        )]
        let lag = self.0.lag_records.load(Ordering::Relaxed) as f64;
        gauge("lag_records", "Records of the logs not read yet", lag)?;
        match self.0.snapshot_age_seconds() {
            Some(age) => gauge(
                "snapshot_age_seconds",
                "Time since the snapshot served was known to be up to date",
                age,
            ),
            None => Ok(()),
        }
    }
}
