//! Keeps the attempts of one partition: reads, writes what is to be kept, and commits what is
//! written. While the store is away it reads no further.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::{Fetched, LogError, Offset, ReadLimit};
use sextant_measure::time::Timestamp;
use sextant_store::AttemptRow;
use sextant_wire::topics::{ARCHIVES, OBSERVATIONS};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::archive::Shared;
use crate::error::ArchiveError;
use crate::partition::Partition;
use crate::pulse::Pulse;
use crate::start::start;
use crate::storing::{self, ROWS_MAX};

/// Records read at once, at most.
const RECORDS_MAX: usize = 10_000;
const READING: &str = "reading the observations log";
const COMMITTING: &str = "committing";
/// How often an owner that waits shows that it is alive.
const BEAT: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(200);
/// How long a partition that is let go waits for the store and for the log, together. What they do
/// not take is read again by the next owner.
const LAST_WRITE: Duration = Duration::from_secs(3);

/// Owns a partition until `stop`.
pub(crate) async fn own(
    shared: Arc<Shared>,
    partition: u32,
    stop: CancellationToken,
) -> Result<(), ArchiveError> {
    let _gone = Gone(Arc::clone(&shared), partition);
    loop {
        let begun = Owner::begin(Arc::clone(&shared), partition, stop.clone());
        let begun = alive(&shared.pulse, partition, begun);
        let Some(begun) = stop.run_until_cancelled(begun).await else {
            return Ok(());
        };
        let ended = match begun {
            Ok(mut owner) => owner.run().await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => return Ok(()),
            Err(ArchiveError::Log { doing, source }) if passes(&source) => {
                shared.metrics.error(doing);
                tracing::warn!(partition, doing, error = %source, "the log refused");
            }
            Err(error) => return Err(error),
        }
        let pause = alive(&shared.pulse, partition, tokio::time::sleep(RETRY));
        if stop.run_until_cancelled(pause).await.is_none() {
            return Ok(());
        }
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

/// Waits, and shows meanwhile that the owner is alive.
async fn alive<T>(pulse: &Pulse, partition: u32, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        pulse.beat(partition);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(BEAT) => {}
        }
    }
}

/// Tells how far behind a partition is that is not read meanwhile.
async fn falling_behind(shared: Arc<Shared>, partition: u32, next: Offset) -> Infallible {
    loop {
        tokio::time::sleep(BEAT).await;
        if let Ok(bounds) = shared.log.bounds(OBSERVATIONS, partition).await {
            let lag = bounds.high_watermark.0.saturating_sub(next.0);
            shared.metrics.lag(partition, lag);
        }
    }
}

struct Owner {
    shared: Arc<Shared>,
    partition: u32,
    stop: CancellationToken,
    state: Partition,
    next: Offset,
    high_watermark: Offset,
    /// Everything before it is in the store, and the log knows.
    committed: Offset,
    /// What was read and is to be written.
    rows: Vec<AttemptRow>,
    /// When to write next.
    due: Instant,
}

impl Owner {
    async fn begin(
        shared: Arc<Shared>,
        partition: u32,
        stop: CancellationToken,
    ) -> Result<Self, ArchiveError> {
        let start = start(&*shared.log, partition).await?;
        if start.overtaken > 0 {
            let records = start.overtaken;
            shared.metrics.overtaken(records);
            tracing::warn!(
                partition,
                records,
                "the log deleted records before they were read: their attempts are not kept"
            );
        }
        let (age_minutes, config) = (shared.age_minutes, &shared.config);
        let mut state = Partition::new(partition, config, age_minutes, start.committed);
        state.read_up_to(start.from);
        let due = shared.next_write();
        Ok(Self {
            shared,
            partition,
            stop,
            state,
            next: start.from,
            high_watermark: start.high_watermark,
            committed: start.committed.offset,
            rows: Vec::new(),
            due,
        })
    }

