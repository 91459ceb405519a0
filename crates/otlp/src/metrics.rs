//! What a receiver counts.
//!
//! Spans: `received = sent + left out + refused` holds whenever nothing is in flight, where a span
//! that is sent is an observation.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::left_out::{LeftOut, Tally};
use crate::refused::Why;

type Counters = Family<[(&'static str, &'static str); 1], Counter>;

/// The way a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In a gRPC call.
    Grpc,
    /// In an HTTP request.
    Http,
}

/// A receiver's counters, in the registry they were made in.
#[derive(Debug)]
pub struct Metrics {
    received_requests: Counters,
    refused_requests: Counters,
    pub(crate) received_spans: Counter,
    pub(crate) sent_observations: Counter,
    left_out_spans: Counters,
    pub(crate) refused_spans: Counter,
    pub(crate) anonymous_observations: Counter,
    lag: Histogram,
}

impl Transport {
    /// Every way.
    pub const ALL: [Self; 2] = [Self::Grpc, Self::Http];

    /// The name used in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
        }
    }
}

impl Metrics {
    /// Registers all counters, their names beginning with `sextant_otlp_`.
    pub fn register(registry: &mut Registry) -> Self {
        let registry = registry.sub_registry_with_prefix("sextant_otlp");
        let metrics = Self {
            received_requests: family(registry, "received_requests", "Exports that came"),
            refused_requests: family(registry, "refused_requests", "Exports refused as a whole"),
            received_spans: counter(registry, "received_spans", "Spans that came"),
            sent_observations: counter(
                registry,
                "sent_observations",
                "Observations that spans became, made durable",
            ),
            left_out_spans: family(
                registry,
                "left_out_spans",
                "Spans that became no observation",
            ),
            refused_spans: counter(
                registry,
                "refused_spans",
                "Spans whose observation was refused, alone or with its request",
            ),
            anonymous_observations: counter(
                registry,
                "anonymous_observations",
                "Observations made durable without an identity: sent again, they count again",
            ),
            lag: lag(registry),
        };
        // What has never happened is nought, not unknown.
        for transport in Transport::ALL {
            metrics.count_request(transport, 0);
        }
        for why in Why::ALL {
            let label = [("reason", why.name())];
            metrics.refused_requests.get_or_create(&label).inc_by(0);
        }
        for reason in LeftOut::ALL {
            let label = [("reason", reason.name())];
            metrics.left_out_spans.get_or_create(&label).inc_by(0);
        }
        metrics
    }

    pub(crate) fn count_request(&self, transport: Transport, requests: u64) {
        let label = [("transport", transport.name())];
        let counter = self.received_requests.get_or_create(&label);
        counter.inc_by(requests);
    }

    pub(crate) fn count_refused(&self, why: Why) {
        let label = [("reason", why.name())];
        self.refused_requests.get_or_create(&label).inc();
    }

    /// Clocks may differ, so that a span seems to be taken before its end.
    pub(crate) fn count_lag(&self, micros: i64) {
        let micros = u64::try_from(micros).unwrap_or(0);
        self.lag
            .observe(Duration::from_micros(micros).as_secs_f64());
    }

    pub(crate) fn count_left_out(&self, tally: &Tally) {
        for (reason, count) in tally.counts() {
            let label = [("reason", reason.name())];
            self.left_out_spans.get_or_create(&label).inc_by(count);
        }
    }
}

/// From a tenth of a second to an hour and a half.
fn lag(registry: &mut Registry) -> Histogram {
    let lag = Histogram::new(exponential_buckets(0.1, 2.0, 17));
    let help = "From the end of an export's oldest call to when all of it was durable";
    registry.register_with_unit("lag", help, Unit::Seconds, lag.clone());
    lag
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    let counter = Counter::default();
    registry.register(name, help, counter.clone());
    counter
}

fn family(registry: &mut Registry, name: &str, help: &str) -> Counters {
    let counters = Counters::default();
    registry.register(name, help, counters.clone());
    counters
}
