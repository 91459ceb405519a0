//! A log, a store and a clock, and archives that come and go over them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use prometheus_client::registry::Registry;
use sextant_archive::{Archive, ArchiveConfig, ArchiveError, Dependencies, Metrics};
use sextant_eventlog::{EventLog, Position, Record};
use sextant_measure::id::{AgentId, EndpointId, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::observation::{Measurement, Tier};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_testkit::memory_log::MemoryLog;
use sextant_wire::columns::{Columns, ColumnsBuilder, Row};
use sextant_wire::identity::Identity;
use sextant_wire::part::{ObservationsRecord, Part};
use sextant_wire::topics::{ARCHIVES, OBSERVATIONS, topics};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::shelf::Shelf;

/// 2026-11-22 14:00:03 UTC.
const START_US: i64 = 1_795_356_003_000_000;

pub(crate) struct Rig {
    now_us: Arc<AtomicI64>,
    pub(crate) log: MemoryLog,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) config: ArchiveConfig,
    registry: Registry,
    metrics: Metrics,
    tasks: TaskTracker,
    running: Option<(JoinHandle<Result<(), ArchiveError>>, CancellationToken)>,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let now_us = Arc::new(AtomicI64::new(START_US));
        let ticking = Arc::clone(&now_us);
        let log = MemoryLog::new(Arc::new(move || ticking.load(Ordering::SeqCst)));
        let topics = topics(1, Duration::from_hours(2));
        log.prepare(&topics).await.unwrap();
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        Self {
            now_us,
            log,
            shelf: Arc::default(),
            config: ArchiveConfig {
                enabled: true,
                observations_per_second_max: NonZeroU32::new(1_000_000).unwrap(),
                write_interval_ms: 1_000,
                senders_max: 1_000,
                read_bytes_max: 10_000,
            },
            registry,
            metrics,
            tasks: TaskTracker::new(),
            running: None,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now_us.load(Ordering::SeqCst))
    }

    /// Moves the log's clock.
    pub(crate) fn skip_us(&self, micros: i64) {
        self.now_us.fetch_add(micros, Ordering::SeqCst);
    }

    pub(crate) fn start(&mut self) {
        let dependencies = Dependencies {
            log: Arc::new(self.log.clone()),
            store: Arc::<Shelf>::clone(&self.shelf),
            age_minutes: 24 * 60,
            metrics: self.metrics.clone(),
        };
        let stop = CancellationToken::new();
        let archive = Archive::new(dependencies, self.config.clone());
        self.running = Some((self.tasks.spawn(archive.run(stop.clone())), stop));
    }

    /// Ends the archive as SIGTERM does.
    pub(crate) async fn stop(&mut self) {
        let (task, stop) = self.running.take().unwrap();
        stop.cancel();
        task.await.unwrap().unwrap();
        self.log = self.log.reopen();
    }

    /// Waits for an archive that ends by itself.
    pub(crate) async fn ended(&mut self) -> Result<(), ArchiveError> {
        let (task, _stop) = self.running.take().unwrap();
        task.await.unwrap()
    }

    /// Ends the archive as kill -9 does: at the next place where it waits, and for good.
    pub(crate) async fn kill(&mut self) {
        let (task, _) = self.running.take().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        self.log = self.log.reopen();
    }

    pub(crate) async fn append(&self, part: Part) {
        let value = ObservationsRecord::Part(Box::new(part)).encode();
        self.append_record(Record::new("key", value)).await;
    }

    pub(crate) async fn append_record(&self, record: Record) {
        let appending = self.log.append(OBSERVATIONS, 0, vec![record]);
        appending.await.unwrap();
    }

    /// Waits until everything is written and committed.
    pub(crate) async fn settle(&self) {
        for _ in 0..1_000 {
            let bounds = self.log.bounds(OBSERVATIONS, 0).await.unwrap();
            let committed = self.committed().await.map(|position| position.offset);
            if committed == Some(bounds.high_watermark) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the archive does not come to the log's end");
    }

    pub(crate) async fn committed(&self) -> Option<Position> {
        let committed = self.log.committed(ARCHIVES, OBSERVATIONS, 0).await;
        committed.unwrap()
    }

    /// A metric's value; of one with labels give them too.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find(|line| line.starts_with(name));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    pub(crate) fn dropped(&self, reason: &str) -> u64 {
        self.metric(&format!(
            "sextant_archive_dropped_observations_total{{reason=\"{reason}\"}}"
        ))
    }

    /// received = sent + dropped.
    pub(crate) fn assert_balanced(&self) {
        let reasons = sextant_archive::Dropped::ALL;
        let dropped: u64 = reasons.iter().map(|it| self.dropped(it.name())).sum();
        let sent = self.metric("sextant_archive_sent_observations_total");
        let received = self.metric("sextant_archive_received_observations_total");
        assert_eq!(received, sent + dropped);
    }
}

pub(crate) fn series(region: &str) -> SeriesId {
    SeriesId {
        endpoint: EndpointId {
            model: ModelId::new("meta-llama/llama-4-scout").unwrap(),
            provider: ProviderId::new("deepinfra").unwrap(),
            quantization: Quantization::Fp8,
        },
        region: Region::new(region).unwrap(),
    }
}

/// The `n`th attempt: mostly good, each with values of its own.
pub(crate) fn attempt(n: u32, completed_at: Timestamp) -> Measurement {
    let outcome = match n % 20 {
        7 => Outcome::RateLimited,
        13 => Outcome::Timeout,
        19 => Outcome::ClientCancelled,
        _ => Outcome::Ok,
    };
    let ttft_us = 150_000 + u64::from(n) * 7_919 % 90_000;
    Measurement {
        completed_at,
        outcome,
        source: if n % 5 == 4 {
            Source::Probe
        } else {
            Source::Live
        },
        streamed: !n.is_multiple_of(3),
        ttft_us: (outcome == Outcome::Ok && !n.is_multiple_of(3)).then_some(ttft_us),
        duration_us: Some(ttft_us + 700_000),
        input_tokens: Some(550 + n),
        output_tokens: (outcome == Outcome::Ok).then_some(150),
        status_code: (outcome == Outcome::RateLimited).then_some(429),
        attempt: 1 + n % 2,
        is_final: n % 2 == 1,
    }
}

/// Attempts in two regions in turn, some with names for people.
pub(crate) fn columns(measurements: &[Measurement]) -> Columns {
    let mut columns = ColumnsBuilder::default();
    for (n, measurement) in (0_u32..).zip(measurements) {
        columns.push(&Row {
            endpoint: n % 2,
            measurement: *measurement,
            tier: (n % 2 == 0).then_some(Tier::Batch),
            operation: (n % 3 == 0).then_some("summarize"),
            request_id: (n % 4 == 0).then_some("request"),
        });
    }
    columns.finish()
}

/// A part whose content hash is as good as its sequence, unless told otherwise.
pub(crate) fn part(sequence: u64, measurements: &[Measurement]) -> Part {
    Part {
        identity: Identity {
            agent: AgentId::new("edge-1").unwrap(),
            epoch: 1,
            sequence,
        },
        anonymous: false,
        content_hash: sequence,
        received_at: Timestamp::from_micros(START_US),
        early: 0,
        series: vec![series("eu"), series("us")],
        columns: columns(measurements),
    }
}

/// A batch of so many attempts that have just completed.
pub(crate) fn batch(rig: &Rig, sequence: u64, attempts: u32) -> Part {
    let measurements: Vec<_> = (0..attempts)
        .map(|n| attempt(n, rig.now().plus_micros(-i64::from(n))))
        .collect();
    part(sequence, &measurements)
}
