//! A server and what it stands on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::Value;
use sextant_catalog::{Catalog, LiveCatalog};
use sextant_eventlog::{Cleanup, EventLog, TopicSpec};
use sextant_measure::time::{Clock, Timestamp};
use sextant_server::grpc::{GateService, SnapshotService};
use sextant_server::health::{Check, Health};
use sextant_server::{Config, Metrics, Server, Wiring};
use sextant_snapshot::record::{Entry, OwnerState, Progress};
use sextant_testkit::memory_log::MemoryLog;
use sextant_testkit::openapi::{Answered, Asked, served};
use sextant_wire::topics::{GATES, WINDOWS};
use sextant_wire::v1::snapshot_service_client::SnapshotServiceClient;
use sextant_wire::windows::{Writer, to_record};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::cut::Cut;
use crate::store::Shelf;

pub(crate) const LOG_ID: u64 = 0xfeed;
/// 2026-11-22T14:29:58Z.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_795_357_798_000_000);
/// Longer than a server needs for anything, on a paused clock.
const WHILE: Duration = Duration::from_secs(3);

/// Documented routes of other parts of a process.
const OF_OTHERS: [&str; 3] = ["/api/v1/observations", "/v1/traces", "/metrics"];

/// Where pages and what belongs to them begin: no document has them.
const PAGES: [&str; 5] = ["/?", "/models/", "/providers", "/operations", "/assets/"];

pub(crate) struct ManualClock(AtomicI64);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Made by [`Rig::new`]; the log outlives its servers.
pub(crate) struct Rig {
    pub(crate) log: Arc<Cut>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<Shelf>,
    pub(crate) partitions: u32,
    pub(crate) config: Config,
    pub(crate) catalog: LiveCatalog,
    pub(crate) checks: Vec<Arc<dyn Check>>,
    epochs: BTreeMap<u32, u64>,
}

/// A server that runs.
pub(crate) struct Running {
    pub(crate) router: Router,
    pub(crate) grpc: SnapshotService,
    pub(crate) gates: GateService,
    pub(crate) health: Arc<Health>,
    pub(crate) stop: CancellationToken,
    tracker: TaskTracker,
    registry: Registry,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Rig {
    pub(crate) async fn new(partitions: u32) -> Self {
        let clock = Arc::new(ManualClock(AtomicI64::new(NOW.as_micros())));
        let told = Arc::clone(&clock);
        let log = MemoryLog::new(Arc::new(move || told.now().as_micros()));
        let topic = |name: &str, partitions| TopicSpec {
            name: name.to_owned(),
            partitions,
            cleanup: Cleanup::Compact {
                tombstone_retention: Duration::from_hours(1),
            },
        };
        let topics = [topic(WINDOWS, partitions), topic(GATES, 1)];
        log.prepare(&topics).await.unwrap();
        Self {
            log: Arc::new(Cut::new(log)),
            clock,
            store: Arc::default(),
            partitions,
            config: Config::default(),
            catalog: LiveCatalog::new(Catalog::shipped().unwrap()),
            checks: Vec::new(),
            epochs: BTreeMap::new(),
        }
    }

    /// Another one on the same logs and clock, with a connection and a catalog of its own.
    pub(crate) fn beside(&self) -> Self {
        Self {
            log: Arc::new(Cut::new(self.log.log.clone())),
            clock: Arc::clone(&self.clock),
            store: Arc::clone(&self.store),
            partitions: self.partitions,
            config: self.config.clone(),
            catalog: LiveCatalog::new((*self.catalog.get()).clone()),
            checks: Vec::new(),
            epochs: self.epochs.clone(),
        }
    }

    /// One partition, whole, with these rows; and a server that has read them.
    pub(crate) async fn with(rows: impl IntoIterator<Item = Entry>) -> (Self, Running) {
        let mut rig = Self::new(1).await;
        rig.claim(0).await;
        for row in rows {
            rig.append(0, row).await;
        }
        rig.append(0, progress(OwnerState::Whole)).await;
        let running = rig.serve().await;
        (rig, running)
    }

    /// Appends the claim under which all later records of the partition are written.
    pub(crate) async fn claim(&mut self, partition: u32) {
        let owner = "owner".to_owned();
        let record = to_record(&Entry::Claim { owner }, writer(None));
        let appended = self.log.append(WINDOWS, partition, vec![record]).await;
        self.epochs.insert(partition, appended.unwrap().first.0);
    }

    pub(crate) async fn append(&self, partition: u32, entry: Entry) {
        let record = to_record(&entry, writer(Some(self.epochs[&partition])));
        self.log
            .append(WINDOWS, partition, vec![record])
            .await
            .unwrap();
    }

    /// A server that has had the time to read everything.
    pub(crate) async fn serve(&self) -> Running {
        let running = self.start();
        settle().await;
        running
    }

    pub(crate) fn start(&self) -> Running {
        let mut registry = Registry::default();
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let metrics = Metrics::register(&mut registry, Arc::clone(&clock));
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let wiring = Wiring {
            log: Arc::clone(&self.log) as Arc<_>,
            store: Arc::clone(&self.store) as Arc<_>,
            catalog: self.catalog.clone(),
            clock,
            partitions: self.partitions,
            config: self.config.clone(),
            metrics,
        };
        let server = Server::start(wiring, &tracker, &stop).unwrap();
        server.expose(&mut registry);
        let health = server.health(self.checks.clone());
        Running {
            router: server.http(Arc::clone(&health)),
            grpc: server.grpc(),
            gates: server.gates(),
            health,
            stop,
            tracker,
            registry,
        }
    }

    /// Moves the clock on, and gives the server the time to act on what has been appended.
    pub(crate) async fn pass(&self, time: Duration) {
        self.wind(time);
        settle().await;
    }

    /// Moves the clock on, and lets nobody act.
    pub(crate) fn wind(&self, time: Duration) {
        let us = i64::try_from(time.as_micros()).unwrap();
        self.clock.0.fetch_add(us, Ordering::SeqCst);
    }
}

impl Running {
    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.ask(Request::get(uri).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn get_with(&self, uri: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(Body::empty()).unwrap()).await
    }

