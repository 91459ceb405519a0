//! What a process is and how it stands, in its metrics.

use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use sextant_measure::time::Timestamp;
use sextant_server::health::Health;

use super::Role;

/// Whose health is shown. Until there is one, the process is not ready.
#[derive(Clone, Default)]
pub(super) struct Standing(Arc<OnceLock<Arc<Health>>>);

impl Standing {
    /// Registers what the process is, when it began, and how it stands.
    pub(super) fn register(registry: &mut Registry, role: Role, begun: Timestamp) -> Self {
        let labels = [
            ("role", role.name()),
            ("version", env!("CARGO_PKG_VERSION")),
        ];
        let help = "The role and the version";
        registry.register("sextant_process", help, Info::new(labels));
        let standing = Self::default();
        registry.register_collector(Box::new(Told {
            standing: standing.clone(),
            begun,
        }));
        standing
    }

    /// From here on this is shown.
    pub(super) fn follow(&self, health: &Arc<Health>) {
        // A process has one health once its stages run.
        drop(self.0.set(Arc::clone(health)));
    }
}

/// What is read when someone asks.
struct Told {
    standing: Standing,
    begun: Timestamp,
}

impl Collector for Told {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let health = self.standing.0.get();
        let is_ready = health.is_some_and(|health| health.missing().is_empty());
        let liveness = health.map(|health| health.liveness());
        let slowest = liveness.iter().flat_map(|liveness| &liveness.loops);
        let slowest = slowest.map(|turned| turned.age_us).max();
        for (name, help, value) in [
            (
                "start_time_seconds",
                "When the process began, since 1970",
                Some(seconds(self.begun.as_micros())),
            ),
            (
                "ready",
                "1 while `/readyz` says that it serves",
                Some(f64::from(u8::from(is_ready))),
            ),
            (
                "loop_age_seconds",
                "Time since the slowest of its loops turned",
                slowest.map(seconds),
            ),
        ] {
            let name = format!("sextant_process_{name}");
            let metric = encoder.encode_descriptor(&name, help, None, MetricType::Gauge)?;
            if let Some(value) = value {
                ConstGauge::new(value).encode(metric)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").finish_non_exhaustive()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a time may be off by a microsecond"
)]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
