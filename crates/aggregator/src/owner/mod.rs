//! Owns one partition: claims it, rebuilds its windows from the log, then publishes what changes.
//!
//! - `intake`: what is read. `keeping`: what goes to the store, and what is committed.

mod intake;
mod keeping;

use std::sync::Arc;
use std::time::Duration;

use sextant_catalog::LiveCatalog;
use sextant_eventlog::{Bounds, EventLog, LogError, Offset, Position};
use sextant_measure::time::{Clock, Timestamp};
use sextant_snapshot::record::{Entry, OwnerState, Progress};
use sextant_store::Store;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::AggregatorConfig;
use crate::error::AggregatorError;
use crate::metrics::{Metrics, Standing};
use crate::partition::{Partition, Reading};
use crate::pulse::{Beat, Pulse};
use crate::storing::Storing;
use crate::windows_log::{Inherited, Tenure, WindowsLog};
use sextant_wire::topics::{AGGREGATORS, OBSERVATIONS};

/// How far back of what must be rebuilt reading begins: a window and its grace.
const REPLAY_US: i64 = 45 * 60 * 1_000_000;
const TICK: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(200);
const FINDING: &str = "finding where to read from";

/// What all owners of a process share.
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) catalog: LiveCatalog,
    pub(crate) config: AggregatorConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) name: String,
    pub(crate) tasks: TaskTracker,
    pub(crate) pulse: Arc<Pulse>,
}

/// Why an owner's work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Stopped,
    /// What is in memory is no longer the truth: claim and rebuild again.
    Again(&'static str),
}

