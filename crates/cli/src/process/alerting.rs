//! Alerts of a process that evaluates them: over what its own server part sees.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use prometheus_client::registry::Registry;
use sextant_alerts::view::{Sight, View};
use sextant_alerts::{Alerts, Metrics, Pulse, Wiring, delivery};
use sextant_measure::time::Timestamp;
use sextant_server::Server;
use sextant_server::follow::Progress;
use sextant_server::health::{Check, LoopAge};
use sextant_server::hub::Hub;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backends::Backends;
use super::parts::Parts;
use super::role::Role;

/// Starts evaluating and telling, if the role does. Answers how health sees it.
pub(super) fn start(
    parts: &Parts<'_>,
    backends: Option<&Backends>,
    server: Option<&Server>,
    registry: &mut Registry,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Arc<dyn Check>>> {
    let alerting = backends.zip(server).zip(parts.alerts);
    let Some(((backends, server), alerts)) = alerting.filter(|_| parts.role.alerts()) else {
        return Ok(None);
    };
    if !parts.config.alerts.enabled {
        tracing::info!("no incidents are opened or closed: [alerts] enabled is false");
        return Ok(None);
    }
    let store = backends.store.as_ref();
    let wiring = Wiring {
        log: Arc::clone(&backends.log),
        sight: Arc::new(AllWindows {
            hub: Arc::clone(server.hub()),
            progress: Arc::clone(server.progress()),
        }),
        clock: Arc::clone(&parts.clock),
        name: parts.instance.to_owned(),
        store: Arc::clone(store.context("alerts have a store")?),
        config: Arc::clone(&alerts.rules),
        receivers: alerts.receivers.clone(),
        metrics: Metrics::register(registry),
        delivery_metrics: delivery::Metrics::register(registry),
    };
    let started = Alerts::start(wiring, tasks, stop);
    Ok(Some(Arc::new(Evaluating {
        pulse: Arc::clone(started.pulse()),
        role: parts.role,
    })))
}

/// What the server part sees.
struct AllWindows {
    hub: Arc<Hub>,
    progress: Arc<Progress>,
}

#[async_trait]
impl Sight for AllWindows {
    async fn look(&self) -> Option<View> {
        // Before the rows, which may be of later: nobody seems silent who was heard meanwhile.
        let as_of = self.progress.as_of(|_| true);
        let edition = self.hub.present()?;
        let agents = self.hub.agents().await?;
        let snapshot = edition.snapshot();
        let rows = snapshot.rows().iter().map(|row| Arc::clone(&row.value));
        let header = snapshot.header();
        let mut view = View::new(rows.collect(), agents);
        view.as_of = as_of;
        view.is_whole = header.partitions_whole == header.partitions;
        view.observer_suspected = header.observer_suspected;
        Some(view)
    }
}

/// Tells whether its loop turns.
struct Evaluating {
    pulse: Arc<Pulse>,
    role: Role,
}

impl Check for Evaluating {
    fn loops(&self, _: Timestamp) -> Vec<LoopAge> {
        let age = self.pulse.turned().elapsed().as_micros();
        vec![LoopAge {
            name: "alerts".to_owned(),
            age_us: i64::try_from(age).unwrap_or(i64::MAX),
        }]
    }

    /// Nothing else waits for it.
    fn missing(&self, _: Timestamp) -> Vec<String> {
        if self.role.is_alone() || self.pulse.has_joined() {
            return Vec::new();
        }
        vec!["the consumer group has not said who evaluates yet".to_owned()]
    }
}
