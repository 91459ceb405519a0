//! Owns one partition: claims it, rebuilds its windows from the log, then publishes what changes.
//!
//! - `start`: where reading begins, and what is taken over. `intake`: what is read. `keeping`: what
//!   goes to the store, and `committing` how far the log need not be read again.

mod committing;
mod intake;
mod keeping;
mod start;

use std::sync::Arc;
use std::time::Duration;

use sextant_catalog::LiveCatalog;
use sextant_eventlog::{EventLog, LogError, Offset};
use sextant_measure::time::{Clock, Timestamp};
use sextant_snapshot::record::{Entry, OwnerState, Progress};
use sextant_store::Store;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::committing::Committing;
use self::start::{FINDING, inherit, reading};
use crate::config::AggregatorConfig;
use crate::error::AggregatorError;
use crate::gates::LiveVerdicts;
use crate::metrics::{Metrics, Standing};
use crate::partition::Partition;
use crate::pulse::{Beat, Pulse};
use crate::storing::Storing;
use crate::windows_log::{Tenure, WindowsLog};
use sextant_wire::topics::OBSERVATIONS;

const TICK: Duration = Duration::from_secs(1);
/// How far the windows may stand ahead of the clock before that means that it was set back.
const AHEAD_STEPS_MAX: u32 = 6;
const SETTLE_US: i64 = 1_000_000;
const RETRY: Duration = Duration::from_millis(200);
/// How long an owner that was displaced leaves the partition to the other. One that was stalled
/// learns meanwhile that its group has given the partition away.
const CONTEST: Duration = Duration::from_secs(5);
const DISPLACED: &str = "another owner has claimed it";

