//! The archive of a process that has one: beside the aggregator, or alone.

use std::sync::Arc;

use anyhow::Context as _;
use prometheus_client::registry::Registry;
use sextant_archive::{Archive, ArchiveError, Dependencies, Metrics, Pulse};
use sextant_measure::time::Timestamp;
use sextant_server::health::{Check, LoopAge};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::backends::Backends;
use super::parts::Parts;
use super::role::Role;
use super::stages::End;

const MINUTES_PER_HOUR: u32 = 60;

/// An archive at work.
pub(super) struct Archiving {
    task: JoinHandle<Result<(), ArchiveError>>,
    stop: CancellationToken,
    pulse: Arc<Pulse>,
}

impl Archiving {
    /// Starts it, unless the role has none or nothing is to be kept.
    pub(super) fn start(
        parts: &Parts<'_>,
        backends: Option<&Backends>,
        registry: &mut Registry,
        tasks: &TaskTracker,
    ) -> anyhow::Result<Option<Self>> {
        let config = &parts.config.archive;
        let Some(backends) = backends.filter(|_| parts.role.archives()) else {
            return Ok(None);
        };
        if !config.enabled {
            tracing::info!("single attempts are not kept: [archive] enabled is false");
            return Ok(None);
        }
        let store = backends.store.as_ref();
        let hours = parts.config.store.observations_retention_hours;
        let dependencies = Dependencies {
            log: Arc::clone(&backends.log),
            store: Arc::clone(store.context("an archive has a store")?),
            age_minutes: hours.saturating_mul(MINUTES_PER_HOUR),
            metrics: Metrics::new(registry),
        };
        let archive = Archive::new(dependencies, config.clone());
        let (pulse, stop) = (archive.pulse(), CancellationToken::new());
        let task = tasks.spawn(archive.run(stop.clone()));
        Ok(Some(Self { task, stop, pulse }))
    }

    /// How health sees it.
    pub(super) fn check(&self, role: Role) -> Arc<dyn Check> {
        Arc::new(ArchiveCheck {
            pulse: Arc::clone(&self.pulse),
            role,
        })
    }

    /// Waits until it fails for good, and says why.
    pub(super) async fn failed(&mut self) -> String {
        match (&mut self.task).await {
            Ok(Ok(())) => "the archive ended by itself".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// How it ends.
    pub(super) fn into_end(archiving: Option<Self>) -> End {
        Box::pin(async move {
            let Some(Self { task, stop, .. }) = archiving else {
                return Ok(());
            };
            stop.cancel();
            // One that had ended before told why already.
            if !task.is_finished() {
                task.await??;
            }
            Ok(())
        })
    }
}

/// Tells whether its loops turn.
struct ArchiveCheck {
    pulse: Arc<Pulse>,
    role: Role,
}

impl Check for ArchiveCheck {
    fn loops(&self, _: Timestamp) -> Vec<LoopAge> {
        let beats = self.pulse.beats().into_iter();
        let age = beats.map(|(partition, at)| LoopAge {
            name: format!("archive of partition {partition}"),
            age_us: i64::try_from(at.elapsed().as_micros()).unwrap_or(i64::MAX),
        });
        age.collect()
    }

    /// However far it is behind, it is ready; and nothing else waits for it.
    fn missing(&self, _: Timestamp) -> Vec<String> {
        if self.role.is_alone() || self.pulse.has_joined() {
            return Vec::new();
        }
        vec!["the consumer group has given no partitions yet".to_owned()]
    }
}
