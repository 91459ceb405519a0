//! `sextant standalone`: all roles in one process, on an embedded log and store.
//!
//! - [`roles`] wires the stages over the log and the store; [`upkeep`] looks after those two.
//! - [`exposition`] serves `/metrics`; [`grpc_health`] is health for gRPC clients; [`reload`] is what can change while it runs;
//!   [`demonstration`] is `--demo`.

mod demonstration;
mod exposition;
mod grpc_health;
mod reload;
mod roles;
mod upkeep;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use prometheus_client::registry::Registry;
use sextant_catalog::LiveCatalog;
use tokio_util::sync::CancellationToken;

use crate::access::Guard;
use crate::args::StandaloneArgs;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::listen::{self, Bound, Limits, Listening, Protocol};
use crate::output;
use crate::shutdown::{Shutdown, Signals, Told};
use crate::telemetry;

use self::demonstration::{Demonstration, Shown};
use self::reload::{Counted, Reload};
use self::roles::Roles;

/// How often a process that starts looks whether it is ready.
const READY_POLL: Duration = Duration::from_millis(20);

/// Runs until it is told to end, or until the log fails for good.
pub(crate) async fn run(args: &StandaloneArgs, environment: &Environment) -> Result<(), Failure> {
    let settings = args.settings(environment)?;
    let filter = telemetry::start(&settings.config.telemetry, environment)?;
    let mut signals = Signals::install()?;
    let mut registry = Registry::default();
    let reload = Reload {
        args,
        environment,
        started: &settings,
        guard: Guard::new(settings.access.clone(), &mut registry),
        catalog: LiveCatalog::new(settings.catalog.clone()),
        filter,
        counted: Counted::register(&mut registry),
    };
    let mut process = Process::start(&reload, registry).await?;
    let ended = process.work(&reload, &mut signals).await;
    let shut = process.shutdown(settings.config.shutdown.deadline());
    let shut = shut.run(&mut signals).await.in_order();
    ended.context("the process cannot go on")?;
    Ok(shut?)
}

/// Everything that runs, and where it is reached.
struct Process {
    roles: Roles,
    http: Served,
    grpc: Served,
    stop_demo: CancellationToken,
    demo: Option<Shown>,
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
        let roles = Roles::start(config, &reload.catalog, &mut registry).await?;
        let (routes, calls) = (roles.http(registry), roles.grpc()?);
        let serve = |bound, routes, connections_max| {
            let routes = reload.guard.before(routes);
            Served::by(bound, routes, Limits::of(connections_max), &counted)
        };
        Ok(Self {
            http: serve(http, routes, config.http.connections_max),
            grpc: serve(grpc, calls, config.grpc.connections_max),
            roles,
            stop_demo: CancellationToken::new(),
            demo: None,
        })
    }

    /// Announces itself once it is ready, and works until it is told to end.
    async fn work(&mut self, reload: &Reload<'_>, signals: &mut Signals) -> anyhow::Result<()> {
        let health = Arc::clone(self.roles.health());
        let ready = async {
            while !health.missing().is_empty() {
                tokio::time::sleep(READY_POLL).await;
            }
        };
        tokio::select! {
            () = told_to_end(reload, signals) => return Ok(()),
            failure = self.roles.failed() => bail!(failure),
            () = ready => {}
        }
        self.roles.grpc_health().look().await;
        output::line(&self.http.announcement)?;
        output::line(&self.grpc.announcement)?;
        if reload.args.demo {
            let demonstration = Demonstration {
                catalog: reload.catalog.get(),
                hub: Arc::clone(self.roles.hub()),
                http: self.http.address,
                grpc: self.grpc.address,
                token: reload.guard.own_token().clone(),
            };
            self.demo = Some(demonstration.start(&self.stop_demo, reload.environment)?);
        }
        tokio::select! {
            () = told_to_end(reload, signals) => Ok(()),
            failure = self.roles.failed() => bail!(failure),
        }
    }

    /// What ends in which order.
    fn shutdown(self, deadline: Duration) -> Shutdown {
        let Self {
            roles,
            http,
            grpc,
            stop_demo,
            demo,
        } = self;
        let health = Arc::clone(roles.health());
        let grpc_health = roles.grpc_health().clone();
        let (collecting, owning, serving, keeping) = roles.into_ends();
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
            .then("not ready", "health", async move {
                health.drain();
                grpc_health.look().await;
                Ok(())
            })
            .then("collecting", "collector", collecting)
            .then("serving", "server", serving)
            .then("connections", "http", drained(http))
            .then("connections", "grpc", drained(grpc))
            .then("owning", "aggregator", owning)
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
