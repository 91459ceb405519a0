//! `sextant standalone`: all roles in one process, on an embedded log and store.
//!
//! - [`roles`]: the stages, wired over the log and the store.
//! - [`upkeep`]: what a process with its own log and store looks after.
//! - [`exposition`]: `/metrics`.
//! - [`demonstration`]: `--demo`.

mod demonstration;
mod exposition;
mod roles;
mod upkeep;

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use tokio_util::sync::CancellationToken;

use crate::access::guard;
use crate::args::StandaloneArgs;
use crate::config::Settings;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::listen::{Bound, Limits, Protocol};
use crate::output;
use crate::shutdown::{Shutdown, Signals};
use crate::telemetry;

use self::demonstration::Demonstration;
use self::roles::Roles;

/// Runs until it is told to end, or until the log fails for good.
pub(crate) async fn run(args: &StandaloneArgs, environment: &Environment) -> Result<(), Failure> {
    let settings = Settings::load(
        args.config.path.as_deref(),
        &environment.variables,
        args.flags(),
    )?;
    telemetry::start(&settings.config.telemetry, environment)?;
    let mut signals = Signals::install()?;
    let config = &settings.config;
    let http = Bound::to(Protocol::Http, config.http.listen).await?;
    let grpc = Bound::to(Protocol::Grpc, config.grpc.listen).await?;
    let announcements = [http.announcement(), grpc.announcement()];
    let (http_address, grpc_address) = (http.address(), grpc.address());

    let mut roles = Roles::start(&settings).await?;
    let routes = guard(roles.http(), settings.access.clone());
    let http = http.serve(routes, Limits::of(config.http.connections_max));
    let calls = guard(roles.grpc()?, settings.access.clone());
    let grpc = grpc.serve(calls, Limits::of(config.grpc.connections_max));
    for line in announcements {
        output::line(line)?;
    }
    let stop_demo = CancellationToken::new();
    let demo = if args.demo {
        let catalog = Arc::clone(roles.catalog());
        let hub = Arc::clone(roles.hub());
        let shown = Demonstration {
            catalog,
            hub,
            http: http_address,
            grpc: grpc_address,
        };
        Some(shown.start(&stop_demo, environment)?)
    } else {
        None
    };

    let ended = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "told to end");
            Ok(())
        }
        failure = roles.failed() => Err(failure),
    };
    let health = Arc::clone(roles.health());
    let (collecting, owning, serving, keeping) = roles.into_ends();
    let shutdown = Shutdown::within(config.shutdown.deadline())
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
        .then("connections", "http", async move {
            http.drain().await;
            Ok(())
        })
        .then("connections", "grpc", async move {
            grpc.drain().await;
            Ok(())
        })
        .then("owning", "aggregator", owning)
        .then("keeping", "log and store", keeping);
    let shut = shutdown.run(&mut signals).await.in_order();
    ended
        .map_err(|failure| anyhow!(failure))
        .context("the process cannot go on")?;
    Ok(shut?)
}
