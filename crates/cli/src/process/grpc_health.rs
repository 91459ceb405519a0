//! `grpc.health.v1`: the same health as `/readyz` and `/livez`, for gRPC clients.

use std::sync::Arc;
use std::time::Duration;

use sextant_server::health::Health;
use sextant_wire::v1::gate_service_server::SERVICE_NAME as GATES;
use sextant_wire::v1::observation_service_server::SERVICE_NAME as OBSERVATIONS;
use sextant_wire::v1::snapshot_service_server::SERVICE_NAME as SNAPSHOTS;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// The process as a whole goes by the empty name.
const NAMES: [&str; 4] = ["", GATES, OBSERVATIONS, SNAPSHOTS];
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Tells those who ask and those who watch.
#[derive(Clone)]
pub(super) struct GrpcHealth {
    reporter: HealthReporter,
}

impl GrpcHealth {
    pub(super) fn new() -> Self {
        let reporter = HealthReporter::new();
        Self { reporter }
    }

    /// The service, to be added to a gRPC server.
    pub(super) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Looks again and again until `stop`.
    pub(super) fn follow(
        &self,
        health: &Arc<Health>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let (this, health, stop) = (self.clone(), Arc::clone(health), stop.clone());
        tasks.spawn(async move {
            let mut looks = interval(LOOK_EVERY);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while stop.run_until_cancelled(looks.tick()).await.is_some() {
                this.look(&health).await;
            }
        });
    }

    /// Says how it is at this moment.
    pub(super) async fn look(&self, health: &Health) {
        let serves = health.missing().is_empty() && health.liveness().stuck.is_empty();
        let status = if serves {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for name in NAMES {
            self.reporter.set_service_status(name, status).await;
        }
    }
}