    /// Reads and writes until there is a stop.
    async fn run(&mut self) -> Result<(), ArchiveError> {
        let (shared, stop) = (Arc::clone(&self.shared), self.stop.clone());
        loop {
            // A read may be dropped; a write, and what it is for, may not.
            let wait = self.due.saturating_duration_since(Instant::now());
            let reading = alive(&shared.pulse, self.partition, self.fetch(wait));
            match stop.run_until_cancelled(reading).await {
                None => break,
                Some(Ok(fetched)) => self.take_in(&fetched),
                Some(Err(error)) if error.is_transient() => {
                    shared.metrics.error(READING);
                    tracing::warn!(partition = self.partition, %error, "the log refused");
                    let pause = alive(&shared.pulse, self.partition, tokio::time::sleep(RETRY));
                    stop.run_until_cancelled(pause).await;
                }
                Some(Err(error)) => {
                    self.write_soon().await?;
                    return Err(ArchiveError::log(READING)(error));
                }
            }
            if self.rows.len() >= ROWS_MAX || Instant::now() >= self.due {
                if !self.write_soon().await? {
                    return Ok(());
                }
                self.due = shared.next_write();
            }
        }
        self.write_soon().await.map(drop)
    }

    /// Writes what was read; once there is a stop, not for long.
    async fn write_soon(&mut self) -> Result<bool, ArchiveError> {
        let (shared, stop) = (Arc::clone(&self.shared), self.stop.clone());
        let partition = self.partition;
        let falling_behind = falling_behind(Arc::clone(&shared), partition, self.next);
        let enough = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST_WRITE).await;
        };
        tokio::select! {
            biased;
            written = alive(&shared.pulse, partition, self.write()) => written,
            () = enough => {
                tracing::warn!(partition, "let go without waiting any longer");
                Ok(false)
            }
            never = falling_behind => match never {},
        }
    }

    async fn fetch(&self, wait: Duration) -> Result<Fetched, LogError> {
        let limit = ReadLimit {
            records: RECORDS_MAX,
            bytes: self.shared.config.read_bytes_max,
        };
        let log = &self.shared.log;
        log.read(OBSERVATIONS, self.partition, self.next, limit, wait)
            .await
    }

    fn take_in(&mut self, fetched: &Fetched) {
        let metrics = &self.shared.metrics;
        metrics.corrupt(fetched.corrupt.len());
        for stored in &fetched.records {
            let appended_at = Timestamp::from_micros(stored.appended_at_us);
            let value = stored.record.value.as_ref();
            let taken = self
                .state
                .take_in(stored.offset, appended_at, value, &mut self.rows);
            if taken.is_err() && stored.offset >= self.committed {
                metrics.undecodable();
            }
        }
        self.next = fetched.next;
        self.high_watermark = fetched.high_watermark;
        self.state.read_up_to(self.next);
        metrics.tally(&std::mem::take(&mut self.state.tally));
        metrics.evicted_senders(self.state.take_evicted_senders());
        let lag = self.high_watermark.0.saturating_sub(self.next.0);
        metrics.lag(self.partition, lag);
    }

    /// Writes what was read, then commits it. Answers whether it is in the store: it is not if
    /// there was a stop meanwhile.
    async fn write(&mut self) -> Result<bool, ArchiveError> {
        let position = self.state.position();
        if !self.rows.is_empty() {
            let rows = std::mem::take(&mut self.rows);
            if !storing::write(&self.shared, rows, &self.stop).await? {
                return Ok(false);
            }
        }
        if position.offset <= self.committed {
            return Ok(true);
        }
        let log = &self.shared.log;
        let committing = log.commit(ARCHIVES, OBSERVATIONS, self.partition, position);
        match committing.await {
            Ok(()) => self.committed = position.offset,
            // The next one says this too; until then more is read again than need be.
            Err(error) if passes(&error) => {
                self.shared.metrics.error(COMMITTING);
                tracing::warn!(partition = self.partition, %error, "the position was not committed");
            }
            Err(error) => return Err(ArchiveError::log(COMMITTING)(error)),
        }
        Ok(true)
    }
}

/// Whether an error may be gone at the next attempt; a reader that retention overtook begins again
/// with what is left.
fn passes(error: &LogError) -> bool {
    error.is_transient() || matches!(error, LogError::OutOfRange { .. })
}
