//! Spans, and a receiver over a sink that keeps what it gets.

use std::io::Write as _;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use ::http::Extensions;
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use sextant_catalog::{Catalog, LiveCatalog};
use sextant_measure::observation::Observation;
use sextant_measure::refusal::Refusal;
use sextant_measure::time::{Clock, Timestamp};
use sextant_otlp::map::{self, Mapped};
use sextant_otlp::names::Names;
use sextant_otlp::sink::{Room, SpanSink, Taken};
use sextant_otlp::{Config, Metrics, Receiver, Refused, Why, Wiring};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// When test spans end, in nanoseconds.
pub(crate) const END: u64 = 1_700_000_002_500_000_000;
/// When they begin: 2.5 s before.
pub(crate) const START: u64 = 1_700_000_000_000_000_000;

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.to_owned()))
}

pub(crate) fn int(key: &str, value: i64) -> KeyValue {
    pair(key, Value::IntValue(value))
}

pub(crate) fn double(key: &str, value: f64) -> KeyValue {
    pair(key, Value::DoubleValue(value))
}

pub(crate) fn flag(key: &str, value: bool) -> KeyValue {
    pair(key, Value::BoolValue(value))
}

pub(crate) fn texts(key: &str, values: &[&str]) -> KeyValue {
    let values = values.iter().map(|value| AnyValue {
        value: Some(Value::StringValue((*value).to_owned())),
    });
    let values = values.collect();
    pair(key, Value::ArrayValue(ArrayValue { values }))
}

pub(crate) fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// What a chat of the current conventions always says.
pub(crate) fn chat() -> Vec<KeyValue> {
    vec![
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.provider.name", "openai"),
        text("gen_ai.request.model", "gpt-4o"),
    ]
}

/// A client's span with these attributes.
pub(crate) fn span(attributes: Vec<KeyValue>) -> Span {
    Span {
        trace_id: (1..=16).collect(),
        span_id: (1..=8).collect(),
        kind: SpanKind::Client as i32,
        start_time_unix_nano: START,
        end_time_unix_nano: END,
        attributes,
        ..Span::default()
    }
}

pub(crate) fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    from_resource(Vec::new(), spans)
}

pub(crate) fn from_resource(
    attributes: Vec<KeyValue>,
    spans: Vec<Span>,
) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes,
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().unwrap());

pub(crate) fn names() -> &'static Names {
    static NAMES: LazyLock<Names> =
        LazyLock::new(|| Names::new(Arc::new(Config::default()), Arc::new(CATALOG.clone())));
    &NAMES
}

/// What a request becomes by the shipped catalog and no settings.
pub(crate) fn mapped(request: &ExportTraceServiceRequest) -> Mapped {
    map::request(request, names())
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 0).unwrap()
}

/// Keeps what it gets, or refuses as it is told.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) observations: Mutex<Vec<Observation>>,
    pub(crate) refusal: Mutex<Option<Refused>>,
    pub(crate) refuses_first: Mutex<Option<Refusal>>,
    /// Nothing is taken while this is locked.
    pub(crate) door: tokio::sync::Mutex<()>,
    pub(crate) has_come: Notify,
}

/// Two seconds after the test spans' end.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros((END / 1_000).cast_signed()).plus_micros(2_000_000)
    }
}

#[tonic::async_trait]
impl SpanSink for Kept {
    fn room(&self, _: &Extensions, _: u32) -> Result<Room, Refused> {
        Ok(Box::new(()))
    }

    async fn take(&self, _: &Extensions, observations: Vec<Observation>) -> Result<Taken, Refused> {
        self.has_come.notify_one();
        drop(self.door.lock().await);
        if let Some(refused) = self.refusal.lock().unwrap().clone() {
            return Err(refused);
        }
        let first = *self.refuses_first.lock().unwrap();
        let refused: Vec<_> = first.map(|refusal| (0, refusal)).into_iter().collect();
        let accepted = observations.len() - refused.len();
        let kept = observations.into_iter().skip(refused.len());
        self.observations.lock().unwrap().extend(kept);
        Ok(Taken {
            accepted: accepted.try_into().unwrap(),
            refused,
            has_identity: false,
        })
    }
}

/// A receiver, what it hands on, and what it counts.
pub(crate) struct Bench {
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) kept: Arc<Kept>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: TaskTracker,
    registry: Registry,
}

impl Bench {
    pub(crate) fn new(config: Config) -> Self {
        let (mut registry, kept) = (Registry::default(), Arc::<Kept>::default());
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        let wiring = Wiring {
            catalog: LiveCatalog::new(CATALOG.clone()),
            sink: Arc::clone(&kept) as Arc<dyn SpanSink>,
            clock: Arc::new(Stopped),
            shutdown: shutdown.clone(),
            tasks: tasks.clone(),
        };
        let metrics = Metrics::register(&mut registry);
        Self {
            receiver: Receiver::new(config, wiring, metrics),
            kept,
            shutdown,
            tasks,
            registry,
        }
    }

    pub(crate) fn refuse(&self, why: Why, retry_after: Option<Duration>) {
        *self.kept.refusal.lock().unwrap() = Some(Refused {
            why,
            message: "not now".to_owned(),
            retry_after,
        });
    }

    /// The value of a metric, by its name and labels as they are told.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let mut told = String::new();
        encode(&mut told, &self.registry).unwrap();
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name} in\n{told}"));
        value.trim().parse().unwrap()
    }

    /// Each span that came is counted once more.
    pub(crate) fn assert_balanced(&self) {
        let left_out = sextant_otlp::left_out::LeftOut::ALL.map(|reason| {
            let label = format!("{{reason=\"{}\"}}", reason.name());
            self.metric(&format!("sextant_otlp_left_out_spans_total{label}"))
        });
        let sent = self.metric("sextant_otlp_sent_observations_total");
        let refused = self.metric("sextant_otlp_refused_spans_total");
        let received = self.metric("sextant_otlp_received_spans_total");
        assert_eq!(received, sent + refused + left_out.iter().sum::<u64>());
    }
}
