//! What the archive counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::tally::{Dropped, Tally};

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// What was being done.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartitionLabel {
    partition: u32,
}

/// Counters of all partitions that this process owns: received = sent + dropped, once what was read
/// is written.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    received: Counter,
    sent: Counter,
    dropped: Family<ReasonLabel, Counter>,
    undecodable: Counter,
    corrupt: Counter,
    overtaken: Counter,
    evicted_senders: Counter,
    errors: Family<KindLabel, Counter>,
    lag: Family<PartitionLabel, Gauge>,
}

impl Metrics {
    /// Registers all of them.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let stage = registry.sub_registry_with_prefix("sextant_archive");
        let counters = [
            (
                "received_observations",
                "Read from the log",
                &metrics.received,
            ),
            ("sent_observations", "In the store, as rows", &metrics.sent),
            (
                "undecodable_records",
                "Records that could not be decoded, which the aggregator buries",
                &metrics.undecodable,
            ),
            (
                "corrupt_records",
                "Records that failed their checksum",
                &metrics.corrupt,
            ),
            (
                "overtaken_records",
                "Records that the log deleted before they were read",
                &metrics.overtaken,
            ),
            (
                "evicted_senders",
                "Forgotten before their time",
                &metrics.evicted_senders,
            ),
        ];
        for (name, help, counter) in counters {
            stage.register(name, help, counter.clone());
        }
        let dropped = metrics.dropped.clone();
        stage.register(
            "dropped_observations",
            "Not in the store, by reason",
            dropped,
        );
        let errors = metrics.errors.clone();
        stage.register("errors", "Failures, by what was being done", errors);
        stage.register("lag_records", "Records not read yet", metrics.lag.clone());
        metrics
    }

    pub(crate) fn tally(&self, tally: &Tally) {
        self.received.inc_by(tally.received);
        for (reason, n) in tally.dropped().filter(|(_, n)| *n > 0) {
            self.dropped(reason, n);
        }
    }

    pub(crate) fn dropped(&self, reason: Dropped, observations: u64) {
        let reason = reason.name();
        self.dropped
            .get_or_create(&ReasonLabel { reason })
            .inc_by(observations);
    }

    pub(crate) fn sent(&self, rows: u64) {
        self.sent.inc_by(rows);
    }

    pub(crate) fn undecodable(&self) {
        self.undecodable.inc();
    }

    pub(crate) fn corrupt(&self, records: usize) {
        self.corrupt.inc_by(records as u64);
    }

    pub(crate) fn overtaken(&self, records: u64) {
        self.overtaken.inc_by(records);
    }

    pub(crate) fn evicted_senders(&self, senders: u64) {
        self.evicted_senders.inc_by(senders);
    }

    pub(crate) fn error(&self, doing: &'static str) {
        let kind = doing;
        self.errors.get_or_create(&KindLabel { kind }).inc();
    }

    pub(crate) fn lag(&self, partition: u32, records: u64) {
        let label = PartitionLabel { partition };
        let records = i64::try_from(records).unwrap_or(i64::MAX);
        self.lag.get_or_create(&label).set(records);
    }

    /// A partition is owned no longer: another process speaks for it.
    pub(crate) fn gone(&self, partition: u32) {
        self.lag.remove(&PartitionLabel { partition });
    }
}
