//! What is counted of deliveries.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use sextant_measure::time::Timestamp;

use super::error::Reason;

type Labels = Vec<(&'static str, String)>;
type Seconds = Gauge<f64, AtomicU64>;

/// Counters and gauges of all receivers, in the registry they were made in.
#[derive(Debug, Clone)]
pub struct Metrics {
    sent: Family<Labels, Counter>,
    failed: Family<Labels, Counter>,
    given_up: Family<Labels, Counter>,
    pending: Family<Labels, Gauge>,
    last_success: Family<Labels, Seconds>,
}

/// Those of one receiver.
#[derive(Debug, Clone)]
pub(super) struct ReceiverMetrics {
    pub(super) sent: Counter,
    pub(super) given_up: Counter,
    pub(super) pending: Gauge,
    last_success: Seconds,
    /// In the order of [`Reason::ALL`].
    failed: Vec<Counter>,
}

impl Metrics {
    /// Registers all, their names beginning with `sextant_alerts_`.
    pub fn register(registry: &mut Registry) -> Self {
        let names = registry.sub_registry_with_prefix("sextant_alerts");
        let sent = Family::default();
        let help = "Notices that a receiver has taken; Alertmanager's are counted each time";
        names.register("notices_sent", help, sent.clone());
        let failed = Family::default();
        let help = "Tries to tell a receiver something that failed";
        names.register("notices_failed", help, failed.clone());
        let given_up = Family::default();
        let help = "Notices that a receiver will not hear of";
        names.register("notices_given_up", help, given_up.clone());
        let pending = Family::default();
        let help = "Notices that a receiver has yet to hear of";
        names.register("notices_pending", help, pending.clone());
        let last_success = Family::default();
        let help = "When a receiver last took something, since the Unix epoch; 0 before that";
        names.register_with_unit(
            "last_success_timestamp",
            help,
            Unit::Seconds,
            last_success.clone(),
        );
        Self {
            sent,
            failed,
            given_up,
            pending,
            last_success,
        }
    }

    pub(super) fn of(&self, receiver: &str) -> ReceiverMetrics {
        let labels = vec![("receiver", receiver.to_owned())];
        let failed = Reason::ALL.map(|reason| {
            let mut labels = labels.clone();
            labels.push(("reason", reason.name().to_owned()));
            self.failed.get_or_create_owned(&labels)
        });
        ReceiverMetrics {
            sent: self.sent.get_or_create_owned(&labels),
            given_up: self.given_up.get_or_create_owned(&labels),
            pending: self.pending.get_or_create_owned(&labels),
            last_success: self.last_success.get_or_create_owned(&labels),
            failed: failed.into(),
        }
    }
}

impl ReceiverMetrics {
    pub(super) fn count_sent(&self, notices: usize, at: Timestamp) {
        self.sent.inc_by(u64::try_from(notices).unwrap_or(u64::MAX));
        #[expect(
            clippy::cast_precision_loss,
            reason = "microseconds of our era fit into 52 bits"
        )]
        self.last_success.set(at.as_micros() as f64 / 1e6);
    }

    pub(super) fn count_failure(&self, reason: Reason) {
        let position = Reason::ALL.iter().position(|known| *known == reason);
        if let Some(counter) = position.and_then(|at| self.failed.get(at)) {
            counter.inc();
        }
    }

    pub(super) fn set_pending(&self, notices: usize) {
        self.pending.set(i64::try_from(notices).unwrap_or(i64::MAX));
    }
}