    /// Asks, and holds the answer to the document.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let (method, uri) = (request.method().clone(), request.uri().to_string());
        let answer = Answer::of(self.router.clone().oneshot(request).await.unwrap()).await;
        answer.check(method.as_str(), &uri);
        answer
    }

    /// The JSON of an answer that is 200.
    pub(crate) async fn json(&self, uri: &str) -> Value {
        let answer = self.get(uri).await;
        assert_eq!(answer.status, 200, "{uri}: {}", answer.text());
        answer.json()
    }

    pub(crate) fn client(&self) -> SnapshotServiceClient<SnapshotService> {
        SnapshotServiceClient::new(self.grpc.clone())
    }

    /// All metrics, as they are read.
    pub(crate) fn metrics(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        text
    }

    /// A value of the metrics, by the beginning of its line.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.metrics();
        let line = text.lines().find(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(' '))
        })?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Runs beside the server's own tasks.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task);
    }

    /// Stops the server and waits for every one of its tasks.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Answer {
    /// Reads an answer to its end.
    pub(crate) async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().into(),
        }
    }

    /// Holds it to the document, as far as the server alone has it.
    pub(crate) fn check(&self, method: &str, uri: &str) {
        if uri == "/" || PAGES.iter().any(|page| uri.starts_with(page)) {
            return;
        }
        let path = served().path_of(uri);
        let is_others = path.is_some_and(|path| OF_OTHERS.contains(&path));
        // Coded bytes are compared with the plain ones where that is tested.
        if is_others || self.header("content-encoding").is_some() {
            return;
        }
        let answered = Answered {
            status: self.status.as_u16(),
            headers: &self.headers,
            body: &self.body,
        };
        let checked = served().check(Asked { method, uri }, answered);
        checked.unwrap_or_else(|error| panic!("{error}"));
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Checks that this is a problem of RFC 9457 with the status, and gives it.
    pub(crate) fn problem(&self, status: u16) -> Value {
        let text = self.text();
        assert_eq!(self.status, status, "{text}");
        let content_type = self.header("content-type");
        assert_eq!(content_type, Some("application/problem+json"), "{text}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{text}");
        assert!(problem["title"].is_string(), "{text}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.len() > 10, "{text}");
        problem
    }
}

fn writer(epoch: Option<u64>) -> Writer {
    Writer {
        epoch,
        log_id: LOG_ID,
    }
}

pub(crate) async fn settle() {
    tokio::time::sleep(WHILE).await;
}

pub(crate) fn progress(state: OwnerState) -> Entry {
    Entry::Progress(Progress {
        state,
        position_at: NOW,
        at: NOW,
    })
}
