//! How the parts of a server are put together.

use std::sync::Arc;

use axum::Router;
use prometheus_client::registry::Registry;
use sextant_catalog::LiveCatalog;
use sextant_eventlog::EventLog;
use sextant_measure::time::Clock;
use sextant_snapshot::SnapshotError;
use sextant_store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admissions::Admissions;
use crate::config::{Config, length};
use crate::exposed::Exposed;
use crate::follow::{self, Following, Progress};
use crate::gates::Gatekeeper;
use crate::grpc::{GateService, SnapshotService};
use crate::health::{Check, Health};
use crate::http::{self, App};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::seats::Seats;
use crate::watch::Watches;

/// What a server works with.
pub struct Wiring {
    /// Where the windows log and the gates log are.
    pub log: Arc<dyn EventLog>,
    /// Where the history is.
    pub store: Arc<dyn Store>,
    /// The catalog.
    pub catalog: LiveCatalog,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How many partitions the windows log has.
    pub partitions: u32,
    /// The limits.
    pub config: Config,
    /// The counters.
    pub metrics: Metrics,
}

/// Why a server does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// A number of partitions that no log has.
    #[error("the windows log cannot be followed: {0}")]
    Partitions(#[source] SnapshotError),
}

/// A running server: it follows the log until it is told to stop.
pub struct Server {
    hub: Arc<Hub>,
    progress: Arc<Progress>,
    watches: Arc<Watches>,
    gates: Arc<Gatekeeper>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    config: Config,
    metrics: Metrics,
}

impl Server {
    /// Starts following the windows log. All tasks belong to the tracker and end when `stop` is
    /// cancelled; so do the watches.
    ///
    /// # Errors
    /// [`ServerError::Partitions`].
    pub fn start(
        wiring: Wiring,
        tracker: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, ServerError> {
        let Wiring {
            log,
            store,
            catalog,
            clock,
            partitions,
            config,
            metrics,
        } = wiring;
        let gates_log = Arc::clone(&log);
        let following = Following {
            log,
            partitions,
            catalog,
            clock: Arc::clone(&clock),
            config: config.clone(),
            metrics: metrics.clone(),
        };
        let (hub, progress) =
            follow::start(following, tracker, stop).map_err(ServerError::Partitions)?;
        let watches = Arc::new(Watches {
            hub: Arc::clone(&hub),
            clock: Arc::clone(&clock),
            config: config.clone(),
            metrics: metrics.clone(),
            stop: stop.clone(),
            seats: Seats::new(config.watchers_max),
            admissions: Admissions::new(config.watches_per_second_max),
        });
        let gates = Arc::new(Gatekeeper {
            log: gates_log,
            hub: Arc::clone(&hub),
            clock: Arc::clone(&clock),
            config: config.clone(),
        });
        Ok(Self {
            hub,
            progress,
            watches,
            gates,
            store,
            clock,
            config,
            metrics,
        })
    }

    /// Registers the gauges of endpoints, which are read from the present edition.
    pub fn expose(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(Exposed {
            hub: Arc::clone(&self.hub),
            progress: Arc::clone(&self.progress),
            clock: Arc::clone(&self.clock),
            series_max: length(self.config.metrics_endpoints_max),
        }));
    }

    /// Where the present edition is found.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// How far the logs have been read.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// `sextant.v1.SnapshotService`, to be added to a gRPC server.
    pub fn grpc(&self) -> SnapshotService {
        SnapshotService(Arc::clone(&self.watches))
    }

    /// `sextant.v1.GateService`, to be added to a gRPC server.
    pub fn gates(&self) -> GateService {
        GateService {
            gates: Arc::clone(&self.gates),
            metrics: self.metrics.clone(),
        }
    }

    /// Looks after the server and the other parts of the process.
    pub fn health(&self, others: Vec<Arc<dyn Check>>) -> Arc<Health> {
        let progress: Arc<dyn Check> = Arc::clone(&self.progress) as Arc<dyn Check>;
        let checks = std::iter::once(progress).chain(others).collect();
        let clock = Arc::clone(&self.clock);
        let tick_age_us_max = self.config.tick_age_us_max();
        Arc::new(Health::new(checks, clock, tick_age_us_max))
    }

    /// The HTTP routes.
    pub fn http(&self, health: Arc<Health>) -> Router {
        http::router(&Arc::new(App {
            hub: Arc::clone(&self.hub),
            progress: Arc::clone(&self.progress),
            health,
            watches: Arc::clone(&self.watches),
            gates: Arc::clone(&self.gates),
            store: Arc::clone(&self.store),
            history_queries: Seats::new(self.config.history_queries_max),
            minutes: http::Minutes::default(),
            clock: Arc::clone(&self.clock),
            config: self.config.clone(),
            metrics: self.metrics.clone(),
        }))
    }
}
