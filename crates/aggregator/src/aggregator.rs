//! Owns the partitions that the consumer group gives.

use std::collections::HashMap;
use std::sync::Arc;

use sextant_catalog::LiveCatalog;
use sextant_eventlog::{EventLog, MembershipEvent};
use sextant_measure::time::Clock;
use sextant_store::Store;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::AggregatorConfig;
use crate::error::AggregatorError;
use crate::gates;
use crate::metrics::Metrics;
use crate::owner::{Shared, own};
use crate::pulse::Pulse;
use sextant_wire::topics::{AGGREGATORS, OBSERVATIONS};

/// What an aggregator works with.
pub struct Dependencies {
    /// Holds the observations and takes the windows; its topics are prepared.
    pub log: Arc<dyn EventLog>,
    /// Takes minutes and windows.
    pub store: Arc<dyn Store>,
    /// What is known of models and providers.
    pub catalog: LiveCatalog,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where it counts.
    pub metrics: Metrics,
}

/// Turns observations into windows, for the partitions that its group gives it.
pub struct Aggregator {
    shared: Arc<Shared>,
}

impl Aggregator {
    /// `name` tells owners apart in the log.
    pub fn new(dependencies: Dependencies, config: AggregatorConfig, name: String) -> Self {
        let Dependencies {
            log,
            store,
            catalog,
            clock,
            metrics,
        } = dependencies;
        let tasks = TaskTracker::new();
        let pulse = Arc::default();
        let shared = Shared {
            log,
            store,
            catalog,
            verdicts: gates::LiveVerdicts::default(),
            config,
            clock,
            metrics,
            name,
            tasks,
            pulse,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Whether its owners are alive.
    pub fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.shared.pulse)
    }

    /// Works until `stop`, then stores and commits what it has read, as far as that can be had soon.
    ///
    /// # Errors
    /// When the log fails for good: nothing more can be owned, and the process must end.
    pub async fn run(self, stop: CancellationToken) -> Result<(), AggregatorError> {
        gates::follow(&self.shared, &stop).await?;
        let joining = AggregatorError::log("joining the consumer group");
        let joined = self.shared.log.join(AGGREGATORS, OBSERVATIONS);
        let Some(joined) = stop.run_until_cancelled(joined).await else {
            return Ok(());
        };
        let mut membership = joined.map_err(joining)?;
        let mut owners = JoinSet::new();
        let mut tenures: HashMap<u32, Tenure> = HashMap::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = owners.join_next(), if !owners.is_empty() => outcome(ended)?,
                event = membership.next() => {
                    match event.map_err(AggregatorError::log("following the consumer group"))? {
                        MembershipEvent::Assigned(partitions) => {
                            self.shared.pulse.joined();
                            for partition in partitions {
                                self.shared.pulse.begin(partition);
                                let tenure = Tenure::new(&stop);
                                let owner = own(Arc::clone(&self.shared), partition, tenure.stop.clone());
                                owners.spawn(tenure.ends.track_future(owner));
                                tenures.insert(partition, tenure);
                            }
                        }
                        MembershipEvent::Revoked(partitions) => {
                            // Asking for the next event says that these are let go.
                            let revoked = partitions.iter().filter_map(|p| tenures.remove(p));
                            let ending = revoked.map(Tenure::end).collect::<JoinSet<_>>();
                            ending.join_all().await;
                        }
                    }
                }
            }
        }
        while let Some(ended) = owners.join_next().await {
            outcome(ended)?;
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        Ok(())
    }
}

/// The time for which a partition is owned.
struct Tenure {
    stop: CancellationToken,
    ends: TaskTracker,
}

impl Tenure {
    fn new(stop: &CancellationToken) -> Self {
        Self {
            stop: stop.child_token(),
            ends: TaskTracker::new(),
        }
    }

    /// Ends it and waits until everything read is stored and committed.
    async fn end(self) {
        self.stop.cancel();
        self.ends.close();
        self.ends.wait().await;
    }
}

/// An owner that panicked would leave its partition without one: that ends the process too.
fn outcome(ended: Result<Result<(), AggregatorError>, JoinError>) -> Result<(), AggregatorError> {
    ended.unwrap_or_else(|error| Err(AggregatorError::Panicked(error.to_string())))
}
