//! Watches: the latest whenever their reader is ready for it, never a queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream};
use prometheus_client::metrics::gauge::Gauge;
use sextant_measure::time::Clock;
use sextant_wire::snapshot::{encode, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::admissions::{Admissions, TooFast};
use crate::config::Config;
use crate::encoder::Unmade;
use crate::encodings::{Encoded, Position, Speech};
use crate::events;
use crate::filter::Filter;
use crate::grpc::framed;
use crate::hub::{Hub, Unserved};
use crate::metrics::Metrics;
use crate::seats::{Caller, NoSeat, Seat, Seats};

/// All watches of a server, however they are spoken to.
pub(crate) struct Watches {
    pub(crate) hub: Arc<Hub>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) stop: CancellationToken,
    pub(crate) seats: Seats,
    pub(crate) admissions: Admissions,
}

/// What a watcher asks for.
pub(crate) struct Watch {
    pub(crate) caller: Caller,
    /// What it has; nothing for who begins.
    pub(crate) position: Option<Arc<Position>>,
    pub(crate) filter: Filter,
    pub(crate) speech: Speech,
}

/// Why a watch is not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unwatched {
    NoSeat(NoSeat),
    TooFast(TooFast),
    Unserved(Unserved),
}

impl Watches {
    /// Room for one, if there is any.
    pub(crate) fn hold(&self, caller: Caller) -> Result<Held, Unwatched> {
        let seat = self.seats.take(caller).map_err(Unwatched::NoSeat)?;
        self.admissions.admit().map_err(Unwatched::TooFast)?;
        if self.stop.is_cancelled() {
            return Err(Unwatched::Unserved(Unserved::Stopping));
        }
        // A snapshot has to be there before a stream is promised.
        let present = self.hub.present();
        present.ok_or(Unwatched::Unserved(Unserved::Starting))?;
        Ok(Held {
            _seat: seat,
            _counted: Counted::new(&self.metrics.watchers),
        })
    }

    /// Begins one, if there is room.
    pub(crate) fn begin(&self, watch: Watch) -> Result<Watcher, Unwatched> {
        let held = self.hold(watch.caller)?;
        Ok(Watcher {
            hub: Arc::clone(&self.hub),
            clock: Arc::clone(&self.clock),
            stop: self.stop.clone(),
            editions: self.hub.editions(),
            filter: watch.filter,
            speech: watch.speech,
            position: watch.position,
            is_begun: false,
            silence_max: self.config.heartbeat(),
            metrics: self.metrics.clone(),
            _held: held,
        })
    }
}

/// Room for a watch, while this lasts.
pub(crate) struct Held {
    _seat: Seat,
    _counted: Counted,
}

/// One watch. Its next message is made when the one before has been taken.
pub(crate) struct Watcher {
    hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    editions: watch::Receiver<u64>,
    filter: Filter,
    speech: Speech,
    /// What the reader has; nothing before the first full snapshot.
    position: Option<Arc<Position>>,
    is_begun: bool,
    silence_max: Duration,
    metrics: Metrics,
    _held: Held,
}

impl Watcher {
    /// Messages, each whole, until the server stops.
    pub(crate) fn messages(self) -> impl Stream<Item = Result<Bytes, Unserved>> + Send + 'static {
        stream::try_unfold(self, |mut watcher| async move {
            let stop = watcher.stop.clone();
            let next = stop.run_until_cancelled(watcher.next()).await;
            let bytes = next.unwrap_or(Err(Unserved::Stopping))?;
            watcher.metrics.pushed(bytes.len());
            Ok(Some((bytes, watcher)))
        })
    }

    async fn next(&mut self) -> Result<Bytes, Unserved> {
        let silent_until = Instant::now() + self.silence_max;
        if !self.is_begun {
            self.is_begun = true;
            return self.push().await.map(|pushed| pushed.bytes);
        }
        loop {
            tokio::select! {
                changed = self.editions.changed() => {
                    changed.map_err(|_| Unserved::Stopping)?;
                }
                () = sleep_until(silent_until) => return Ok(self.heartbeat()?),
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
            None => self.hub.full(self.speech, &self.filter).await?,
            Some(position) => self.hub.change(self.speech, position, &self.filter).await?,
        };
        self.position = Some(Arc::clone(&pushed.position));
        Ok(pushed)
    }

    fn heartbeat(&self) -> Result<Bytes, Unmade> {
        let version = self
            .position
            .as_ref()
            .map_or("", |position| position.text());
        let now = self.clock.now();
        Ok(match self.speech {
            Speech::Protobuf => framed(&encode::heartbeat(version, now)),
            Speech::Events => events::heartbeat(|text| json::heartbeat(text, version, now))?.into(),
        })
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
