//! What the aggregator counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::tally::{Dropped, Tally};

/// What can fail, as it is told, and the kind that it is counted as.
const ERRORS: [(&str, &str); 9] = [
    ("claiming a partition", "claim"),
    ("reading the observations log", "observations_log"),
    ("reading the windows log", "windows_log"),
    ("reading the gates log", "gates_log"),
    ("keeping one more gate", "gates_max"),
    ("publishing", "publish"),
    ("committing", "commit"),
    ("using the store", "store"),
    ("writing a dead letter", "dead_letter"),
];

/// Why an observation was not filed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PartitionLabel {
    partition: u32,
}

/// Counters of all partitions that this process owns: received = filed + dropped.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    received: Counter,
    filed: Counter,
    dropped: Family<ReasonLabel, Counter>,
    clashes: Counter,
    dead_letters: Counter,
    corrupt: Counter,
    published: Counter,
    stored: Counter,
    windows_dropped: Counter,
    errors: Family<KindLabel, Counter>,
    series: Family<PartitionLabel, Gauge>,
    senders: Family<PartitionLabel, Gauge>,
    lag: Family<PartitionLabel, Gauge>,
    whole: Family<PartitionLabel, Gauge>,
    rebuilds: Counter,
    refused_reports: Counter,
    evicted_senders: Counter,
    ahead: Family<PartitionLabel, Gauge>,
}

impl Metrics {
    /// Registers all of them.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let stage = registry.sub_registry_with_prefix("sextant_aggregator");
        metrics.register_counters(stage);
        metrics.register_families(stage);
        // What has never happened is nought, not unknown.
        for reason in Dropped::ALL.map(Dropped::name) {
            metrics
                .dropped
                .get_or_create(&ReasonLabel { reason })
                .inc_by(0);
        }
        for (_, kind) in ERRORS {
            metrics.errors.get_or_create(&KindLabel { kind }).inc_by(0);
        }
        metrics
    }

    fn register_counters(&self, stage: &mut Registry) {
        let counters = [
            (
                "received_observations",
                "Observations read from the log",
                &self.received,
            ),
            (
                "filed_observations",
                "Observations counted in a window",
                &self.filed,
            ),
            (
                "clashing_batches",
                "Batches of the same identity with other content",
                &self.clashes,
            ),
            (
                "dead_letter_records",
                "Records that could not be decoded",
                &self.dead_letters,
            ),
            (
                "corrupt_records",
                "Records that failed their checksum",
                &self.corrupt,
            ),
            (
                "published_records",
                "Records appended to the windows log",
                &self.published,
            ),
            ("stored_rows", "Rows written to the store", &self.stored),
            (
                "unstored_windows",
                "Windows given up while the store was away",
                &self.windows_dropped,
            ),
            (
                "rebuilds",
                "Partitions rebuilt from the log",
                &self.rebuilds,
            ),
            (
                "refused_reports",
                "Agents' own figures past the number that is kept",
                &self.refused_reports,
            ),
            (
                "evicted_senders",
                "Senders forgotten before their time",
                &self.evicted_senders,
            ),
        ];
        for (name, help, counter) in counters {
            stage.register(name, help, counter.clone());
        }
    }

    fn register_families(&self, stage: &mut Registry) {
        let help = "Observations not counted, by reason";
        stage.register("dropped_observations", help, self.dropped.clone());
        let help = "Failures, by what was being done";
        stage.register("errors", help, self.errors.clone());
        let gauges = [
            ("series", "Series held", &self.series),
            ("senders", "Senders remembered", &self.senders),
            ("lag_records", "Records not read yet", &self.lag),
            ("whole", "1 once a partition is rebuilt", &self.whole),
            (
                "log_ahead_seconds",
                "The log's time ahead of the clock",
                &self.ahead,
            ),
        ];
        for (name, help, gauge) in gauges {
            stage.register(name, help, gauge.clone());
        }
    }

    pub(crate) fn tally(&self, tally: &Tally) {
        self.received.inc_by(tally.received);
        self.filed.inc_by(tally.filed);
        self.clashes.inc_by(tally.clashes);
        for (reason, n) in tally.dropped().filter(|(_, n)| *n > 0) {
            self.dropped
                .get_or_create(&ReasonLabel {
                    reason: reason.name(),
                })
                .inc_by(n);
        }
    }

    pub(crate) fn dead_letter(&self) {
        self.dead_letters.inc();
    }

    pub(crate) fn corrupt(&self, records: usize) {
        self.corrupt.inc_by(records as u64);
    }

    pub(crate) fn published(&self, records: usize) {
        self.published.inc_by(records as u64);
    }

    pub(crate) fn stored(&self, rows: u64) {
        self.stored.inc_by(rows);
    }

    pub(crate) fn windows_dropped(&self, rows: u64) {
        self.windows_dropped.inc_by(rows);
    }

    pub(crate) fn error(&self, doing: &str) {
        let known = ERRORS.iter().find(|(told, _)| *told == doing);
        let kind = known.map_or("other", |(_, kind)| kind);
        self.errors.get_or_create(&KindLabel { kind }).inc();
    }

    pub(crate) fn refused_reports(&self, reports: u64) {
        self.refused_reports.inc_by(reports);
    }

    pub(crate) fn evicted_senders(&self, senders: u64) {
        self.evicted_senders.inc_by(senders);
    }

    pub(crate) fn rebuild(&self) {
        self.rebuilds.inc();
    }

    /// A partition is owned no longer: another process speaks for it.
    pub(crate) fn gone(&self, partition: u32) {
        let label = PartitionLabel { partition };
        for family in [
            &self.series,
            &self.senders,
            &self.lag,
            &self.whole,
            &self.ahead,
        ] {
            family.remove(&label);
        }
    }

    pub(crate) fn standing(&self, partition: u32, standing: Standing) {
        let label = PartitionLabel { partition };
        let set = |family: &Family<PartitionLabel, Gauge>, value: u64| {
            family
                .get_or_create(&label)
                .set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.series, standing.series as u64);
        set(&self.senders, standing.senders as u64);
        set(&self.lag, standing.lag);
        set(&self.whole, u64::from(standing.whole));
        set(&self.ahead, standing.ahead_s);
    }
}

/// Where a partition stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) series: usize,
    pub(crate) senders: usize,
    pub(crate) lag: u64,
    pub(crate) whole: bool,
    /// Seconds by which the log's time is ahead of the clock.
    pub(crate) ahead_s: u64,
}
