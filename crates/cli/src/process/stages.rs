//! The stages of a process, wired over its log and store.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use prometheus_client::registry::Registry;
use sextant_aggregator::{Aggregator, AggregatorError};
use sextant_catalog::LiveCatalog;
use sextant_collector::{Collector, Instance};
use sextant_measure::id::AgentId;
use sextant_measure::time::Clock;
use sextant_server::Server;
use sextant_server::health::{self, Check, Health};
use sextant_server::hub::Hub;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use super::backends::Backends;
use super::exposition;
use super::grpc_health::GrpcHealth;
use super::owners::Owners;
use super::role::Role;
use crate::clock::SystemClock;
use crate::config::Config;

/// Everything that runs.
pub(super) struct Stages {
    backends: Backends,
    collector: Option<Arc<Collector>>,
    server: Option<Server>,
    owning: Option<JoinHandle<Result<(), AggregatorError>>>,
    health: Arc<Health>,
    grpc_health: GrpcHealth,
    stop: Stops,
    tasks: TaskTracker,
}

/// What tells each part to end.
#[derive(Default)]
struct Stops {
    collecting: CancellationToken,
    owning: CancellationToken,
    serving: CancellationToken,
}

/// What the stages are made from.
struct Parts<'p> {
    config: &'p Config,
    catalog: &'p LiveCatalog,
    instance: &'p str,
    backends: &'p Backends,
    clock: Arc<dyn Clock>,
}

impl Stages {
    /// Opens the log and the store, and starts the stages of the role.
    pub(super) async fn start(
        role: Role,
        config: &Config,
        catalog: &LiveCatalog,
        instance: &str,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let backends = Backends::open(role, config, instance, &clock).await?;
        let parts = Parts {
            config,
            catalog,
            instance,
            backends: &backends,
            clock: Arc::clone(&clock),
        };
        let (tasks, stop) = (TaskTracker::new(), Stops::default());
        let mut checks: Vec<Arc<dyn Check>> = Vec::new();
        let mut owning = None;
        if role.owns() {
            let aggregator = parts.aggregator(registry)?;
            checks.push(Arc::new(Owners::new(aggregator.pulse(), role)));
            owning = Some(tasks.spawn(aggregator.run(stop.owning.clone())));
        }
        let collector = role
            .collects()
            .then(|| parts.collector(registry, &stop.collecting))
            .transpose()?;
        let server = role
            .serves()
            .then(|| parts.server(registry, &tasks, &stop.serving))
            .transpose()?;
        backends.look_after(Arc::clone(&clock), registry, &tasks, &stop.serving);
        let health = match &server {
            Some(server) => server.health(checks),
            None => Arc::new(Health::new(checks, clock, config.server.tick_age_us_max())),
        };
        let grpc_health = GrpcHealth::new(Arc::clone(&health));
        grpc_health.follow(&tasks, &stop.serving);
        Ok(Self {
            backends,
            collector,
            server,
            owning,
            health,
            grpc_health,
            stop,
            tasks,
        })
    }

    /// All HTTP routes.
    pub(super) fn http(&self, registry: Registry) -> Router {
        let mut routes = exposition::router(registry);
        if let Some(collector) = &self.collector {
            routes = routes.merge(sextant_collector::http::router(collector));
        }
        match &self.server {
            Some(server) => routes.fallback_service(server.http(Arc::clone(&self.health))),
            None => routes.fallback_service(health::router(Arc::clone(&self.health))),
        }
    }

