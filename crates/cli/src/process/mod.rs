//! A process of any role: its settings, its stages over a log and a store, and where it is reached.
//!
//! - [`role`] says which stages; [`stages`] wires them, of [`parts`], over the [`backends`];
//!   `spans` lays OTLP over what takes batches in.
//! - [`opening`] is what is served before those are there.
//! - [`archiving`] is the archive's part, [`alerting`] that of alerts.
//! - [`embedded`] looks after a log and a store of the process' own; `fleet` reaches shared ones.
//! - `panics`: what answers for a handler that came to grief.
//! - [`exposition`] serves `/metrics`, with how the process stands in [`standing`]; [`grpc_health`]
//!   and [`owners`] are health; [`reload`] is what can change while it runs; [`probing`] asks
//!   providers; [`demonstration`] is `--demo`.

mod agent;
mod alerting;
mod archiving;
mod backends;
mod demonstration;
mod embedded;
mod exposition;
mod figures;
#[cfg(feature = "fleet")]
mod fleet;
mod grpc_health;
mod opening;
mod own_sight;
mod owners;
mod panics;
mod parts;
mod probing;
mod reload;
mod role;
mod spans;
mod stages;
mod standing;

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use prometheus_client::registry::Registry;
use sextant_catalog::LiveCatalog;
use sextant_measure::time::Clock as _;
use sextant_server::health::Check;
use tokio_util::sync::CancellationToken;

use crate::access::Guard;
use crate::args::RoleArgs;
use crate::clock::SystemClock;
use crate::config::{Config, Flag, Problems, Settings};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::listen::{self, Bound, Limits, Listening, Protocol};
use crate::output;
use crate::shutdown::{Shutdown, Signals, Told};
use crate::telemetry::{self, LiveFilter};

use self::backends::Backends;
use self::demonstration::{Demonstration, Shown};
use self::exposition::Shared;
use self::grpc_health::GrpcHealth;
use self::opening::{Door, Opening};
use self::panics::Panics;
use self::parts::Parts;
use self::probing::Probing;
use self::reload::{Counted, Reload};
use self::stages::{Ends, Stages};
use self::standing::Standing;

#[cfg(feature = "fleet")]
pub(crate) use self::backends::retention;
pub(crate) use self::role::Role;

/// How often a process that starts looks whether it is ready.
const READY_POLL: Duration = Duration::from_millis(20);

/// What a process is to do.
#[derive(Clone, Copy)]
pub(crate) struct Job<'j> {
    pub(crate) role: Role,
    pub(crate) args: &'j RoleArgs,
    /// Settings that only this role has as arguments.
    pub(crate) flags: &'j [Flag],
    /// Whether to simulate agents.
    pub(crate) demo: bool,
}

/// Runs until it is told to end, or until the log fails for good.
pub(crate) async fn run(job: Job<'_>, environment: &Environment) -> Result<(), Failure> {
    let settings = job.settings(environment)?;
    let (filter, sparing) = telemetry::start(&settings.config.telemetry, environment)?;
    sparing
        .beside(work(job, environment, &settings, filter))
        .await
}

async fn work(
    job: Job<'_>,
    environment: &Environment,
    settings: &Settings,
    filter: LiveFilter,
) -> Result<(), Failure> {
    let mut signals = Signals::install()?;
    let mut registry = Registry::default();
    let reload = Reload {
        job,
        environment,
        started: settings,
        guard: Guard::new(settings.access.clone(), &mut registry),
        catalog: LiveCatalog::new(settings.catalog.clone()),
        filter,
        counted: Counted::register(&mut registry),
    };
    let mut process = tokio::select! {
        // What it needs may be long in coming.
        () = told_to_end(&reload, &mut signals) => return Ok(()),
        process = Process::start(&reload, registry) => process?,
    };
    let ended = process.work(&reload, &mut signals).await;
    let shut = process.shutdown(settings.config.shutdown.deadline());
    let shut = shut.run(&mut signals).await.in_order();
    ended.context("the process cannot go on")?;
    Ok(shut?)
}

impl Job<'_> {
    /// The settings as they stand now, in all their layers.
    fn settings(&self, environment: &Environment) -> Result<Settings, Problems> {
        let file = self.args.config.path(environment);
        let flags = self
            .args
            .flags()
            .chain(self.flags.iter().cloned())
            .collect();
        let (engines, variables) = (self.role.engines(), &environment.variables);
        Settings::load_for(engines, file.as_deref(), variables, flags)
    }

    /// What this process is called among those of its role.
    fn instance<'s>(&self, config: &'s Config, environment: &'s Environment) -> &'s str {
        let named = config.process.instance.as_deref();
        let host = environment.host.as_deref();
        let alone = self.role.is_alone().then_some(self.role.name());
        named.or(alone).or(host).unwrap_or(self.role.name())
    }
}

/// Everything that runs, and where it is reached.
struct Process {
    stages: Stages,
    grpc_health: GrpcHealth,
    http: Served,
    grpc: Served,
    stop_demo: CancellationToken,
    demo: Option<Shown>,
    probing: Option<Probing>,
    registry: Shared,
}

/// An address that is served.
struct Served {
    address: SocketAddr,
    announcement: String,
    listening: Listening,
}

