//! The stages, wired over the embedded log and store.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use prometheus_client::registry::Registry;
use sextant_aggregator::{Aggregator, AggregatorError, Pulse};
use sextant_catalog::LiveCatalog;
use sextant_collector::{Collector, Instance};
use sextant_eventlog::EventLog;
use sextant_eventlog::sqlite::{SqliteLog, SqliteOptions as LogOptions};
use sextant_measure::id::AgentId;
use sextant_measure::time::{Clock, Timestamp};
use sextant_server::Server;
use sextant_server::health::{Check, Health, LoopAge};
use sextant_server::hub::Hub;
use sextant_store::sqlite::{SqliteOptions as StoreOptions, SqliteStore};
use sextant_store::{Retention, Store};
use sextant_wire::topics::topics;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use super::exposition;
use super::grpc_health::GrpcHealth;
use super::upkeep::{self, Embedded};
use crate::clock::SystemClock;
use crate::config::{Config, StoreConfig};

/// The name under which this process owns partitions and identifies anonymous batches.
const NAME: &str = "standalone";

/// Everything that runs.
pub(super) struct Roles {
    log: Arc<SqliteLog>,
    store: Arc<SqliteStore>,
    collector: Arc<Collector>,
    server: Server,
    health: Arc<Health>,
    grpc_health: GrpcHealth,
    owning: JoinHandle<Result<(), AggregatorError>>,
    stop_collecting: CancellationToken,
    stop_owning: CancellationToken,
    stop_serving: CancellationToken,
    tasks: TaskTracker,
}

impl Roles {
    /// Opens the log and the store, and starts every stage.
    pub(super) async fn start(
        config: &Config,
        catalog: &LiveCatalog,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (log, store) = open(config, &clock).await?;
        let partitions = config.log.partitions;
        let shared: Arc<dyn EventLog> = Arc::clone(&log) as Arc<dyn EventLog>;
        let stored: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
        let tasks = TaskTracker::new();
        let [stop_collecting, stop_owning, stop_serving] =
            [(); 3].map(|()| CancellationToken::new());

        let aggregator = Aggregator::new(
            sextant_aggregator::Dependencies {
                log: Arc::clone(&shared),
                store: Arc::clone(&stored),
                catalog: catalog.clone(),
                clock: Arc::clone(&clock),
                metrics: sextant_aggregator::Metrics::new(registry),
            },
            config.aggregator.clone(),
            NAME.to_owned(),
        );
        let pulse: Arc<dyn Check> = Arc::new(Owners(aggregator.pulse()));
        let owning = tasks.spawn(aggregator.run(stop_owning.clone()));
        let collecting = sextant_collector::Wiring {
            log: Arc::clone(&shared),
            partitions,
            catalog: catalog.clone(),
            clock: Arc::clone(&clock),
            instance: instance()?,
            shutdown: stop_collecting.clone(),
        };
        let counted = sextant_collector::Metrics::register(registry);
        let collector = Collector::new(config.collector.clone(), collecting, counted);
        let server = Server::start(
            sextant_server::Wiring {
                log: shared,
                store: stored,
                catalog: catalog.clone(),
                clock: Arc::clone(&clock),
                partitions,
                config: config.server.clone(),
                metrics: sextant_server::Metrics::register(registry, Arc::clone(&clock)),
            },
            &tasks,
            &stop_serving,
        )?;
        let kept = Embedded::new(&log, Arc::clone(&store));
        upkeep::start(kept, clock, registry, &tasks, &stop_serving);
        let health = server.health(vec![pulse]);
        let grpc_health = GrpcHealth::new(Arc::clone(&health));
        grpc_health.follow(&tasks, &stop_serving);
        Ok(Self {
            log,
            store,
            collector,
            server,
            health,
            grpc_health,
            owning,
            stop_collecting,
            stop_owning,
            stop_serving,
            tasks,
        })
    }

    /// All HTTP routes.
    pub(super) fn http(&self, registry: Registry) -> Router {
        sextant_collector::http::router(&self.collector)
            .merge(exposition::router(registry))
            .fallback_service(self.server.http(Arc::clone(&self.health)))
    }

