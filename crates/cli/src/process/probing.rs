//! The prober of a process, and the way of what it observes: as any other sender's, over gRPC.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use sextant_measure::id::AgentId;
use sextant_measure::time::Clock;
use sextant_prober::config::Resolved;
use sextant_prober::sight::Sight;
use sextant_prober::{Prober, Setup};
use sextant_reporter::options::Options;
use sextant_reporter::report::Counters;
use sextant_reporter::sender::Sender;
use sextant_reporter::target::{Target, Token};
use tokio::sync::watch;
use tokio::task::JoinHandle;
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
    ///
    /// Nothing else waits for it, so that one which can't begin is logged, and all else goes on.
    pub(super) fn start(
        reload: &Reload<'_>,
        stages: &Stages,
        grpc: SocketAddr,
        registry: &Shared,
    ) -> Option<Self> {
        let resolved = reload.started.prober.clone();
        let resolved = resolved.filter(|resolved| !resolved.is_idle())?;
        let mut registry = registry.write().unwrap_or_else(PoisonError::into_inner);
        let is_running = Gauge::default();
        let help = "0 once the prober could not start, or came to grief";
        registry.register("sextant_prober_is_running", help, is_running.clone());
        let sight = own_sight(&resolved, stages, reload);
        Self::begin(reload, resolved, sight, grpc, &mut registry, is_running)
            .inspect_err(|error| {
                tracing::error!(error = format!("{error:#}"), "no endpoint is probed");
            })
            .ok()
    }

    fn begin(
        reload: &Reload<'_>,
        resolved: Resolved,
        sight: Option<Arc<dyn Sight>>,
        grpc: SocketAddr,
        registry: &mut Registry,
        is_running: Gauge,
    ) -> anyhow::Result<Self> {
        let config = &reload.started.config;
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
            sight,
            clock,
            data_dir: Some(data_dir.clone()),
            seed: rand::random(),
        };
        let prober = Prober::new(setup, registry)?;
        registry.register_collector(Box::new(Sent(sender.counters())));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        is_running.set(1);
        let running = tasks.spawn(prober.run(stop.clone()));
        tasks.spawn(watch(running, is_running));
        Ok(Self {
            sender,
            stop,
            tasks,
        })
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

fn own_sight(resolved: &Resolved, stages: &Stages, reload: &Reload<'_>) -> Option<Arc<dyn Sight>> {
    let hub = stages.hub().filter(|_| !resolved.has_servers())?;
    Some(OwnSight::new(resolved, hub, reload))
}

/// Tells when it no longer runs, and that it shouldn't be so.
async fn watch(running: JoinHandle<()>, is_running: Gauge) {
    if let Err(error) = running.await {
        tracing::error!(%error, "the prober came to grief: no endpoint is probed from here on");
    }
    is_running.set(0);
}

/// What became of the observations, as the sender counts them.
#[derive(Debug)]
struct Sent(watch::Receiver<Counters>);

impl Collector for Sent {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counters = *self.0.borrow();
        for (name, help, value) in [
            ("recorded", "Probes observed", counters.recorded),
            (
                "acknowledged",
                "Probes that this process has kept",
                counters.acknowledged,
            ),
            ("refused", "Probes that it refused", counters.refused),
            ("dropped", "Probes given up", counters.dropped),
        ] {
            let name = format!("sextant_prober_{name}_observations");
            let family = encoder.encode_descriptor(&name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(family)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_prober_that_comes_to_grief_is_shown_as_ended() {
        let (tasks, is_running) = (TaskTracker::new(), Gauge::default());
        is_running.set(1);
        let running = tasks.spawn(async { panic!("as a fault would") });
        watch(running, is_running.clone()).await;
        assert_eq!(is_running.get(), 0);
    }
}
