//! `sextant standalone`: all roles in one process, on an embedded log and store.
//!
//! - [`roles`] wires the stages over the log and the store; [`upkeep`] looks after those two.
//! - [`exposition`] serves `/metrics`; [`demonstration`] is `--demo`.

mod demonstration;
mod exposition;
mod roles;
mod upkeep;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use tokio_util::sync::CancellationToken;

use crate::access::guard;
use crate::args::StandaloneArgs;
use crate::config::Settings;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::listen::{Bound, Limits, Listening, Protocol};
use crate::output;
use crate::shutdown::{Shutdown, Signals};
use crate::telemetry;

use self::demonstration::{Demonstration, Shown};
use self::roles::Roles;

/// How often a process that starts looks whether it is ready.
const READY_POLL: Duration = Duration::from_millis(20);

/// Runs until it is told to end, or until the log fails for good.
pub(crate) async fn run(args: &StandaloneArgs, environment: &Environment) -> Result<(), Failure> {
    let settings = Settings::load(
        args.config.path.as_deref(),
        &environment.variables,
        args.flags(),
    )?;
    telemetry::start(&settings.config.telemetry, environment)?;
    let mut signals = Signals::install()?;
    let mut process = Process::start(&settings).await?;
    let ended = process.work(args.demo, environment, &mut signals).await;
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
    async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let config = &settings.config;
        // Both addresses are taken before anything is opened, so that a mistake changes nothing.
        let http = Bound::to(Protocol::Http, config.http.listen).await?;
        let grpc = Bound::to(Protocol::Grpc, config.grpc.listen).await?;
        let roles = Roles::start(settings).await?;
        let guarded = |routes| guard(routes, settings.access.clone());
        let (routes, calls) = (guarded(roles.http()), guarded(roles.grpc()?));
        Ok(Self {
            roles,
            http: Served::by(http, routes, Limits::of(config.http.connections_max)),
            grpc: Served::by(grpc, calls, Limits::of(config.grpc.connections_max)),
            stop_demo: CancellationToken::new(),
            demo: None,
        })
    }

    /// Announces itself once it is ready, and works until it is told to end.
    async fn work(
        &mut self,
        demo: bool,
        environment: &Environment,
        signals: &mut Signals,
    ) -> anyhow::Result<()> {
        let health = Arc::clone(self.roles.health());
        let ready = async {
            while !health.missing().is_empty() {
                tokio::time::sleep(READY_POLL).await;
            }
        };
        tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "told to end");
                return Ok(());
            }
            failure = self.roles.failed() => bail!(failure),
            () = ready => {}
        }
        output::line(&self.http.announcement)?;
        output::line(&self.grpc.announcement)?;
        if demo {
            let demonstration = Demonstration {
                catalog: Arc::clone(self.roles.catalog()),
                hub: Arc::clone(self.roles.hub()),
                http: self.http.address,
                grpc: self.grpc.address,
            };
            self.demo = Some(demonstration.start(&self.stop_demo, environment)?);
        }
        tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "told to end");
                Ok(())
            }
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

impl Served {
    fn by(bound: Bound, routes: Router, limits: Limits) -> Self {
        let (address, announcement) = (bound.address(), bound.announcement());
        let listening = bound.serve(routes, limits);
        Self {
            address,
            announcement,
            listening,
        }
    }
}
