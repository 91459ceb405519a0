//! What the stages are made from, and how each is made.

use std::sync::Arc;

use anyhow::Context as _;
use prometheus_client::registry::Registry;
use sextant_aggregator::Aggregator;
use sextant_catalog::LiveCatalog;
use sextant_collector::{Collector, Instance};
use sextant_intake::{Intake, Keeper};
use sextant_measure::id::AgentId;
use sextant_measure::time::Clock;
use sextant_otlp::Receiver;
use sextant_otlp::sink::SpanSink;
use sextant_server::Server;
use sextant_server::health::{Check, Health};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backends::Backends;
use super::role::Role;
use super::spans::SpanIntake;
use crate::config::{AlertSettings, Config};

/// What the stages are made from.
pub(super) struct Parts<'p> {
    pub(super) role: Role,
    pub(super) config: &'p Config,
    pub(super) catalog: &'p LiveCatalog,
    /// What the process is called among those of its role.
    pub(super) instance: &'p str,
    pub(super) clock: Arc<dyn Clock>,
    /// When to tell whom, if the process does.
    pub(super) alerts: Option<&'p AlertSettings>,
}

impl Parts<'_> {
    /// The health of these parts of the process.
    pub(super) fn health(&self, checks: Vec<Arc<dyn Check>>) -> Health {
        let tick_age_us_max = self.config.server.tick_age_us_max();
        Health::new(checks, Arc::clone(&self.clock), tick_age_us_max)
    }

    pub(super) fn aggregator(
        &self,
        backends: &Backends,
        registry: &mut Registry,
    ) -> anyhow::Result<Aggregator> {
        let store = backends.store.as_ref();
        let dependencies = sextant_aggregator::Dependencies {
            log: Arc::clone(&backends.log),
            store: Arc::clone(store.context("an aggregator has a store")?),
            catalog: self.catalog.clone(),
            clock: Arc::clone(&self.clock),
            metrics: sextant_aggregator::Metrics::new(registry),
        };
        let (config, name) = (self.config.aggregator.clone(), self.instance.to_owned());
        Ok(Aggregator::new(dependencies, config, name))
    }

    pub(super) fn collector(
        &self,
        backends: &Backends,
        registry: &mut Registry,
        stop: &CancellationToken,
    ) -> anyhow::Result<Collector> {
        let name = AgentId::new(self.instance).context("the process' name")?;
        let epoch = rand::random();
        let wiring = sextant_collector::Wiring {
            log: Arc::clone(&backends.log),
            partitions: self.config.log.partitions,
            catalog: self.catalog.clone(),
            clock: Arc::clone(&self.clock),
            instance: Instance { name, epoch },
            shutdown: stop.clone(),
        };
        let counted = sextant_collector::Metrics::register(registry);
        Ok(Collector::new(&self.config.collector, wiring, counted))
    }

    pub(super) fn spans(
        &self,
        sink: Arc<dyn SpanSink>,
        registry: &mut Registry,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Arc<Receiver> {
        let wiring = sextant_otlp::Wiring {
            catalog: self.catalog.clone(),
            sink,
            clock: Arc::clone(&self.clock),
            shutdown: stop.clone(),
            tasks: tasks.clone(),
        };
        let counted = sextant_otlp::Metrics::register(registry);
        Receiver::new(self.config.otlp.clone(), wiring, counted)
    }

    pub(super) fn server(
        &self,
        backends: &Backends,
        registry: &mut Registry,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> anyhow::Result<Server> {
        let store = backends.store.as_ref();
        let wiring = sextant_server::Wiring {
            log: Arc::clone(&backends.log),
            store: Arc::clone(store.context("a server has a store")?),
            catalog: self.catalog.clone(),
            clock: Arc::clone(&self.clock),
            partitions: self.config.log.partitions,
            config: self.config.server.clone(),
            metrics: sextant_server::Metrics::register(registry, Arc::clone(&self.clock)),
        };
        let server = Server::start(wiring, tasks, stop)?;
        // Of each endpoint one kind of process tells.
        if self.role.serves() {
            server.expose(registry);
        }
        Ok(server)
    }
}

/// Where spans go: to the intake of whichever stage takes batches.
pub(super) fn sink<K: Keeper>(intake: &Arc<Intake<K>>) -> Arc<dyn SpanSink> {
    Arc::new(SpanIntake(Arc::clone(intake)))
}
