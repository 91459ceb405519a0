//! The collector behind a real gRPC server on loopback.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{Stream, StreamExt as _, stream};
use sextant_measure::refusal::Refusal;
use sextant_measure::time::{Clock as _, Timestamp};
use sextant_reporter::target::{Target, Token};
use sextant_reporter::transport::Transport;
use sextant_wire::answer::Acknowledgement;
use sextant_wire::batch::{Batch, Heartbeat};
use sextant_wire::v1;
use sextant_wire::v1::observation_service_server::{ObservationService, ObservationServiceServer};
use sextant_wire::v1::report_request::Message;
use sextant_wire::v1::report_response::Message as Answer;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use crate::collector::{Collector, Delivery, Known, Reply};
use crate::kit::TestClock;

type Answers = Pin<Box<dyn Stream<Item = Result<v1::ReportResponse, Status>> + Send>>;

/// Gone, with all its connections, when it is dropped.
pub(crate) struct GrpcServer {
    runtime: Option<Runtime>,
    pub(crate) address: SocketAddr,
}

/// What it does besides what the collector's script says.
#[derive(Clone)]
pub(crate) struct Manners {
    pub(crate) hello_after: Duration,
    /// What every call ends with at once.
    pub(crate) ends_with: Option<Status>,
    /// Messages without meaning before the hello.
    pub(crate) is_confused: bool,
    pub(crate) token: Option<&'static str>,
}

struct Service {
    collector: Arc<Collector>,
    clock: Arc<TestClock>,
    manners: Manners,
}

impl Manners {
    pub(crate) fn good() -> Self {
        Self {
            hello_after: Duration::ZERO,
            ends_with: None,
            is_confused: false,
            token: None,
        }
    }
}

impl GrpcServer {
    pub(crate) fn start(collector: &Arc<Collector>, manners: Manners) -> Self {
        Self::start_at(collector, manners, ([127, 0, 0, 1], 0).into())
    }

    pub(crate) fn start_at(
        collector: &Arc<Collector>,
        manners: Manners,
        address: SocketAddr,
    ) -> Self {
        let runtime = runtime();
        let service = Service {
            collector: Arc::clone(collector),
            clock: TestClock::new(),
            manners,
        };
        let guard = runtime.enter();
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        drop(guard);
        runtime.spawn(
            Server::builder()
                .add_service(ObservationServiceServer::new(service))
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        Self {
            runtime: Some(runtime),
            address,
        }
    }

    pub(crate) fn transport(&self, token: Option<&Token>) -> Arc<dyn Transport> {
        let target: Target = format!("grpc://{}", self.address).parse().unwrap();
        target.transport(token, None, TestClock::new()).unwrap()
    }
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

impl Drop for GrpcServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[tonic::async_trait]
impl ObservationService for Service {
    type ReportStream = Answers;

    async fn report(
        &self,
        request: Request<Streaming<v1::ReportRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let given = request.metadata().get("authorization");
        let given = given.map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(given.as_deref(), self.manners.token);
        let link = self.collector.connected();
        if let Some(status) = &self.manners.ends_with {
            return Err(status.clone());
        }
        let hello = hello(self.clock.now());
        let hello_after = self.manners.hello_after;
        let is_here = Arc::new(Mutex::new(false));
        let has_said_hello = Arc::clone(&is_here);
        let first = stream::once(async move {
            sleep(hello_after).await;
            *has_said_hello.lock().unwrap() = true;
            Ok(hello)
        });
        let confused = self
            .manners
            .is_confused
            .then(confusion)
            .into_iter()
            .flatten();
        let (collector, clock) = (Arc::clone(&self.collector), Arc::clone(&self.clock));
        let mut known = Known::default();
        let answers = request.into_inner().flat_map(move |message| {
            assert!(*is_here.lock().unwrap(), "something came before the hello");
            let message = message.unwrap().message.unwrap();
            let replies = receive(&collector, &mut known, link, message);
            let now = clock.now();
            stream::iter(replies.into_iter().map(move |it| answer(it, now)))
        });
        let answers = stream::iter(confused.map(Ok)).chain(first).chain(answers);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn report_batch(
        &self,
        _: Request<v1::ReportBatchRequest>,
    ) -> Result<Response<v1::ReportBatchResponse>, Status> {
        panic!("a sender holds a stream")
    }
}

fn receive(collector: &Collector, known: &mut Known, link: usize, message: Message) -> Vec<Reply> {
    match message {
        Message::Definitions(definitions) => {
            for definition in definitions.definitions {
                let endpoint = definition.endpoint.unwrap();
                known.define(definition.id, (&endpoint).try_into().unwrap());
            }
            Vec::new()
        }
        Message::Heartbeat(heartbeat) => {
            let heartbeat = Heartbeat::try_from(heartbeat).unwrap();
            collector.heartbeat(heartbeat.totals);
            Vec::new()
        }
        Message::Batch(batch) => {
            let batch = Batch::try_from(batch).unwrap();
            let (content, names) = known.read(&batch.columns);
            collector.receive(Delivery {
                nth: 0,
                link,
                repeats: 0,
                identity: batch.identity.unwrap(),
                content,
                names,
                at: Instant::now(),
                sent_at: batch.sent_at,
                clock_offset_us: batch.clock_offset_us,
                totals: batch.totals.unwrap(),
            })
        }
    }
}

fn answer(reply: Reply, now: Timestamp) -> Result<v1::ReportResponse, Status> {
    let message = match reply {
        Reply::Acknowledged {
            sequence,
            accepted,
            refused,
        } => {
            let refused = refused.into_iter();
            let ack = Acknowledgement {
                sequence,
                accepted,
                refused: refused.map(|index| (index, Refusal::Tokens)).collect(),
                received_at: now,
                sent_at: now,
                deduplicated: true,
            };
            Answer::Acknowledgement(ack.into())
        }
        Reply::Refused { sequence, refusal } => Answer::Refusal(refusal.message(sequence)),
        Reply::Break => return Err(Status::unavailable("going away")),
    };
    Ok(v1::ReportResponse {
        message: Some(message),
    })
}

fn hello(now: Timestamp) -> v1::ReportResponse {
    v1::ReportResponse {
        message: Some(Answer::Hello(v1::Hello {
            time_us: now.as_micros(),
            batch_observations_max: 10_000,
            message_bytes_max: 4 << 20,
        })),
    }
}

fn confusion() -> [v1::ReportResponse; 3] {
    let refusal = v1::BatchRefusal {
        sequence: u64::MAX,
        reason: 99,
        message: "\u{0}".repeat(5_000),
        retry_after_ms: Some(u32::MAX),
    };
    let ack = v1::Acknowledgement {
        sequence: 0,
        accepted: u32::MAX,
        refused: vec![v1::RefusedObservation {
            index: u32::MAX,
            code: 9_999,
            reason: String::new(),
        }],
        received_at_us: i64::MIN,
        sent_at_us: i64::MAX,
        deduplicated: false,
    };
    [
        None,
        Some(Answer::Refusal(refusal)),
        Some(Answer::Acknowledgement(ack)),
    ]
    .map(|message| v1::ReportResponse { message })
}
