//! An agent, from its settings.

use std::fs;
use std::sync::Arc;

use anyhow::Context as _;
use prometheus_client::registry::Registry;
use sextant_agent::spool::Spool;
use sextant_agent::{Agent, Metrics, Wiring};
use sextant_measure::id::AgentId;
use sextant_measure::time::Timestamp;
use sextant_reporter::target::{Target, Token};
use sextant_reporter::transport::Transport;
use sextant_reporter::transport::failover::Failover;
use sextant_server::health::{Check, LoopAge};
use tokio_util::sync::CancellationToken;

use super::parts::Parts;

/// Opens the spool and starts to send.
pub(super) fn start(
    parts: &Parts<'_>,
    registry: &mut Registry,
    stop: &CancellationToken,
) -> anyhow::Result<Agent> {
    let config = &parts.config.agent;
    let metrics = Metrics::register(registry, Arc::clone(&parts.clock));
    let wiring = Wiring {
        name: AgentId::new(parts.instance).context("the process' name")?,
        transport: transport(parts)?,
        clock: Arc::clone(&parts.clock),
        shutdown: stop.clone(),
    };
    Ok(Agent::start(config, wiring, metrics)?)
}

fn transport(parts: &Parts<'_>) -> anyhow::Result<Arc<dyn Transport>> {
    let config = &parts.config.agent;
    let token = match &config.token_file {
        None => None,
        Some(path) => {
            let text = fs::read_to_string(path)
                .with_context(|| format!("cannot read the token in {}", path.display()))?;
            Some(Token::new(text.trim().to_owned().into()))
        }
    };
    let region = config.region.as_ref();
    let targets = config.collectors().map(|address| {
        let target: Target = address.parse()?;
        let transport = target.transport(token.as_ref(), region, Arc::clone(&parts.clock))?;
        Ok((address.to_owned(), transport))
    });
    Ok(Arc::new(Failover::new(
        targets.collect::<anyhow::Result<_>>()?,
    )))
}

/// A spool, as health sees it.
pub(super) struct SpoolCheck(pub(super) Spool);

impl Check for SpoolCheck {
    fn loops(&self, _: Timestamp) -> Vec<LoopAge> {
        let idle_us = self.0.idle_for().as_micros();
        vec![LoopAge {
            name: "spool".to_owned(),
            age_us: i64::try_from(idle_us).unwrap_or(i64::MAX),
        }]
    }

    /// An agent takes reports with a full disk and without a collector, if not with both.
    fn missing(&self, _: Timestamp) -> Vec<String> {
        Vec::new()
    }
}