impl Process {
    async fn start(reload: &Reload<'_>, mut registry: Registry) -> anyhow::Result<Self> {
        let config = &reload.started.config;
        // Both addresses are taken before anything is opened, so that a mistake changes nothing.
        let http = Bound::to(Protocol::Http, config.http.listen).await?;
        let grpc = Bound::to(Protocol::Grpc, config.grpc.listen).await?;
        let counted = listen::Metrics::register(&mut registry);
        let panics = Panics::register(&mut registry);
        let (clock, role) = (Arc::new(SystemClock), reload.job.role);
        let standing = Standing::register(&mut registry, role, clock.now());
        let registry = Arc::new(RwLock::new(registry));
        let parts = Parts {
            role,
            config,
            catalog: &reload.catalog,
            instance: reload.job.instance(config, reload.environment),
            clock,
            alerts: reload.started.alerts.as_ref(),
        };
        let (opening, grpc_health) = (Arc::<Opening>::default(), GrpcHealth::new());
        let health = Arc::new(parts.health(vec![Arc::clone(&opening) as Arc<dyn Check>]));
        grpc_health.look(&health).await;
        let doors = (Door::http(health, &registry), Door::grpc(&grpc_health));
        let serve = |bound: Bound, door: &Door, connections_max| {
            let routes = panics.around(bound.protocol(), reload.guard.before(door.routes()));
            Served::by(bound, routes, Limits::of(connections_max), &counted)
        };
        let http = serve(http, &doors.0, config.http.connections_max);
        let grpc = serve(grpc, &doors.1, config.grpc.connections_max);
        let backends = if parts.role.is_agent() {
            None
        } else {
            Some(Backends::open(&parts, &opening).await?)
        };
        let stages = {
            let mut registry = registry.write().unwrap_or_else(PoisonError::into_inner);
            Stages::start(&parts, backends, &mut registry)?
        };
        stages.tell(&grpc_health);
        standing.follow(stages.health());
        doors.0.open(stages.http(&registry));
        doors.1.open(stages.grpc(&grpc_health)?);
        Ok(Self {
            http,
            grpc,
            stages,
            grpc_health,
            stop_demo: CancellationToken::new(),
            demo: None,
            probing: None,
            registry,
        })
    }

    /// Announces itself once it is ready, and works until it is told to end.
    async fn work(&mut self, reload: &Reload<'_>, signals: &mut Signals) -> anyhow::Result<()> {
        let health = Arc::clone(self.stages.health());
        let ready = async {
            while !health.missing().is_empty() {
                tokio::time::sleep(READY_POLL).await;
            }
        };
        tokio::select! {
            () = told_to_end(reload, signals) => return Ok(()),
            failure = self.stages.failed() => bail!(failure),
            () = ready => {}
        }
        self.grpc_health.look(&health).await;
        self.probing = Probing::start(reload, &self.stages, self.grpc.address, &self.registry);
        output::line(&self.http.announcement)?;
        output::line(&self.grpc.announcement)?;
        if let Some(hub) = self.stages.hub().filter(|_| reload.job.demo) {
            let demonstration = Demonstration {
                catalog: reload.catalog.get(),
                hub: Arc::clone(hub),
                http: self.http.address,
                grpc: self.grpc.address,
                token: reload.guard.own_token().clone(),
            };
            self.demo = Some(demonstration.start(&self.stop_demo, reload.environment)?);
        }
        tokio::select! {
            () = told_to_end(reload, signals) => Ok(()),
            failure = self.stages.failed() => bail!(failure),
        }
    }

    /// What ends in which order.
    fn shutdown(self, deadline: Duration) -> Shutdown {
        let Self {
            stages,
            grpc_health,
            http,
            grpc,
            stop_demo,
            demo,
            probing,
            ..
        } = self;
        let health = Arc::clone(stages.health());
        let Ends {
            collecting,
            owning,
            archiving,
            serving,
            keeping,
        } = stages.into_ends();
        let drained = |served: Served| async move {
            served.listening.drain().await;
            Ok(())
        };
        Shutdown::within(deadline)
            .then("demo", "simulated agents", async move {
                stop_demo.cancel();
                match demo {
                    Some(demo) => demo.ended().await,
                    None => Ok(()),
                }
            })
            .then("probing", "prober", async move {
                match probing {
                    Some(probing) => probing.ended().await,
                    None => Ok(()),
                }
            })
            .then("not ready", "health", async move {
                health.drain();
                grpc_health.look(&health).await;
                Ok(())
            })
            .then("collecting", "collector", collecting)
            .then("serving", "server", serving)
            .then("connections", "http", drained(http))
            .then("connections", "grpc", drained(grpc))
            .then("owning", "aggregator", owning)
            .then("owning", "archive", archiving)
            .then("keeping", "log and store", keeping)
    }
}

/// Waits until the process is told to end. Until then it reads its settings again when told to.
async fn told_to_end(reload: &Reload<'_>, signals: &mut Signals) {
    loop {
        match signals.next().await {
            Told::End(signal) => return tracing::info!(signal, "told to end"),
            Told::Reload => reload.run(),
        }
    }
}

impl Served {
    fn by(bound: Bound, routes: Router, limits: Limits, counted: &listen::Metrics) -> Self {
        let (address, announcement) = (bound.address(), bound.announcement());
        let listening = bound.serve(routes, limits, counted);
        Self {
            address,
            announcement,
            listening,
        }
    }
}
