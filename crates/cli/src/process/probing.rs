//! The prober of a process, and the way of what it observes: as any other sender's, over gRPC.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use sextant_measure::id::AgentId;
use sextant_measure::time::Clock;
use sextant_prober::sight::Sight;
use sextant_prober::{Prober, Setup};
use sextant_reporter::options::Options;
use sextant_reporter::sender::Sender;
use sextant_reporter::target::{Target, Token};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::demonstration::reachable;
use super::exposition::Shared;
use super::own_sight::OwnSight;
use super::reload::Reload;
use super::stages::Stages;
use crate::clock::SystemClock;

/// How long the last observations have to be acknowledged.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// A prober that runs, and the sender of its observations.
pub(super) struct Probing {
    sender: Sender,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Probing {
    /// Asks from now on, if there is anything to ask. What it observes goes where this process takes
    /// observations in, over gRPC. One that serves looks at that itself, unless servers are named.
    pub(super) fn start(
        reload: &Reload<'_>,
        stages: &Stages,
        grpc: SocketAddr,
        registry: &Shared,
    ) -> anyhow::Result<Option<Self>> {
        let config = &reload.started.config;
        let resolved = reload.started.prober.clone();
        let Some(resolved) = resolved.filter(|resolved| !resolved.is_idle()) else {
            return Ok(None);
        };
        let own = stages.hub().filter(|_| !resolved.has_servers());
        let own = own.map(|hub| OwnSight::new(&resolved, hub, reload) as Arc<dyn Sight>);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let target: Target = format!("grpc://{}", reachable(grpc)).parse()?;
        let token = Token::new(reload.guard.own_token().clone());
        let transport = target.transport(Some(&token), None, Arc::clone(&clock))?;
        let instance = reload.job.instance(config, reload.environment);
        let name = AgentId::new(&format!("{instance}-prober")).context("the prober's name")?;
        let sender = Sender::start(Options::new(name), transport, Arc::clone(&clock))?;
        let (region, data_dir) = if reload.job.role.is_agent() {
            (config.agent.region.clone(), &config.agent.spool_dir)
        } else {
            let region = config.collector.region.clone();
            (Some(region), &config.standalone.data_dir)
        };
        let setup = Setup {
            resolved,
            recorder: sender.recorder(),
            region,
            sight: own,
            clock,
            data_dir: Some(data_dir.clone()),
            seed: rand::random(),
        };
        let mut registry = registry.write().unwrap_or_else(PoisonError::into_inner);
        let prober = Prober::new(setup, &mut registry)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(prober.run(stop.clone()));
        Ok(Some(Self {
            sender,
            stop,
            tasks,
        }))
    }

    /// Ends it, and waits until what it has observed is acknowledged.
    pub(super) async fn ended(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        let report = self.sender.finish(LAST_ANSWERS).await;
        report.failure.map_or(Ok(()), |failure| {
            Err(failure).context("the last observations of the prober")
        })
    }
}
