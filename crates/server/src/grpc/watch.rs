//! One watch: the latest whenever its reader is ready for it, never a queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use sextant_measure::time::Clock;
use sextant_wire::snapshot::encode;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{Serving, framed, status};
use crate::encodings::{Encoded, Position};
use crate::filter::Filter;
use crate::hub::{Hub, Unserved};
use crate::seats::Seat;

/// One watch. Its next message is made when the one before has been taken.
pub(super) struct Watcher {
    hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    editions: watch::Receiver<u64>,
    filter: Filter,
    /// What the reader has; nothing before the first full snapshot.
    position: Option<Arc<Position>>,
    is_begun: bool,
    heartbeat: Duration,
    pushed_bytes: Counter,
    _counted: Counted,
    _seat: Seat,
}

impl Watcher {
    pub(super) fn new(
        serving: &Serving,
        position: Option<Arc<Position>>,
        filter: Filter,
        seat: Seat,
    ) -> Self {
        Self {
            hub: Arc::clone(&serving.hub),
            clock: Arc::clone(&serving.clock),
            stop: serving.stop.clone(),
            editions: serving.hub.editions(),
            filter,
            position,
            is_begun: false,
            heartbeat: serving.config.heartbeat(),
            pushed_bytes: serving.metrics.pushed_bytes.clone(),
            _counted: Counted::new(&serving.metrics.watchers),
            _seat: seat,
        }
    }

    /// Framed messages, until the server stops.
    pub(super) fn messages(self) -> impl Stream<Item = Result<Bytes, Status>> + Send + 'static {
        stream::try_unfold(self, |mut watcher| async move {
            let stop = watcher.stop.clone();
            let next = stop.run_until_cancelled(watcher.next()).await;
            let bytes = next.unwrap_or(Err(Unserved::Stopping));
            let bytes = bytes.map_err(status::unserved)?;
            watcher
                .pushed_bytes
                .inc_by(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            Ok(Some((bytes, watcher)))
        })
    }

    async fn next(&mut self) -> Result<Bytes, Unserved> {
        let silent_until = Instant::now() + self.heartbeat;
        if !self.is_begun {
            self.is_begun = true;
            return self.push().await.map(|pushed| pushed.bytes);
        }
        loop {
            tokio::select! {
                changed = self.editions.changed() => {
                    changed.map_err(|_| Unserved::Stopping)?;
                }
                () = sleep_until(silent_until) => return Ok(self.heartbeat()),
            }
            let had = self.position.clone();
            let pushed = self.push().await?;
            if had.is_none_or(|had| had != pushed.position) {
                return Ok(pushed.bytes);
            }
        }
    }

    async fn push(&mut self) -> Result<Encoded, Unserved> {
        self.editions.mark_unchanged();
        let pushed = match &self.position {
            None => self.hub.full(&self.filter).await?,
            Some(position) => self.hub.change(position, &self.filter).await?,
        };
        self.position = Some(Arc::clone(&pushed.position));
        Ok(pushed)
    }

    fn heartbeat(&self) -> Bytes {
        let version = self
            .position
            .as_ref()
            .map_or("", |position| position.text());
        framed(&encode::heartbeat(version, self.clock.now()))
    }
}

/// Counts a watch while it is open.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
