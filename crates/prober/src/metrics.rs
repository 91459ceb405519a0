//! What a prober counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use sextant_measure::outcome::Outcome;

use crate::config::Kind;
use crate::schedule::{Skip, Spent};
use crate::target::Endpoint;

type Label = [(&'static str, &'static str); 1];
type Counters = Family<Label, Counter>;
type OfEndpoint = Vec<(&'static str, String)>;

/// A prober's counters and gauges, in the registry they were made in. Requests without an outcome are
/// under way.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// In the order of [`Kind::ALL`].
    requests: Vec<Counter>,
    pub(crate) blind_requests: Counter,
    /// In the order of [`Skip::ALL`].
    skipped: Vec<Counter>,
    outcomes: Counters,
    misconfigured: Family<OfEndpoint, Counter>,
    is_misconfigured: Family<OfEndpoint, Gauge>,
    budget_left: Family<OfEndpoint, Gauge>,
    pub(crate) lag: Gauge<f64, std::sync::atomic::AtomicU64>,
    /// Looks at servers that failed.
    pub(crate) sight_errors: Counter,
    /// Notes of what was spent that failed.
    pub(crate) ledger_errors: Counter,
}

impl Metrics {
    /// Registers all, their names beginning with `sextant_prober_`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let names = registry.sub_registry_with_prefix("sextant_prober");
        let mut counter = |name, help| {
            let counter = Counter::default();
            names.register(name, help, counter.clone());
            counter
        };
        let blind_requests = counter(
            "blind_requests",
            "Requests made without knowing what others observed",
        );
        let errors = Counters::default();
        let help = "Looks at servers, and notes of what was spent, that failed";
        names.register("errors", help, errors.clone());
        let error = |kind| errors.get_or_create_owned(&[("kind", kind)]);
        let (sight_errors, ledger_errors) = (error("sight"), error("ledger"));
        let requests = Counters::default();
        names.register("requests", "Requests to providers", requests.clone());
        let skipped = Counters::default();
        names.register(
            "skipped",
            "Times that an endpoint wasn't asked",
            skipped.clone(),
        );
        let outcomes = Counters::default();
        names.register("outcomes", "How requests ended", outcomes.clone());
        let misconfigured = Family::default();
        let help = "Answers that blame the key, the account, the request or the address";
        names.register("misconfigured", help, misconfigured.clone());
        let is_misconfigured = Family::default();
        let help = "1 if the last answer that tells did that";
        names.register("is_misconfigured", help, is_misconfigured.clone());
        let budget_left = Family::default();
        let help = "Requests and tokens left of the day";
        names.register("budget_left", help, budget_left.clone());
        let lag = Gauge::default();
        let help = "How long the last request had waited for its turn";
        names.register_with_unit("lag", help, Unit::Seconds, lag.clone());
        // What has never happened is nought, not unknown.
        for outcome in (0..).map_while(Outcome::from_code) {
            outcomes
                .get_or_create(&[("outcome", outcome.name())])
                .inc_by(0);
        }
        let kinds = Kind::ALL.map(|kind| requests.get_or_create_owned(&[("kind", kind.name())]));
        let reasons = Skip::ALL.map(|skip| skipped.get_or_create_owned(&[("reason", skip.name())]));
        Self {
            requests: kinds.into(),
            blind_requests,
            skipped: reasons.into(),
            outcomes,
            misconfigured,
            is_misconfigured,
            budget_left,
            lag,
            sight_errors,
            ledger_errors,
        }
    }

    pub(crate) fn count_request(&self, kind: Kind) {
        let position = Kind::ALL.iter().position(|known| *known == kind);
        if let Some(counter) = position.and_then(|at| self.requests.get(at)) {
            counter.inc();
        }
    }

    pub(crate) fn count_skip(&self, skip: Skip) {
        let position = Skip::ALL.iter().position(|known| *known == skip);
        if let Some(counter) = position.and_then(|at| self.skipped.get(at)) {
            counter.inc();
        }
    }

    pub(crate) fn count_outcome(&self, outcome: Outcome) {
        let label = [("outcome", outcome.name())];
        self.outcomes.get_or_create(&label).inc();
    }

    pub(crate) fn count_misconfigured(&self, endpoint: &Endpoint) {
        self.misconfigured.get_or_create(&label(endpoint)).inc();
    }

    pub(crate) fn tell_misconfigured(&self, endpoint: &Endpoint, is: bool) {
        let label = label(endpoint);
        self.is_misconfigured.get_or_create(&label).set(is.into());
    }

    pub(crate) fn tell_left(&self, endpoint: &Endpoint, left: Spent) {
        for (unit, left) in [("requests", left.requests), ("tokens", left.tokens)] {
            let mut label = label(endpoint);
            label.push(("unit", unit.to_owned()));
            let left = i64::try_from(left).unwrap_or(i64::MAX);
            self.budget_left.get_or_create(&label).set(left);
        }
    }
}

fn label(endpoint: &Endpoint) -> OfEndpoint {
    let quantization = endpoint.quantization.map_or("", |it| it.name());
    vec![
        ("model", endpoint.model.to_string()),
        ("provider", endpoint.provider.to_string()),
        ("quantization", quantization.to_owned()),
    ]
}
