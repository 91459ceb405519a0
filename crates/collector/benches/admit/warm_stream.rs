//! A stream into a collector of this process, its definitions sent, its frames encoded beforehand.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures::stream;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use prometheus_client::registry::Registry;
use sextant_collector::{Collector, Config, Instance, Metrics, Wiring};
use sextant_intake::grpc::service;
use sextant_measure::id::AgentId;
use sextant_measure::time::{Clock, Timestamp};
use sextant_wire::batch::{Batch, definition_message};
use sextant_wire::v1;
use sextant_wire::v1::observation_service_client::ObservationServiceClient;
use sextant_wire::v1::report_request::Message;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::{Service, service_fn};

use crate::nowhere::Nowhere;
use crate::{NOW, PARTITIONS, definition, rules};

/// Batches under way at a time.
const IN_FLIGHT: u64 = 32;
/// Definitions in one message.
const DEFINITIONS_MAX: u32 = 1_000;

pub(crate) struct WarmStream {
    runtime: Runtime,
    frames: mpsc::Sender<Bytes>,
    answers: Answers,
    batch: Bytes,
    _collector: Collector,
}

/// Counts the messages of a response.
struct Answers {
    body: Body,
    buffer: BytesMut,
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

impl WarmStream {
    pub(crate) fn open(definitions: u32, batch: &Batch) -> Self {
        // One thread: what is measured is one core.
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime
            .block_on(Self::open_on(definitions, batch))
            .on(runtime)
    }

    /// How long it takes until so many batches have been acknowledged.
    pub(crate) fn send(&mut self, batches: u64) -> Duration {
        let Self {
            runtime,
            frames,
            answers,
            batch,
            ..
        } = self;
        runtime.block_on(async {
            let begun = Instant::now();
            let (mut sent, mut answered) = (0, 0);
            while answered < batches {
                while sent < batches && sent < answered + IN_FLIGHT {
                    frames.send(batch.clone()).await.expect("a stream");
                    sent += 1;
                }
                answered += answers.some().await;
            }
            begun.elapsed()
        })
    }

    async fn open_on(definitions: u32, batch: &Batch) -> Opened {
        let collector = collector();
        let (frames, incoming) = mpsc::channel(64);
        let incoming = ReceiverStream::new(incoming).map(Ok::<_, Infallible>);
        let body = Body::new(axum::body::Body::from_stream(incoming));
        let request = Request::builder()
            .method(Method::POST)
            .uri("http://collector/sextant.v1.ObservationService/Report")
            .header("content-type", "application/grpc")
            .body(body);
        let response = service(collector.intake())
            .call(request.expect("a request"))
            .await;
        let mut answers = Answers {
            body: response.expect("an answer").into_body(),
            buffer: BytesMut::new(),
        };
        assert_eq!(answers.some().await, 1, "the hello");
        for first in (0..definitions).step_by(1_000) {
            let ids = first..definitions.min(first + DEFINITIONS_MAX);
            let definitions = ids
                .map(|id| definition_message(id, &definition(id)))
                .collect();
            let message = Message::Definitions(v1::Definitions { definitions });
            frames.send(frame(message).await).await.expect("a stream");
        }
        Opened {
            frames,
            answers,
            batch: frame(Message::Batch(batch.clone().into())).await,
            collector,
        }
    }
}

struct Opened {
    frames: mpsc::Sender<Bytes>,
    answers: Answers,
    batch: Bytes,
    collector: Collector,
}

impl Opened {
    fn on(self, runtime: Runtime) -> WarmStream {
        WarmStream {
            runtime,
            frames: self.frames,
            answers: self.answers,
            batch: self.batch,
            _collector: self.collector,
        }
    }
}

impl Answers {
    /// Waits for messages; how many there are.
    async fn some(&mut self) -> u64 {
        let mut count = 0;
        while count == 0 {
            let frame = self.body.frame().await.expect("no end").expect("no error");
            self.buffer
                .extend_from_slice(&frame.into_data().expect("data"));
            count = self.whole();
        }
        count
    }

    fn whole(&mut self) -> u64 {
        const HEADER: usize = 5;
        let mut count = 0;
        while self.buffer.len() >= HEADER {
            let length: usize = self
                .buffer
                .iter()
                .skip(1)
                .take(4)
                .fold(0, |n, b| n << 8 | usize::from(*b));
            if self.buffer.len() < HEADER + length {
                break;
            }
            // An acknowledgement is field 2 of the answer, the hello field 1.
            let field = self.buffer.get(HEADER).map_or(0, |key| key >> 3);
            assert!(field <= 2, "a batch was refused");
            self.buffer.advance(HEADER + length);
            count += 1;
        }
        count
    }
}

fn collector() -> Collector {
    let config = Config {
        observations_per_second_max: NonZeroU32::MAX,
        ..Config::default()
    };
    let wiring = Wiring {
        log: Arc::new(Nowhere),
        partitions: PARTITIONS,
        catalog: rules().catalog,
        clock: Arc::new(Still),
        instance: Instance {
            name: AgentId::new("collector-1").expect("a name"),
            epoch: 1,
        },
        shutdown: CancellationToken::new(),
    };
    Collector::new(&config, wiring, Metrics::register(&mut Registry::default()))
}

/// The bytes of a message as a client puts them on a stream.
async fn frame(message: Message) -> Bytes {
    let taken = Arc::new(Mutex::new(Bytes::new()));
    let keep = Arc::clone(&taken);
    let network = service_fn(move |request: Request<Body>| {
        let keep = Arc::clone(&keep);
        async move {
            let body = request.into_body().collect().await.expect("a body");
            *keep.lock().expect("one thread") = body.to_bytes();
            Ok::<_, Infallible>(Response::new(Body::new(Full::new(Bytes::new()))))
        }
    });
    let message = Some(message);
    let request = stream::iter([v1::ReportRequest { message }]);
    // Nobody answers: the request is all that is wanted.
    drop(ObservationServiceClient::new(network).report(request).await);
    let frame = taken.lock().expect("one thread").clone();
    assert!(!frame.is_empty(), "the client sent nothing");
    frame
}
