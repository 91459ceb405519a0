//! A collector, put together.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use sextant_catalog::LiveCatalog;
use sextant_eventlog::{EventLog, LogError};
use sextant_intake::Intake;
use sextant_measure::id::AgentId;
use sextant_measure::time::Clock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agents::Agents;
use crate::append::Appender;
use crate::config::{Config, length};
use crate::directory::Rules;
use crate::keeping::Keeping;
use crate::metrics::Metrics;

/// What a collector works with.
pub struct Wiring {
    /// Where observations go, its topics prepared.
    pub log: Arc<dyn EventLog>,
    /// How many partitions the topic of observations has.
    pub partitions: u32,
    /// Fills in quantizations.
    pub catalog: LiveCatalog,
    /// Tells when batches come.
    pub clock: Arc<dyn Clock>,
    /// Gives anonymous batches an identity.
    pub instance: Instance,
    /// Once cancelled, new batches are refused; what is in flight is answered.
    pub shutdown: CancellationToken,
}

/// The identity that a collector gives to anonymous batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its name among collectors.
    pub name: AgentId,
    /// 64 random bits, drawn anew at each start.
    pub epoch: u64,
}

/// Admits batches and acknowledges those that are durable.
pub struct Collector {
    intake: Arc<Intake<Keeping>>,
}

impl Collector {
    /// A collector that is ready.
    pub fn new(config: &Config, wiring: Wiring, metrics: Metrics) -> Self {
        let (log_metrics, tasks) = (Arc::new(metrics.log), TaskTracker::new());
        let appender = Arc::new(Appender::new(wiring.log, Arc::clone(&log_metrics)));
        let agents = Agents::new(
            config,
            wiring.partitions,
            Arc::clone(&appender),
            Arc::clone(&log_metrics),
            tasks.clone(),
        );
        let limits = config.limits();
        let keeping = Keeping {
            limits: limits.clone(),
            record_bytes_max: length(config.record_bytes_max),
            rules: Rules {
                catalog: wiring.catalog,
                region: config.region.clone(),
                partitions: wiring.partitions,
            },
            instance: wiring.instance,
            anonymous_batches: AtomicU64::new(0),
            appender,
            agents: Arc::new(agents),
            metrics: log_metrics,
        };
        let wiring = sextant_intake::Wiring {
            clock: wiring.clock,
            shutdown: wiring.shutdown,
            tasks,
        };
        Self {
            intake: Intake::new(limits, wiring, metrics.intake, Arc::new(keeping)),
        }
    }

    /// Where batches come in.
    pub fn intake(&self) -> &Arc<Intake<Keeping>> {
        &self.intake
    }

    /// Waits until the log is beyond repair: nothing is acknowledged any more, and the process
    /// should say so and exit.
    pub async fn failed(&self) -> LogError {
        self.intake.keeper().appender.failed().await
    }

    /// Waits until everything in flight has been answered. For after the shutdown token has been
    /// cancelled.
    pub async fn drained(&self) {
        self.intake.drained().await;
    }
}