    /// All gRPC services, with health and reflection.
    pub(super) fn grpc(&self) -> anyhow::Result<Router> {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(sextant_wire::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .context("the protocol's descriptors")?;
        let mut routes = Routes::new(self.grpc_health.service()).add_service(reflection);
        if let Some(collector) = &self.collector {
            routes = routes.add_service(sextant_collector::grpc::service(collector));
        }
        if let Some(server) = &self.server {
            routes = routes.add_service(server.grpc());
        }
        Ok(routes.prepare().into_axum_router())
    }

    /// Where the present edition is found, if the process serves.
    pub(super) fn hub(&self) -> Option<&Arc<Hub>> {
        self.server.as_ref().map(Server::hub)
    }

    pub(super) fn grpc_health(&self) -> &GrpcHealth {
        &self.grpc_health
    }

    pub(super) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Waits until something fails for good, and says what.
    pub(super) async fn failed(&mut self) -> String {
        let refused = async {
            match &self.collector {
                Some(collector) => collector.failed().await.to_string(),
                None => std::future::pending().await,
            }
        };
        let owned = async {
            match &mut self.owning {
                Some(owning) => owning.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            reason = self.backends.stopped() => reason,
            error = refused => format!("the log refuses for good: {error}"),
            ended = owned => match ended {
                Ok(Ok(())) => "the aggregator ended by itself".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            },
        }
    }

    /// How collecting, owning, serving and keeping end, in this order.
    pub(super) fn into_ends(self) -> (End, End, End, End) {
        let Self {
            backends,
            collector,
            owning,
            stop,
            tasks,
            ..
        } = self;
        let Stops {
            collecting: stop_collecting,
            owning: stop_owning,
            serving: stop_serving,
        } = stop;
        let collecting: End = Box::pin(async move {
            stop_collecting.cancel();
            if let Some(collector) = collector {
                collector.drained().await;
            }
            Ok(())
        });
        let owning: End = Box::pin(async move {
            stop_owning.cancel();
            // One that had ended before told why already.
            if let Some(owning) = owning.filter(|owning| !owning.is_finished()) {
                owning.await??;
            }
            Ok(())
        });
        let serving: End = Box::pin(async move {
            stop_serving.cancel();
            Ok(())
        });
        let keeping: End = Box::pin(async move {
            tasks.close();
            tasks.wait().await;
            backends.close().await
        });
        (collecting, owning, serving, keeping)
    }
}

impl Parts<'_> {
    fn aggregator(&self, registry: &mut Registry) -> anyhow::Result<Aggregator> {
        let store = self.backends.store.as_ref();
        let dependencies = sextant_aggregator::Dependencies {
            log: Arc::clone(&self.backends.log),
            store: Arc::clone(store.context("an aggregator has a store")?),
            catalog: self.catalog.clone(),
            clock: Arc::clone(&self.clock),
            metrics: sextant_aggregator::Metrics::new(registry),
        };
        let (config, name) = (self.config.aggregator.clone(), self.instance.to_owned());
        Ok(Aggregator::new(dependencies, config, name))
    }

    fn collector(
        &self,
        registry: &mut Registry,
        stop: &CancellationToken,
    ) -> anyhow::Result<Arc<Collector>> {
        let name = AgentId::new(self.instance).context("the process' name")?;
        let epoch = rand::random();
        let wiring = sextant_collector::Wiring {
            log: Arc::clone(&self.backends.log),
            partitions: self.config.log.partitions,
            catalog: self.catalog.clone(),
            clock: Arc::clone(&self.clock),
            instance: Instance { name, epoch },
            shutdown: stop.clone(),
        };
        let counted = sextant_collector::Metrics::register(registry);
        Ok(Collector::new(
            self.config.collector.clone(),
            wiring,
            counted,
        ))
    }

    fn server(
        &self,
        registry: &mut Registry,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> anyhow::Result<Server> {
        let store = self.backends.store.as_ref();
        let wiring = sextant_server::Wiring {
            log: Arc::clone(&self.backends.log),
            store: Arc::clone(store.context("a server has a store")?),
            catalog: self.catalog.clone(),
            clock: Arc::clone(&self.clock),
            partitions: self.config.log.partitions,
            config: self.config.server.clone(),
            metrics: sextant_server::Metrics::register(registry, Arc::clone(&self.clock)),
        };
        Ok(Server::start(wiring, tasks, stop)?)
    }
}

/// The end of a part of the process.
pub(super) type End = std::pin::Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;