/// What all owners of a process share.
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) catalog: LiveCatalog,
    pub(crate) verdicts: LiveVerdicts,
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
    let mut before = RETRY;
    let _gone = Gone(Arc::clone(&shared), partition);
    loop {
        let claimed = Owner::claim(Arc::clone(&shared), partition, stop.clone());
        let claimed = alive(&shared.pulse, partition, claimed);
        let Some(claimed) = stop.run_until_cancelled(claimed).await else {
            return Ok(());
        };
        match claimed {
            Ok(mut owner) => match owner.run().await? {
                End::Stopped => return Ok(()),
                End::Again(reason) => {
                    before = if reason == DISPLACED { CONTEST } else { RETRY };
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
            () = alive(&shared.pulse, partition, tokio::time::sleep(before)) => {}
        }
        before = RETRY;
    }
}

/// Takes a partition that is owned no longer out of what the process says of itself.
struct Gone(Arc<Shared>, u32);

impl Drop for Gone {
    fn drop(&mut self) {
        let Self(shared, partition) = self;
        shared.pulse.end(*partition);
        shared.metrics.gone(*partition);
    }
}

/// Waits for the log, and shows meanwhile that the owner is alive.
async fn alive<T>(pulse: &Pulse, partition: u32, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(TICK) => pulse.touch(partition),
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
    committing: Committing,
    /// When to tell next what changed.
    due: Instant,
    /// Since when, until it is whole.
    rebuilding: Option<Instant>,
}

impl Owner {
    async fn claim(
        shared: Arc<Shared>,
        partition: u32,
        stop: CancellationToken,
    ) -> Result<Self, AggregatorError> {
        let log = Arc::clone(&shared.log);
        let (windows, inherited) =
            WindowsLog::claim(Arc::clone(&log), partition, &shared.name, &stop).await?;
        let bounds = log
            .bounds(OBSERVATIONS, partition)
            .await
            .map_err(AggregatorError::log(FINDING))?;
        let (next, reading) = reading(&*log, partition, bounds, inherited.claimed_at).await?;
        let config = shared.config.clone();
        let committing = Committing::new(Arc::clone(&shared), partition, reading.committed);
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
            committing,
            due: Instant::now(),
            rebuilding: Some(Instant::now()),
        })
    }

    async fn run(&mut self) -> Result<End, AggregatorError> {
        let stop = self.stop.clone();
        let working = async {
            loop {
                if let Some(end) = self.turn().await? {
                    return Ok(end);
                }
            }
        };
        if let Some(ended) = stop.run_until_cancelled(working).await {
            return ended;
        }
        // What was left half done is what a crash leaves: the next owner does it again.
        let shared = Arc::clone(&self.shared);
        alive(&shared.pulse, self.partition, self.drain()).await?;
        Ok(End::Stopped)
    }

    /// Reads on; once a second also tells what changed.
    async fn turn(&mut self) -> Result<Option<End>, AggregatorError> {
        let wait = self.due.saturating_duration_since(Instant::now());
        // Everything appended up to this moment is in what is read next, or before it.
        let before = settled(self.shared.clock.now());
        let read_up_to = match self.fetch(wait).await {
            Ok(fetched) => {
                self.take_in(fetched).await?;
                (self.next >= self.high_watermark).then_some(before)
            }
            Err(error) => {
                let end = self.refused("reading the observations log", error).await?;
                if end.is_some() {
                    return Ok(end);
                }
                None
            }
        };
        if !wait.is_zero() {
            return Ok(None);
        }
        self.due = (self.due + TICK).max(Instant::now());
        self.tick(read_up_to).await
    }

    /// Once a second: what changed goes to the windows log, what is due to the store. `read_up_to`
    /// is when everything had been read; nothing if there is more.
    async fn tick(
        &mut self,
        read_up_to: Option<Timestamp>,
    ) -> Result<Option<End>, AggregatorError> {
        self.state.use_catalog(self.shared.catalog.get());
        self.state.verdicts = self.shared.verdicts.get();
        let at = read_up_to.unwrap_or_else(|| self.state.read_at());
        let log_or_clock = self.shared.clock.now().max(self.state.read_at());
        if self.state.now() > log_or_clock.step().plus(AHEAD_STEPS_MAX) {
            return Ok(Some(End::Again("the clock had run ahead")));
        }
        self.make_room(at).await?;
        self.state.whole |= read_up_to.is_some();
        let mut entries = Vec::new();
        let mut state = OwnerState::Rebuilding;
        if self.state.whole {
            entries = self.state.publish(at)?;
            state = OwnerState::Whole;
            self.ticks += 1;
        }
        let now = self.beat();
        entries.push(Entry::Progress(Progress {
            state,
            position_at: at,
            at: now,
        }));
        let publishing = self.windows.publish(&entries);
        match alive(&self.shared.pulse, self.partition, publishing).await {
            Ok(Tenure::Held) => {
                self.state.published();
                self.shared.metrics.published(entries.len());
                self.say_once_whole();
            }
            Ok(Tenure::Lost) => return Ok(Some(End::Again(DISPLACED))),
            Err(error) => {
                self.state.unpublish();
                return self.refused("publishing", error).await;
            }
        }
        self.use_store(at).await?;
        self.report(read_up_to.is_some(), now);
        let again = self.state.lost_a_minute && !self.storing.is_writing();
        Ok(again.then_some(End::Again("the store was away for too long")))
    }

    /// Shows that the owner is alive. Gives the time.
    fn beat(&self) -> Timestamp {
        let (at, whole) = (Instant::now(), self.state.whole);
        self.shared.pulse.beat(self.partition, Beat { at, whole });
        self.shared.clock.now()
    }

    fn say_once_whole(&mut self) {
        if let Some(since) = self.rebuilding.take_if(|_| self.state.whole) {
            let (partition, series) = (self.partition, self.state.series());
            let took_ms = since.elapsed().as_millis();
            tracing::info!(partition, series, took_ms, "the partition is whole");
        }
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

    fn report(&self, caught_up: bool, now: Timestamp) {
        let lag = self.high_watermark.0.saturating_sub(self.next.0);
        let ahead_s = self.state.read_at().micros_since(now) / 1_000_000;
        self.shared.metrics.standing(
            self.partition,
            Standing {
                series: self.state.series(),
                senders: self.state.senders(),
                lag: if caught_up { 0 } else { lag },
                whole: self.state.whole,
                ahead_s: u64::try_from(ahead_s).unwrap_or(0),
            },
        );
    }
}

/// The time up to which the clock may move the windows. The log shows a record a moment after the
/// time that it stamps it with; so that a window which ends at a minute has all that was appended
/// by then, the first second of a minute is waited for.
fn settled(now: Timestamp) -> Timestamp {
    let minute = now.minute().start();
    if now.micros_since(minute) < SETTLE_US {
        minute.plus_micros(-1)
    } else {
        now
    }
}

/// Whether an error may be gone at the next attempt.
fn passes(error: &LogError) -> bool {
    matches!(error, LogError::Unavailable { .. } | LogError::Full { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_second_of_a_minute_is_waited_for() {
        let minute = Timestamp::from_micros(1_795_356_000_000_000);
        for (after_us, moved_to_us) in [
            (-1, -1),
            (0, -1),
            (SETTLE_US - 1, -1),
            (SETTLE_US, SETTLE_US),
            (30_000_000, 30_000_000),
        ] {
            let settled = settled(minute.plus_micros(after_us));
            assert_eq!(settled.micros_since(minute), moved_to_us, "{after_us}");
        }
    }
}
