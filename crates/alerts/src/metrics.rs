//! What evaluating alerts counts.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use sextant_incident::{Kind, Severity};
use sextant_measure::time::Timestamp;

use crate::book::{Book, Outcome};

type Label = [(&'static str, &'static str); 1];
type Labels = [(&'static str, &'static str); 2];

/// What can fail.
pub(crate) mod doing {
    pub(crate) const FOLLOWING: &str = "following the consumer group";
    pub(crate) const CLAIMING: &str = "claiming the alerts log";
    pub(crate) const WRITING: &str = "writing the alerts log";
    pub(crate) const STORING: &str = "writing incidents to the store";
}

const DOINGS: [&str; 4] = [
    doing::FOLLOWING,
    doing::CLAIMING,
    doing::WRITING,
    doing::STORING,
];

/// What evaluating alerts counts, in the registry it was made in. Clones share the counters.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub(crate) leading: Gauge,
    evaluations: Counter,
    pub(crate) blind_evaluations: Counter,
    evaluated_at: Gauge<f64, AtomicU64>,
    pub(crate) views_age: Gauge<f64, AtomicU64>,
    opened: Counter,
    closed: Counter,
    unopened: Family<Label, Counter>,
    open: Family<Labels, Gauge>,
    errors: Family<Label, Counter>,
}

impl Metrics {
    /// Registers all, their names beginning with `sextant_alerts_`.
    pub fn register(registry: &mut Registry) -> Self {
        let names = registry.sub_registry_with_prefix("sextant_alerts");
        let mut counter = |name, help| {
            let counter = Counter::default();
            names.register(name, help, counter.clone());
            counter
        };
        let evaluations = counter("evaluations", "Looks at all windows");
        let blind_evaluations = counter(
            "blind_evaluations",
            "Looks that saw nothing, since the windows were not read to their end",
        );
        let opened = counter("opened_incidents", "Incidents opened");
        let closed = counter("closed_incidents", "Incidents closed");
        let leading = Gauge::default();
        names.register(
            "leading",
            "1 if this process opens and closes",
            leading.clone(),
        );
        let evaluated_at = Gauge::default();
        let help = "When all windows were looked at last, in Unix time";
        names.register_with_unit(
            "last_evaluation_timestamp",
            help,
            Unit::Seconds,
            evaluated_at.clone(),
        );
        let views_age = Gauge::default();
        let help = "How old what the last look saw was, by what the owners had read";
        names.register_with_unit("view_age", help, Unit::Seconds, views_age.clone());
        let unopened = Family::default();
        let help = "Breaches for which no incident was opened, look by look";
        names.register("unopened_breaches", help, unopened.clone());
        let open = Family::default();
        names.register("open_incidents", "Incidents that are open", open.clone());
        let errors = Family::default();
        names.register(
            "errors",
            "Calls of the log and of the store that failed, by kind",
            errors.clone(),
        );
        let metrics = Self {
            leading,
            evaluations,
            blind_evaluations,
            evaluated_at,
            views_age,
            opened,
            closed,
            unopened,
            open,
            errors,
        };
        metrics.show_open(&[]);
        for doing in DOINGS {
            drop(metrics.errors.get_or_create(&[("kind", doing)]));
        }
        metrics.evaluated(Outcome::default(), Timestamp::default());
        metrics
    }

    pub(crate) fn evaluated(&self, outcome: Outcome, now: Timestamp) {
        self.evaluated_at.set(seconds(now.as_micros()));
        self.opened.inc_by(outcome.opened as u64);
        self.closed.inc_by(outcome.closed as u64);
        let unopened = [("covered", outcome.covered), ("room", outcome.refused)];
        for (reason, n) in unopened {
            let counter = self.unopened.get_or_create(&[("reason", reason)]);
            counter.inc_by(n as u64);
        }
    }

    /// How many incidents are open; none where another leads.
    pub(crate) fn open(&self, book: &Book) {
        let open = book
            .open()
            .map(|held| (held.incident.kind, held.incident.severity));
        self.show_open(&open.collect::<Vec<_>>());
    }

    pub(crate) fn follows(&self) {
        self.leading.set(0);
        self.show_open(&[]);
    }

    pub(crate) fn looked(&self) {
        self.evaluations.inc();
    }

    pub(crate) fn error(&self, kind: &'static str) {
        self.errors.get_or_create(&[("kind", kind)]).inc();
    }

    fn show_open(&self, open: &[(Kind, Severity)]) {
        for kind in Kind::ALL {
            for severity in Severity::ALL {
                let count = open.iter().filter(|it| **it == (kind, severity)).count();
                let labels = [("kind", kind.name()), ("severity", severity.name())];
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                self.open.get_or_create(&labels).set(count);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds are shown")]
pub(crate) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