    /// All gRPC services, with health and reflection.
    pub(super) fn grpc(&self) -> anyhow::Result<Router> {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(sextant_wire::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .context("the protocol's descriptors")?;
        let routes = Routes::new(sextant_collector::grpc::service(&self.collector))
            .add_service(self.server.grpc())
            .add_service(self.grpc_health.service())
            .add_service(reflection);
        Ok(routes.prepare().into_axum_router())
    }

    pub(super) fn hub(&self) -> &Arc<Hub> {
        self.server.hub()
    }

    pub(super) fn grpc_health(&self) -> &GrpcHealth {
        &self.grpc_health
    }

    pub(super) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Waits until something fails for good, and says what.
    pub(super) async fn failed(&mut self) -> String {
        tokio::select! {
            reason = self.log.stopped() => format!("the log has stopped: {reason}"),
            reason = self.store.stopped() => format!("the store has stopped: {reason}"),
            error = self.collector.failed() => format!("the log refuses for good: {error}"),
            ended = &mut self.owning => match ended {
                Ok(Ok(())) => "the aggregator ended by itself".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            },
        }
    }

    /// How collecting, owning, serving and keeping end, in this order.
    pub(super) fn into_ends(self) -> (End, End, End, End) {
        let Self {
            collector,
            log,
            owning,
            tasks,
            ..
        } = self;
        let [collecting, stop_owning, serving] =
            [self.stop_collecting, self.stop_owning, self.stop_serving];
        let collecting: End = Box::pin(async move {
            collecting.cancel();
            collector.drained().await;
            Ok(())
        });
        let owning: End = Box::pin(async move {
            stop_owning.cancel();
            // One that had ended before told why already.
            if !owning.is_finished() {
                owning.await??;
            }
            Ok(())
        });
        let serving: End = Box::pin(async move {
            serving.cancel();
            Ok(())
        });
        let keeping: End = Box::pin(async move {
            tasks.close();
            tasks.wait().await;
            Ok(log.close().await?)
        });
        (collecting, owning, serving, keeping)
    }
}

/// The end of a part of the process.
pub(super) type End = std::pin::Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// The log with its topics, and the store.
async fn open(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<(Arc<SqliteLog>, Arc<SqliteStore>)> {
    let folder = &config.standalone.data_dir;
    let ticking = Arc::clone(clock);
    let now = Arc::new(move || ticking.now().as_micros());
    let log = SqliteLog::open(folder.join("log"), LogOptions::default(), now)
        .with_context(|| format!("cannot open the log in {}", folder.display()))?;
    let topics = topics(config.log.partitions, config.log.retention());
    let prepared = log.prepare(&topics).await;
    prepared.context("cannot prepare the log's topics")?;
    let options = StoreOptions {
        retention: retention(&config.store),
        ..StoreOptions::default()
    };
    let store = SqliteStore::open(folder.join("store"), options)
        .with_context(|| format!("cannot open the store in {}", folder.display()))?;
    Ok((Arc::new(log), Arc::new(store)))
}

/// How this process identifies anonymous batches.
fn instance() -> anyhow::Result<Instance> {
    let name = AgentId::new(NAME).context("the process' name")?;
    Ok(Instance {
        name,
        epoch: rand::random(),
    })
}

fn retention(config: &StoreConfig) -> Retention {
    Retention {
        minutes_days: config.minutes_retention_days,
        windows_days: config.windows_retention_days,
        agents_days: config.agents_retention_days,
    }
}

/// The owners of partitions, as health sees them.
struct Owners(Arc<Pulse>);

impl Check for Owners {
    fn loops(&self, _: Timestamp) -> Vec<LoopAge> {
        let beats = self.0.beats().into_iter();
        let age = beats.map(|(partition, beat)| LoopAge {
            name: format!("owner of partition {partition}"),
            age_us: i64::try_from(beat.at.elapsed().as_micros()).unwrap_or(i64::MAX),
        });
        age.collect()
    }

    fn missing(&self, _: Timestamp) -> Vec<String> {
        // The server says which partitions are not whole yet, from what their owners publish.
        Vec::new()
    }
}
