//! From the bytes of a request to its answer.

use std::fmt::Write as _;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::Extensions;
use sextant_catalog::LiveCatalog;
use sextant_measure::refusal::Refusal;
use sextant_measure::time::Clock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::decode::{self, Encoding};
use crate::left_out::Tally;
use crate::map::{self, Mapped};
use crate::metrics::{Metrics, Transport};
use crate::names::Names;
use crate::reading::Reading;
use crate::refused::{Refused, Why};
use crate::sink::{Room, SpanSink, Taken};

/// What a receiver works with.
pub struct Wiring {
    /// Tells which models there are.
    pub catalog: LiveCatalog,
    /// Where observations go.
    pub sink: Arc<dyn SpanSink>,
    /// Tells how late spans come.
    pub clock: Arc<dyn Clock>,
    /// Once cancelled, nothing more is read.
    pub shutdown: CancellationToken,
    /// Owns what goes on when a caller has gone.
    pub tasks: TaskTracker,
}

/// Takes requests of spans.
pub struct Receiver {
    pub(crate) config: Arc<Config>,
    pub(crate) shutdown: CancellationToken,
    catalog: LiveCatalog,
    names: ArcSwap<Names>,
    sink: Arc<dyn SpanSink>,
    reading: Reading,
    tasks: TaskTracker,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

/// A request as it came, unpacked or not.
pub(crate) struct Arrived {
    pub(crate) bytes: Bytes,
    pub(crate) encoding: Encoding,
    pub(crate) is_gzip: bool,
}

impl Receiver {
    /// A receiver that is ready.
    pub fn new(config: Config, wiring: Wiring, metrics: Metrics) -> Arc<Self> {
        let config = Arc::new(config);
        let names = Names::new(Arc::clone(&config), wiring.catalog.get());
        Arc::new(Self {
            config,
            shutdown: wiring.shutdown,
            catalog: wiring.catalog,
            names: ArcSwap::from_pointee(names),
            sink: wiring.sink,
            reading: Reading::new(),
            tasks: wiring.tasks,
            clock: wiring.clock,
            metrics,
        })
    }

    /// Counts a request that has begun, and what becomes of it.
    pub(crate) async fn counted(
        &self,
        transport: Transport,
        answer: impl Future<Output = Result<Bytes, Refused>>,
    ) -> Result<Bytes, Refused> {
        self.metrics.count_request(transport, 1);
        let answer = answer.await;
        answer.inspect_err(|refused| self.metrics.count_refused(refused.why))
    }

    /// Counts a request that is refused before it is there.
    pub(crate) fn count_unread(&self, transport: Transport, why: Why) {
        self.metrics.count_request(transport, 1);
        self.metrics.count_refused(why);
    }

    /// Room for the bytes of a request that is still to come.
    pub(crate) fn room(&self, from: &Extensions, bytes: u32) -> Result<Room, Refused> {
        if self.shutdown.is_cancelled() {
            return Err(self.stopping());
        }
        self.sink.room(from, bytes)
    }

    pub(crate) fn stopping(&self) -> Refused {
        Refused::stopping(self.config.unavailable_retry())
    }

    pub(crate) fn too_slow(&self, what: &str) -> Refused {
        Refused::too_slow(what, self.config.unavailable_retry())
    }

    /// Reads a request, hands on what its spans become, and gives the answer once all of that is
    /// durable. The room is let go when the request has been read.
    pub(crate) async fn take(
        self: &Arc<Self>,
        from: &Extensions,
        room: Room,
        arrived: Arrived,
    ) -> Result<Bytes, Refused> {
        let (encoding, names) = (arrived.encoding, self.names());
        let read = self.reading.read(move || {
            let read = read(&arrived, &names);
            drop((arrived, room));
            read
        });
        let (spans, mapped) = read.await.unwrap_or_else(|| Err(self.stopping()))?;
        let (receiver, from) = (Arc::clone(self), from.clone());
        // A task of its own, so that it is counted to its end when the caller goes away.
        let handing = async move { receiver.hand_on(&from, encoding, spans, mapped).await };
        let handed = self.tasks.spawn(handing).await;
        handed.unwrap_or_else(|_| Err(self.stopping()))
    }

    async fn hand_on(
        &self,
        from: &Extensions,
        encoding: Encoding,
        spans: u64,
        mapped: Mapped,
    ) -> Result<Bytes, Refused> {
        let Mapped {
            observations,
            left_out,
        } = mapped;
        self.metrics.received_spans.inc_by(spans);
        self.metrics.count_left_out(&left_out);
        let offered = u64::try_from(observations.len()).unwrap_or(u64::MAX);
        let completed = observations.iter().map(|it| it.measurement.completed_at);
        let Some(oldest) = completed.min() else {
            return Ok(answer(encoding, &left_out, &[]));
        };
        let taken = self.sink.take(from, observations).await;
        let taken = taken.inspect_err(|_| {
            self.metrics.refused_spans.inc_by(offered);
        })?;
        self.count(&taken, offered);
        self.metrics
            .count_lag(self.clock.now().micros_since(oldest));
        Ok(answer(encoding, &left_out, &taken.refused))
    }

    fn count(&self, taken: &Taken, offered: u64) {
        let accepted = u64::from(taken.accepted);
        self.metrics.sent_observations.inc_by(accepted);
        let refused = offered.saturating_sub(accepted);
        self.metrics.refused_spans.inc_by(refused);
        if !taken.has_identity {
            self.metrics.anonymous_observations.inc_by(accepted);
        }
    }

    /// The names by the catalog in force.
    fn names(&self) -> Arc<Names> {
        let names = self.names.load_full();
        if names.are_current(&self.catalog) {
            return names;
        }
        let config = Arc::clone(&self.config);
        let names = Arc::new(Names::new(config, self.catalog.get()));
        self.names.store(Arc::clone(&names));
        names
    }
}

/// How many spans there were, and what they became.
fn read(arrived: &Arrived, names: &Names) -> Result<(u64, Mapped), Refused> {
    let config = names.config();
    let unpacked;
    let mut bytes = &arrived.bytes;
    if arrived.is_gzip {
        unpacked = decode::gunzip(bytes, config.bytes_max())?;
        bytes = &unpacked;
    }
    let request = decode::request(bytes, arrived.encoding, config)?;
    let spans = u64::try_from(decode::spans(&request)).unwrap_or(u64::MAX);
    Ok((spans, map::request(&request, names)))
}

fn answer(encoding: Encoding, left_out: &Tally, refused: &[(u32, Refusal)]) -> Bytes {
    let mut message = String::new();
    let mut say = |count: u64, what: &str, advice: &str| {
        let and = if message.is_empty() { "" } else { "; " };
        // Writing to a string can't fail.
        write!(message, "{and}{count} {what}: {advice}").unwrap_or_default();
    };
    for (reason, count) in left_out.counts() {
        if reason.is_rejection() {
            say(count, reason.name(), reason.advice());
        }
    }
    let refusals = u64::try_from(refused.len()).unwrap_or(u64::MAX);
    if let Some((_, first)) = refused.first() {
        say(refusals, "refused", &first.to_string());
    }
    let rejected = left_out.rejected().saturating_add(refusals);
    decode::response(encoding, rejected, &message)
}