/// Owns a partition until `stop`.
pub(crate) async fn own(
    shared: Arc<Shared>,
    partition: u32,
    stop: CancellationToken,
) -> Result<(), AggregatorError> {
    loop {
        match Owner::claim(Arc::clone(&shared), partition, stop.clone()).await {
            Ok(mut owner) => match owner.run().await? {
                End::Stopped => {
                    shared.pulse.end(partition);
                    return Ok(());
                }
                End::Again(reason) => {
                    tracing::warn!(
                        partition,
                        reason,
                        "the partition is claimed and rebuilt again"
                    );
                }
            },
            Err(AggregatorError::Log { doing, source }) if passes(&source) => {
                shared.metrics.error(doing);
                tracing::warn!(partition, doing, error = %source, "the log refused");
            }
            Err(error) => return Err(error),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

struct Owner {
    shared: Arc<Shared>,
    partition: u32,
    stop: CancellationToken,
    windows: WindowsLog,
    state: Partition,
    storing: Storing,
    next: Offset,
    high_watermark: Offset,
    revisions: u64,
    ticks: u64,
    committed: Option<Position>,
}

impl Owner {
    async fn claim(
        shared: Arc<Shared>,
        partition: u32,
        stop: CancellationToken,
    ) -> Result<Self, AggregatorError> {
        let log = Arc::clone(&shared.log);
        let (windows, inherited) =
            WindowsLog::claim(Arc::clone(&log), partition, &shared.name).await?;
        let bounds = log
            .bounds(OBSERVATIONS, partition)
            .await
            .map_err(AggregatorError::log(FINDING))?;
        let (next, reading) = reading(&*log, partition, bounds, inherited.claimed_at).await?;
        let config = shared.config.clone();
        let mut state = Partition::new(shared.catalog.get(), config, reading);
        state.read_up_to(next);
        inherit(&mut state, &inherited);
        shared.metrics.rebuild();
        let metrics = shared.metrics.clone();
        let storing = Storing::new(
            Arc::clone(&shared.store),
            shared.tasks.clone(),
            stop.clone(),
            metrics,
        );
        let high_watermark = bounds.high_watermark;
        let (revisions, ticks) = (0, 0);
        Ok(Self {
            shared,
            partition,
            stop,
            windows,
            state,
            storing,
            next,
            high_watermark,
            revisions,
            ticks,
            committed: None,
        })
    }

    async fn run(&mut self) -> Result<End, AggregatorError> {
        let started = Instant::now();
        let mut deadline = started;
        loop {
            if self.stop.is_cancelled() {
                self.drain().await;
                return Ok(End::Stopped);
            }
            let due = Instant::now() >= deadline;
            let wait = if due {
                Duration::ZERO
            } else {
                deadline - Instant::now()
            };
            // Everything appended up to this moment is in what is read next, or before it.
            let before = self.shared.clock.now();
            let end = match self.fetch(wait).await {
                None => continue,
                Some(Ok(fetched)) => {
                    self.take_in(fetched).await?;
                    None
                }
                Some(Err(error)) => self.refused("reading the observations log", error).await?,
            };
            if let Some(end) = end {
                return Ok(end);
            }
            if due {
                deadline = (deadline + TICK).max(Instant::now());
                if let Some(end) = self.tick(before).await? {
                    return Ok(end);
                }
                if self.state.whole && self.ticks == 1 {
                    let (partition, series) = (self.partition, self.state.series());
                    let took_ms = started.elapsed().as_millis();
                    tracing::info!(partition, series, took_ms, "the partition is whole");
                }
            }
        }
    }

    /// Once a second: what changed goes to the windows log, what is due to the store.
    async fn tick(&mut self, before: Timestamp) -> Result<Option<End>, AggregatorError> {
        self.state.use_catalog(self.shared.catalog.get());
        let caught_up = self.next >= self.high_watermark;
        self.state.whole |= caught_up;
        let at = if caught_up {
            before
        } else {
            self.state.read_at()
        };
        let mut entries = Vec::new();
        if self.state.whole {
            entries = self.state.publish(at)?;
            self.ticks += 1;
        }
        let state = if self.state.whole {
            OwnerState::Whole
        } else {
            OwnerState::Rebuilding
        };
        let position_at = if caught_up {
            before
        } else {
            self.state.read_at()
        };
        let at_now = self.shared.clock.now();
        self.shared.pulse.beat(
            self.partition,
            Beat {
                at: at_now,
                whole: self.state.whole,
            },
        );
        entries.push(Entry::Progress(Progress {
            state,
            position_at,
            at: at_now,
        }));
        match self.windows.publish(&entries).await {
            Ok(Tenure::Held) => self.shared.metrics.published(entries.len()),
            Ok(Tenure::Lost) => return Ok(Some(End::Again("another owner has claimed it"))),
            Err(error) => {
                self.state.unpublish();
                return self.refused("publishing", error).await;
            }
        }
        self.use_store(at).await;
        self.report(caught_up);
        let again = self.state.lost_a_minute && !self.storing.is_writing();
        Ok(again.then_some(End::Again("the store was away for too long")))
    }

    async fn refused(
        &self,
        doing: &'static str,
        error: LogError,
    ) -> Result<Option<End>, AggregatorError> {
        self.shared.metrics.error(doing);
        if matches!(error, LogError::OutOfRange { .. }) {
            return Ok(Some(End::Again("retention overtook the reader")));
        }
        if !passes(&error) {
            return Err(AggregatorError::log(doing)(error));
        }
        tracing::warn!(partition = self.partition, doing, %error, "the log refused");
        tokio::time::sleep(RETRY).await;
        Ok(None)
    }

    fn report(&self, caught_up: bool) {
        let lag = self.high_watermark.0.saturating_sub(self.next.0);
        self.shared.metrics.standing(
            self.partition,
            Standing {
                series: self.state.series(),
                senders: self.state.senders(),
                lag: if caught_up { 0 } else { lag },
                whole: self.state.whole,
            },
        );
    }
}

/// Where reading begins, and what of it the store has already.
async fn reading(
    log: &dyn EventLog,
    partition: u32,
    bounds: Bounds,
    claimed_at: Timestamp,
) -> Result<(Offset, Reading), AggregatorError> {
    let committed = log
        .committed(AGGREGATORS, OBSERVATIONS, partition)
        .await
        .map_err(AggregatorError::log(FINDING))?;
    let Some(committed) = committed else {
        // Nothing was ever stored: all that is left of the log is to be.
        let (from, committed) = (None, Offset(0));
        return Ok((bounds.earliest, Reading { from, committed }));
    };
    let from_us = claimed_at.as_micros().min(committed.time_us) - REPLAY_US;
    let at = log
        .offset_at(OBSERVATIONS, partition, from_us)
        .await
        .map_err(AggregatorError::log(FINDING))?;
    let from = (at > Offset(0)).then(|| Timestamp::from_micros(from_us));
    // A commit that points past the log is of another log: nothing of it holds.
    let committed = committed.offset.min(bounds.high_watermark);
    Ok((at.max(bounds.earliest), Reading { from, committed }))
}

fn inherit(state: &mut Partition, inherited: &Inherited) {
    if inherited.unreadable > 0 {
        tracing::warn!(
            records = inherited.unreadable,
            "records of the windows log are unreadable"
        );
    }
    for row in &inherited.rows {
        match row {
            Entry::Endpoint(row) => {
                let regions: Vec<_> = row.regions().iter().map(|r| r.region.clone()).collect();
                state.adopt(row.id(), &regions, inherited.claimed_at);
            }
            Entry::Agent(row) => state.agents.adopt(row),
            _ => {}
        }
    }
}

/// Whether an error may be gone at the next attempt.
fn passes(error: &LogError) -> bool {
    matches!(error, LogError::Unavailable { .. } | LogError::Full { .. })
}
