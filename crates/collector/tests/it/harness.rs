//! A collector over a faulty log, and a server in front of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use sextant_catalog::{Catalog, LiveCatalog};
use sextant_collector::{Collector, Config, Instance, Metrics, Wiring};
use sextant_intake::metrics::Transport;
use sextant_intake::{Keeper as _, PeerKey};
use sextant_measure::id::AgentId;
use sextant_measure::time::{Clock, Timestamp};
use sextant_wire::answer::{Acknowledgement, BatchRefusal};
use sextant_wire::batch::Batch;
use sextant_wire::v1;
use sextant_wire::v1::observation_service_client::ObservationServiceClient;
use sextant_wire::v1::report_request::Message as Request;
use sextant_wire::v1::report_response::Message as Answer;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::{Channel, Server};
use tonic::{Status, Streaming};

use crate::faulty_log::FaultyLog;
use crate::sample::{definitions, directory};

pub(crate) const PARTITIONS: u32 = 4;
/// The collector's present, until it is changed.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Harness {
    pub(crate) collector: Collector,
    pub(crate) log: Arc<FaultyLog>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) shutdown: CancellationToken,
    registry: Mutex<Registry>,
    servers: TaskTracker,
}

pub(crate) struct ManualClock(AtomicI64);

/// A client's stream.
pub(crate) struct Conversation {
    pub(crate) requests: mpsc::Sender<v1::ReportRequest>,
    pub(crate) answers: Streaming<v1::ReportResponse>,
}

pub(crate) async fn collector() -> Harness {
    collector_with(Config::default()).await
}

pub(crate) async fn collector_with(config: Config) -> Harness {
    let log = FaultyLog::new().await;
    let clock = Arc::new(ManualClock(AtomicI64::new(NOW.as_micros())));
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let shutdown = CancellationToken::new();
    let wiring = Wiring {
        log: Arc::clone(&log) as Arc<_>,
        partitions: PARTITIONS,
        catalog: LiveCatalog::new(Catalog::shipped().unwrap()),
        clock: Arc::clone(&clock) as Arc<_>,
        instance: Instance {
            name: AgentId::new("collector-1").unwrap(),
            epoch: 99,
        },
        shutdown: shutdown.clone(),
    };
    Harness {
        collector: Collector::new(&config, wiring, metrics),
        log,
        clock,
        shutdown,
        registry: Mutex::new(registry),
        servers: TaskTracker::new(),
    }
}

impl Harness {
    /// Submits a batch whose ids are numbered definitions.
    pub(crate) async fn submit(&self, batch: Batch) -> Result<Acknowledgement, BatchRefusal> {
        self.submit_from(&PeerKey::Local, batch).await
    }

    pub(crate) async fn submit_from(
        &self,
        peer: &PeerKey,
        batch: Batch,
    ) -> Result<Acknowledgement, BatchRefusal> {
        let ids = batch.columns.endpoints().to_vec();
        let mut directory = directory(ids, self.collector.intake().keeper().rules());
        let submit =
            self.collector
                .intake()
                .submit(peer, Transport::GrpcUnary, batch, &mut directory);
        timeout(PATIENCE, submit).await.expect("an answer in time")
    }

    /// A client of a server of its own, on loopback.
    pub(crate) async fn client(&self) -> ObservationServiceClient<Channel> {
        let address = self.serve().await;
        ObservationServiceClient::connect(format!("http://{address}"))
            .await
            .unwrap()
    }

    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = sextant_intake::grpc::service(self.collector.intake());
        let server = Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener));
        self.servers.spawn(server);
        address
    }

    /// The value of a counter, or the sum over its labels. 0 if it has none.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        self.metric_where(name, "")
    }

    /// The sum of a counter over those lines that contain the label.
    pub(crate) fn metric_where(&self, name: &str, label: &str) -> u64 {
        let text = self.metrics_text();
        let name = format!("sextant_collector_{name}");
        let values = text.lines().filter_map(|line| {
            let (key, value) = line.rsplit_once(' ')?;
            let is_it = key == name || key.starts_with(&format!("{name}{{"));
            (is_it && key.contains(label)).then(|| value.parse::<u64>().unwrap())
        });
        values.sum()
    }

    pub(crate) fn metrics_text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry.lock().unwrap()).unwrap();
        text
    }
}

impl ManualClock {
    pub(crate) fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

impl Conversation {
    /// Opens a stream and hears the collector's hello.
    pub(crate) async fn open(client: &mut ObservationServiceClient<Channel>) -> (Self, v1::Hello) {
        let mut conversation = Self::try_open(client).await.unwrap();
        match conversation.answer().await {
            Answer::Hello(hello) => (conversation, hello),
            other => panic!("{other:?} came before the hello"),
        }
    }

    pub(crate) async fn try_open(
        client: &mut ObservationServiceClient<Channel>,
    ) -> Result<Self, Status> {
        let (requests, outgoing) = mpsc::channel(256);
        let answers = client.report(ReceiverStream::new(outgoing)).await?;
        Ok(Self {
            requests,
            answers: answers.into_inner(),
        })
    }

    pub(crate) async fn define(&self, ids: impl IntoIterator<Item = u32>) {
        let definitions = definitions(ids);
        self.say(Request::Definitions(v1::Definitions { definitions }))
            .await;
    }

    pub(crate) async fn send(&self, batch: Batch) {
        self.say(Request::Batch(batch.into())).await;
    }

    pub(crate) async fn say(&self, message: Request) {
        let message = Some(message);
        let request = v1::ReportRequest { message };
        self.requests.send(request).await.unwrap();
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let answer = self.next().await.expect("an answer and no error");
        answer
            .expect("an answer and no end")
            .message
            .expect("a message")
    }

    pub(crate) async fn acknowledged(&mut self) -> v1::Acknowledgement {
        match self.answer().await {
            Answer::Acknowledgement(acknowledgement) => acknowledgement,
            other => panic!("{other:?} is no acknowledgement"),
        }
    }

    pub(crate) async fn refused(&mut self) -> v1::BatchRefusal {
        match self.answer().await {
            Answer::Refusal(refusal) => refusal,
            other => panic!("{other:?} is no refusal"),
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Option<v1::ReportResponse>, Status> {
        let next = timeout(PATIENCE, self.answers.message()).await;
        next.expect("an answer in time")
    }

    /// Says that nothing more comes.
    pub(crate) fn half_close(self) -> Streaming<v1::ReportResponse> {
        self.answers
    }
}

/// Waits until something holds that other tasks bring about.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("waited in vain until {what}"));
}
