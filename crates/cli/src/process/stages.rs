//! The stages of a process, wired over its log and store.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use prometheus_client::registry::Registry;
use sextant_agent::Agent;
use sextant_aggregator::AggregatorError;
use sextant_collector::Collector;
use sextant_otlp::Receiver;
use sextant_server::Server;
use sextant_server::health::{self, Check, Health};
use sextant_server::hub::Hub;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use super::agent::{self, SpoolCheck};
use super::alerting;
use super::archiving::Archiving;
use super::backends::Backends;
use super::exposition::{self, Shared};
use super::grpc_health::GrpcHealth;
use super::owners::Owners;
use super::parts::{Parts, sink};
use super::role::Role;
use crate::refused;

/// How long an agent that ends still sends. What it doesn't get rid of stays in its spool.
const SEND_ON_MAX: Duration = Duration::from_secs(2);

/// Everything that runs.
pub(super) struct Stages {
    role: Role,
    /// None for an agent.
    backends: Option<Backends>,
    agent: Option<Agent>,
    collector: Option<Collector>,
    spans: Option<Arc<Receiver>>,
    server: Option<Server>,
    owning: Option<JoinHandle<Result<(), AggregatorError>>>,
    archiving: Option<Archiving>,
    health: Arc<Health>,
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

impl Stages {
    /// Starts the stages of the role, over its log and store.
    pub(super) fn start(
        parts: &Parts<'_>,
        backends: Option<Backends>,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let (tasks, stop) = (TaskTracker::new(), Stops::default());
        let (role, clock) = (parts.role, Arc::clone(&parts.clock));
        let mut checks: Vec<Arc<dyn Check>> = Vec::new();
        let mut owning = None;
        let agent = role
            .is_agent()
            .then(|| agent::start(parts, registry, &stop.collecting))
            .transpose()?;
        if let Some(agent) = &agent {
            checks.push(Arc::new(SpoolCheck(agent.spool().clone())));
        }
        if let Some(backends) = backends.as_ref().filter(|_| role.owns()) {
            let aggregator = parts.aggregator(backends, registry)?;
            checks.push(Arc::new(Owners::new(aggregator.pulse(), role)));
            owning = Some(tasks.spawn(aggregator.run(stop.owning.clone())));
        }
        let archiving = Archiving::start(parts, backends.as_ref(), registry, &tasks)?;
        checks.extend(archiving.as_ref().map(|it| it.check(role)));
        let collected = backends.as_ref().filter(|_| role.collects());
        let collector = collected
            .map(|backends| parts.collector(backends, registry, &stop.collecting))
            .transpose()?;
        let taken_by_agent = agent.as_ref().map(|it| sink(it.intake()));
        let taken = taken_by_agent.or_else(|| collector.as_ref().map(|it| sink(it.intake())));
        let spans = taken.map(|sink| parts.spans(sink, registry, &tasks, &stop.collecting));
        let seen = backends.as_ref().filter(|_| role.sees());
        let server = seen
            .map(|backends| parts.server(backends, registry, &tasks, &stop.serving))
            .transpose()?;
        checks.extend(alerting::start(
            parts,
            backends.as_ref(),
            server.as_ref(),
            registry,
            &tasks,
            &stop.serving,
        )?);
        if let Some(backends) = &backends {
            backends.look_after(Arc::clone(&clock), registry, &tasks, &stop.serving);
        }
        let health = match &server {
            Some(server) => server.health(checks),
            None => Arc::new(parts.health(checks)),
        };
        Ok(Self {
            role,
            backends,
            agent,
            collector,
            spans,
            server,
            owning,
            archiving,
            health,
            stop,
            tasks,
        })
    }

    /// Tells gRPC clients of the stages' health from here on.
    pub(super) fn tell(&self, grpc_health: &GrpcHealth) {
        grpc_health.follow(&self.health, &self.tasks, &self.stop.serving);
    }

    /// All HTTP routes.
    pub(super) fn http(&self, registry: &Shared) -> Router {
        let mut routes = exposition::router(registry);
        if let Some(agent) = &self.agent {
            routes = routes.merge(sextant_intake::http::router(agent.intake()));
        }
        if let Some(collector) = &self.collector {
            routes = routes.merge(sextant_intake::http::router(collector.intake()));
        }
        if let Some(spans) = &self.spans {
            routes = routes.merge(sextant_otlp::http::router(spans));
        }
        match self.serving() {
            Some(server) => routes.fallback_service(server.http(Arc::clone(&self.health))),
            None => routes.fallback_service(health::router(Arc::clone(&self.health))),
        }
    }

    /// All gRPC services, with health and reflection.
    pub(super) fn grpc(&self, health: &GrpcHealth) -> anyhow::Result<Router> {
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(sextant_wire::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .context("the protocol's descriptors")?;
        let mut routes = Routes::new(health.service()).add_service(reflection);
        if let Some(agent) = &self.agent {
            routes = routes.add_service(sextant_intake::grpc::service(agent.intake()));
        }
        if let Some(collector) = &self.collector {
            routes = routes.add_service(sextant_intake::grpc::service(collector.intake()));
        }
        if let Some(spans) = &self.spans {
            routes = routes.add_service(sextant_otlp::grpc::service(spans));
        }
        if let Some(server) = self.serving() {
            routes = routes
                .add_service(server.grpc())
                .add_service(server.gates());
        }
        Ok(routes
            .prepare()
            .into_axum_router()
            .fallback(refused::no_such_call))
    }

    /// Where the present edition is found, if the process serves.
    pub(super) fn hub(&self) -> Option<&Arc<Hub>> {
        self.serving().map(Server::hub)
    }

    /// What others may ask. A process that only looks at all windows answers nobody.
    fn serving(&self) -> Option<&Server> {
        self.server.as_ref().filter(|_| self.role.serves())
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
        let agent = async {
            match &self.agent {
                Some(agent) => agent.failed().await,
                None => std::future::pending().await,
            }
        };
        let owned = async {
            match &mut self.owning {
                Some(owning) => owning.await,
                None => std::future::pending().await,
            }
        };
        let archived = async {
            match &mut self.archiving {
                Some(archiving) => archiving.failed().await,
                None => std::future::pending().await,
            }
        };
        let stopped = async {
            match &self.backends {
                Some(backends) => backends.stopped().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            reason = stopped => reason,
            error = refused => format!("the log refuses for good: {error}"),
            reason = agent => reason.to_owned(),
            reason = archived => reason,
            ended = owned => match ended {
                Ok(Ok(())) => "the aggregator ended by itself".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            },
        }
    }

    /// How each part ends.
    pub(super) fn into_ends(self) -> Ends {
        let Self {
            backends,
            agent,
            collector,
            owning,
            archiving,
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
            if let Some(agent) = agent {
                agent.finish(SEND_ON_MAX).await;
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
            match backends {
                Some(backends) => backends.close().await,
                None => Ok(()),
            }
        });
        Ends {
            collecting,
            owning,
            archiving: Archiving::into_end(archiving),
            serving,
            keeping,
        }
    }
}

/// The ends of all parts.
pub(super) struct Ends {
    pub(super) collecting: End,
    pub(super) owning: End,
    pub(super) archiving: End,
    pub(super) serving: End,
    pub(super) keeping: End,
}

/// The end of a part of the process.
pub(super) type End = std::pin::Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;
