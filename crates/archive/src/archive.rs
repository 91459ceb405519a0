//! Owns the partitions that the consumer group gives.

use std::collections::HashMap;
use std::sync::Arc;

use sextant_eventlog::{EventLog, MembershipEvent};
use sextant_store::Store;
use sextant_wire::topics::{ARCHIVES, OBSERVATIONS};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::ArchiveConfig;
use crate::error::ArchiveError;
use crate::metrics::Metrics;
use crate::owner::own;
use crate::pulse::Pulse;

/// What an archive works with.
pub struct Dependencies {
    /// Holds the observations; its topics are prepared.
    pub log: Arc<dyn EventLog>,
    /// Takes the attempts.
    pub store: Arc<dyn Store>,
    /// For how long the store keeps an attempt, in minutes.
    pub age_minutes: u32,
    /// Where it counts.
    pub metrics: Metrics,
}

/// Keeps single attempts, for the partitions that its group gives it.
pub struct Archive {
    shared: Arc<Shared>,
}

/// What all owners of a process share.
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) age_minutes: u32,
    pub(crate) config: ArchiveConfig,
    pub(crate) metrics: Metrics,
    pub(crate) pulse: Arc<Pulse>,
    started: Instant,
}

impl Shared {
    /// When all owners of the process write next: at the same moments, so that a store that gathers
    /// writes makes one of theirs.
    pub(crate) fn next_write(&self) -> Instant {
        let (interval, now) = (self.config.write_interval(), Instant::now());
        let past = now.duration_since(self.started).as_nanos() % interval.as_nanos().max(1);
        let past = u64::try_from(past).unwrap_or(0);
        now + interval.saturating_sub(std::time::Duration::from_nanos(past))
    }
}

impl Archive {
    /// Reads nothing before it runs.
    pub fn new(dependencies: Dependencies, config: ArchiveConfig) -> Self {
        let Dependencies {
            log,
            store,
            age_minutes,
            metrics,
        } = dependencies;
        let shared = Shared {
            log,
            store,
            age_minutes,
            config,
            metrics,
            pulse: Arc::default(),
            started: Instant::now(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Whether its owners are alive.
    pub fn pulse(&self) -> Arc<Pulse> {
        Arc::clone(&self.shared.pulse)
    }

    /// Works until `stop`, then writes and commits what it has read, as far as that can be had soon.
    ///
    /// # Errors
    /// When the log or the store fails for good: nothing more can be kept, and the process must end.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ArchiveError> {
        let joined = self.shared.log.join(ARCHIVES, OBSERVATIONS);
        let Some(joined) = stop.run_until_cancelled(joined).await else {
            return Ok(());
        };
        let mut membership = joined.map_err(ArchiveError::log("joining the consumer group"))?;
        let mut owners = JoinSet::new();
        let mut tenures: HashMap<u32, Tenure> = HashMap::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = owners.join_next(), if !owners.is_empty() => outcome(ended)?,
                event = membership.next() => {
                    match event.map_err(ArchiveError::log("following the consumer group"))? {
                        MembershipEvent::Assigned(partitions) => {
                            self.shared.pulse.joined();
                            for partition in partitions {
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

    /// Ends it and waits until everything read is written and committed.
    async fn end(self) {
        self.stop.cancel();
        self.ends.close();
        self.ends.wait().await;
    }
}

/// An owner that panicked would leave its partition without one: that ends the process too.
fn outcome(ended: Result<Result<(), ArchiveError>, JoinError>) -> Result<(), ArchiveError> {
    ended.unwrap_or_else(|error| Err(ArchiveError::Panicked(error.to_string())))
}
