//! A log, a store and a clock, and aggregators that come and go over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use prometheus_client::registry::Registry;
use sextant_aggregator::{Aggregator, AggregatorConfig, AggregatorError, Dependencies, Metrics};
use sextant_catalog::{Catalog, LiveCatalog};
use sextant_eventlog::{EventLog, Fetched, Offset, ReadLimit, Record};
use sextant_measure::id::{AgentId, EndpointId};
use sextant_measure::time::{Clock, Timestamp};
use sextant_snapshot::picture::{Limits, Picture};
use sextant_snapshot::row::EndpointRow;
use sextant_store::Store;
use sextant_store::sqlite::{SqliteOptions, SqliteStore};
use sextant_testkit::memory_log::MemoryLog;
use sextant_wire::batch::Totals;
use sextant_wire::part::{AgentReport, ObservationsRecord, Part};
use sextant_wire::topics::{DEAD_LETTERS, OBSERVATIONS, WINDOWS, topics};
use sextant_wire::windows::from_record;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// 2026-11-22 14:00:03 UTC.
const START_US: i64 = 1_795_356_003_000_000;

#[derive(Clone)]
pub(crate) struct ManualClock(Arc<AtomicI64>);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct Rig {
    pub(crate) clock: ManualClock,
    pub(crate) log: MemoryLog,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) config: AggregatorConfig,
    pub(crate) catalog: LiveCatalog,
    registry: Registry,
    metrics: Metrics,
    tasks: TaskTracker,
    running: Option<(JoinHandle<Result<(), AggregatorError>>, CancellationToken)>,
    _folder: TempDir,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path(), SqliteOptions::default()).unwrap();
        Self::with_store(Arc::new(store), folder).await
    }

    pub(crate) async fn with_store(store: Arc<dyn Store>, folder: TempDir) -> Self {
        let clock = ManualClock(Arc::new(AtomicI64::new(START_US)));
        let ticking = clock.clone();
        let log = MemoryLog::new(Arc::new(move || ticking.now().as_micros()));
        log.prepare(&topics(1, Duration::from_hours(2)))
            .await
            .unwrap();
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        let config = AggregatorConfig::default();
        Self {
            clock,
            log,
            store,
            config,
            catalog: LiveCatalog::new(Catalog::shipped().unwrap()),
            registry,
            metrics,
            tasks: TaskTracker::new(),
            running: None,
            _folder: folder,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn start(&mut self, name: &str) {
        let dependencies = Dependencies {
            log: Arc::new(self.log.clone()),
            store: Arc::clone(&self.store),
            catalog: self.catalog.clone(),
            clock: Arc::new(self.clock.clone()),
            metrics: self.metrics.clone(),
        };
        let stop = CancellationToken::new();
        let aggregator = Aggregator::new(dependencies, self.config.clone(), name.to_owned());
        self.running = Some((self.tasks.spawn(aggregator.run(stop.clone())), stop));
    }

    /// Ends the aggregator as SIGTERM does.
    pub(crate) async fn stop(&mut self) {
        let (task, stop) = self.running.take().unwrap();
        stop.cancel();
        task.await.unwrap().unwrap();
        self.log = self.log.reopen();
    }

    /// Waits for an aggregator that ends by itself.
    pub(crate) async fn ended(&mut self) -> Result<(), AggregatorError> {
        let (task, _stop) = self.running.take().unwrap();
        task.await.unwrap()
    }

    /// Ends the aggregator as kill -9 does: at the next place where it waits, and for good.
    pub(crate) async fn kill(&mut self) {
        let (task, _) = self.running.take().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        self.log = self.log.reopen();
    }

    /// Lets that many seconds pass, one by one.
    pub(crate) async fn pass(&self, seconds: i64) {
        for _ in 0..seconds {
            self.clock.0.fetch_add(1_000_000, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            // The store works on threads of its own, in real time.
            std::thread::sleep(Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
    }

    /// Moves the clock alone.
    pub(crate) fn skip(&self, seconds: i64) {
        self.clock
            .0
            .fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    pub(crate) async fn append(&self, part: Part) {
        self.append_bytes(ObservationsRecord::Part(Box::new(part)).encode())
            .await;
    }

    /// What a sender says of itself.
    pub(crate) async fn append_report(&self, n: u64) {
        let report = AgentReport {
            agent: AgentId::new(&format!("edge-{}", n % 7)).unwrap(),
            epoch: 1,
            received_at: self.now(),
            clock_offset_us: 0,
            totals: Totals {
                recorded: n,
                ..Totals::default()
            },
        };
        self.append_bytes(ObservationsRecord::Agent(report).encode())
            .await;
    }

    pub(crate) async fn append_bytes(&self, bytes: Bytes) {
        let record = Record::new("key", bytes);
        self.log
            .append(OBSERVATIONS, 0, vec![record])
            .await
            .unwrap();
    }

    /// Everything in a topic's first partition.
    pub(crate) async fn read(&self, topic: &str) -> Fetched {
        let limit = ReadLimit {
            records: usize::MAX,
            bytes: usize::MAX,
        };
        self.log
            .read(topic, 0, Offset(0), limit, Duration::ZERO)
            .await
            .unwrap()
    }

    pub(crate) async fn dead_letters(&self) -> Fetched {
        self.read(DEAD_LETTERS).await
    }

    /// What a server that reads the windows log from its start knows.
    pub(crate) async fn picture(&self) -> Picture {
        let mut picture = Picture::new(1, Limits::default()).unwrap();
        for stored in self.read(WINDOWS).await.records {
            picture.apply(from_record(0, &stored).unwrap());
        }
        picture
    }

    pub(crate) async fn row(&self, id: &EndpointId) -> EndpointRow {
        let picture = self.picture().await;
        EndpointRow::clone(picture.row(id).expect("the endpoint has a row"))
    }

    /// A metric's line.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find(|line| line.starts_with(name));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }
}
