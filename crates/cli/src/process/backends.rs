//! The log and the store that a process works with: its own, or those of the fleet.

use std::sync::Arc;

use anyhow::Context as _;
use prometheus_client::registry::Registry;
use sextant_eventlog::EventLog;
use sextant_eventlog::sqlite::{SqliteLog, SqliteOptions as LogOptions};
use sextant_measure::time::Clock;
use sextant_store::sqlite::{SqliteOptions as StoreOptions, SqliteStore};
use sextant_store::{Retention, Store};
use sextant_wire::topics::topics;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::embedded;
#[cfg(feature = "fleet")]
use super::fleet;
use super::opening::Opening;
use super::parts::Parts;
use crate::config::{Config, StoreConfig};

/// The log, its topics prepared, and the store, if the role needs one.
pub(super) struct Backends {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) store: Option<Arc<dyn Store>>,
    engines: Engines,
}

/// What they are.
enum Engines {
    Embedded(Arc<SqliteLog>, Arc<SqliteStore>),
    #[cfg(feature = "fleet")]
    Fleet(fleet::Engines),
}

impl Backends {
    /// Opens what the role works with, and says meanwhile what it waits for.
    pub(super) async fn open(parts: &Parts<'_>, opening: &Opening) -> anyhow::Result<Self> {
        if parts.role.is_alone() {
            opening.waits_for("the log and the store are being opened".to_owned());
            Self::embedded(parts.config, &parts.clock).await
        } else {
            Self::of_fleet(parts, opening).await
        }
    }

    async fn embedded(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let folder = &config.standalone.data_dir;
        let ticking = Arc::clone(clock);
        let now = Arc::new(move || ticking.now().as_micros());
        let log = SqliteLog::open(folder.join("log"), LogOptions::default(), now)
            .with_context(|| format!("cannot open the log in {}", folder.display()))?;
        let prepared = log
            .prepare(&topics(config.log.partitions, config.log.retention()))
            .await;
        prepared.context("cannot prepare the log's topics")?;
        let options = StoreOptions {
            retention: retention(&config.store),
            attempts_rows_max: config.store.observations_rows_max.into(),
            ..StoreOptions::default()
        };
        let store = SqliteStore::open(folder.join("store"), options)
            .with_context(|| format!("cannot open the store in {}", folder.display()))?;
        let (log, store) = (Arc::new(log), Arc::new(store));
        Ok(Self {
            log: Arc::clone(&log) as Arc<dyn EventLog>,
            store: Some(Arc::clone(&store) as Arc<dyn Store>),
            engines: Engines::Embedded(log, store),
        })
    }

    #[cfg(feature = "fleet")]
    async fn of_fleet(parts: &Parts<'_>, opening: &Opening) -> anyhow::Result<Self> {
        let engines = fleet::Engines::open(parts, opening).await?;
        Ok(Self {
            log: engines.log(),
            store: engines.store(),
            engines: Engines::Fleet(engines),
        })
    }

    #[cfg(not(feature = "fleet"))]
    #[expect(clippy::unused_async, reason = "it stands for one that waits")]
    async fn of_fleet(parts: &Parts<'_>, _: &Opening) -> anyhow::Result<Self> {
        anyhow::bail!(
            "the role {} needs Kafka, which this build leaves out: build it with the feature `fleet`",
            parts.role.name()
        )
    }

    /// Looks after them until `stop`, as far as they don't do so themselves.
    pub(super) fn look_after(
        &self,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        match &self.engines {
            Engines::Embedded(log, store) => {
                let kept = embedded::Embedded::new(log, Arc::clone(store));
                embedded::start(kept, clock, registry, tasks, stop);
            }
            #[cfg(feature = "fleet")]
            Engines::Fleet(engines) => engines.look_after(clock, registry, tasks, stop),
        }
    }

    /// Waits until one of them can't be used any more, and says why.
    pub(super) async fn stopped(&self) -> String {
        match &self.engines {
            Engines::Embedded(log, store) => tokio::select! {
                reason = log.stopped() => format!("the log has stopped: {reason}"),
                reason = store.stopped() => format!("the store has stopped: {reason}"),
            },
            #[cfg(feature = "fleet")]
            Engines::Fleet(engines) => engines.stopped().await,
        }
    }

    /// Closes them in good order.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        match self.engines {
            Engines::Embedded(log, _) => Ok(log.close().await?),
            #[cfg(feature = "fleet")]
            Engines::Fleet(engines) => engines.close().await,
        }
    }
}

/// How long results are kept.
pub(crate) fn retention(config: &StoreConfig) -> Retention {
    Retention {
        minutes_days: config.minutes_retention_days,
        windows_days: config.windows_retention_days,
        agents_days: config.agents_retention_days,
        attempts_hours: config.observations_retention_hours,
    }
}
