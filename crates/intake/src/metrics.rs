//! What an intake counts.
//!
//! Observations: `received = sent + refused` holds whenever nothing is in flight; an intake drops
//! none.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use sextant_measure::refusal::Refusal;
use sextant_wire::answer::{Acknowledgement, BatchRefusalReason};

type Label = [(&'static str, &'static str); 1];
type Counters = Family<Label, Counter>;

/// The way a batch came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// On a gRPC stream.
    GrpcStream,
    /// In a gRPC call of its own.
    GrpcUnary,
    /// In an HTTP request.
    Http,
    /// As spans of OpenTelemetry, by gRPC or HTTP.
    Otlp,
}

/// An intake's counters, in the registry they were made in.
#[derive(Debug)]
pub struct Metrics {
    /// In the order of [`Transport::ALL`].
    received: Vec<Counted>,
    sent_observations: Counter,
    sent_batches: Counter,
    /// In the order of [`Refusal::ALL`].
    refused_observations: Vec<Counter>,
    /// In the order of [`BatchRefusalReason::ALL`].
    refused_batches: Vec<Counted>,
    pub(crate) begun_streams: Counter,
    pub(crate) ended_streams: Counter,
    pub(crate) unknown_fields: Counter,
    pub(crate) refused_heartbeats: Counter,
}

/// Batches, and the observations in them.
#[derive(Debug)]
struct Counted {
    batches: Counter,
    observations: Counter,
}

/// Where metrics get their names.
struct Names<'r>(&'r mut Registry);

impl Transport {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::GrpcStream, Self::GrpcUnary, Self::Http, Self::Otlp];

    /// The name used in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GrpcStream => "grpc_stream",
            Self::GrpcUnary => "grpc_unary",
            Self::Http => "http",
            Self::Otlp => "otlp",
        }
    }
}

impl Metrics {
    /// Registers all counters, their names beginning with the prefix and `_`.
    pub fn register(registry: &mut Registry, prefix: &str) -> Self {
        let mut names = Names(registry.sub_registry_with_prefix(prefix));
        let refused_batches =
            names.family("refused_batches", "Batches refused as a whole, by reason");
        let refused_observations =
            names.family("refused_observations", "Observations refused, by reason");
        Self {
            received: names.received(),
            sent_observations: names.counter("sent_observations", "Observations made durable"),
            sent_batches: names.counter("sent_batches", "Batches acknowledged"),
            refused_observations: Refusal::ALL
                .map(|refusal| counter(&refused_observations, "reason", refusal_name(refusal)))
                .into(),
            refused_batches: BatchRefusalReason::ALL
                .map(|reason| Counted {
                    batches: counter(&refused_batches, "reason", reason.name()),
                    observations: counter(&refused_observations, "reason", reason.name()),
                })
                .into(),
            begun_streams: names.counter("begun_streams", "Streams opened"),
            ended_streams: names.counter("ended_streams", "Streams closed"),
            unknown_fields: names.counter(
                "unknown_fields",
                "Fields of newer senders that were ignored",
            ),
            refused_heartbeats: names.counter(
                "refused_heartbeats",
                "Heartbeats unreadable or past a quota",
            ),
        }
    }

    pub(crate) fn count_received(&self, transport: Transport, observations: u32) {
        let at = |known: &Transport| *known == transport;
        let position = Transport::ALL.iter().position(at);
        if let Some(received) = position.and_then(|at| self.received.get(at)) {
            received.batches.inc();
            received.observations.inc_by(observations.into());
        }
    }

    /// The observations of a batch that was refused as a whole.
    pub(crate) fn count_refused_batch(&self, reason: BatchRefusalReason, observations: u32) {
        let at = |known: &BatchRefusalReason| *known == reason;
        let position = BatchRefusalReason::ALL.iter().position(at);
        if let Some(refused) = position.and_then(|at| self.refused_batches.get(at)) {
            refused.batches.inc();
            refused.observations.inc_by(observations.into());
        }
    }

    /// A batch that is durable.
    pub(crate) fn count_sent(&self, acknowledgement: &Acknowledgement) {
        self.sent_batches.inc();
        self.sent_observations
            .inc_by(acknowledgement.accepted.into());
        for (_, refusal) in &acknowledgement.refused {
            // Codes count from 1, in the order of the list.
            let at = usize::from(refusal.code()).saturating_sub(1);
            if let Some(counter) = self.refused_observations.get(at) {
                counter.inc();
            }
        }
    }
}

impl Names<'_> {
    fn counter(&mut self, name: &str, help: &str) -> Counter {
        let counter = Counter::default();
        self.0.register(name, help, counter.clone());
        counter
    }

    fn family(&mut self, name: &str, help: &str) -> Counters {
        let counters = Counters::default();
        self.0.register(name, help, counters.clone());
        counters
    }

    fn received(&mut self) -> Vec<Counted> {
        let batches = self.family("received_batches", "Batches that came, by transport");
        let observations = self.family(
            "received_observations",
            "Observations that came, by transport",
        );
        let counted = |transport: Transport| Counted {
            batches: counter(&batches, "transport", transport.name()),
            observations: counter(&observations, "transport", transport.name()),
        };
        Transport::ALL.map(counted).into()
    }
}

fn counter(counters: &Counters, key: &'static str, value: &'static str) -> Counter {
    counters.get_or_create_owned(&[(key, value)])
}

const fn refusal_name(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Malformed => "malformed",
        Refusal::FieldMissing => "field_missing",
        Refusal::Model => "model",
        Refusal::Provider => "provider",
        Refusal::Quantization => "quantization",
        Refusal::Region => "region",
        Refusal::RequestId => "request_id",
        Refusal::Operation => "operation",
        Refusal::CompletedAt => "completed_at",
        Refusal::Outcome => "outcome",
        Refusal::Source => "source",
        Refusal::Tier => "tier",
        Refusal::Attempt => "attempt",
        Refusal::StatusCode => "status_code",
        Refusal::Tokens => "tokens",
        Refusal::Milliseconds => "milliseconds",
        Refusal::TtftAboveDuration => "ttft_above_duration",
        Refusal::TtftNotStreamed => "ttft_not_streamed",
        Refusal::DurationMissing => "duration_missing",
        Refusal::DurationTooLong => "duration_too_long",
        Refusal::Flag => "flag",
    }
}

#[cfg(test)]
mod tests {
    use sextant_measure::time::Timestamp;

    use super::*;

    #[test]
    fn each_refusal_has_a_counter_of_its_own() {
        let metrics = Metrics::register(&mut Registry::default(), "sextant_test");
        metrics.count_sent(&Acknowledgement {
            sequence: 1,
            accepted: 0,
            refused: (0..).zip(Refusal::ALL).collect(),
            received_at: Timestamp::default(),
            sent_at: Timestamp::default(),
            deduplicated: true,
        });
        assert_eq!(metrics.refused_observations.len(), Refusal::ALL.len());
        for counter in &metrics.refused_observations {
            assert_eq!(counter.get(), 1);
        }
    }
}
