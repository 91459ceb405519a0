//! From one server after the other to what is held.
//!
//! A server that is lost, says nothing, or says what can't be used is left for the next, after a
//! pause that grows and has chance in it, so that the gateways of a server that died don't all come
//! to the same one at once. What is held stays, and is asked to be continued: any server knows what
//! has changed since another's version.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use http::Uri;
use secrecy::ExposeSecret as _;
use sextant_catalog::EndpointFacts;
use sextant_measure::time::{Clock, Timestamp};
use sextant_router::board::Board;
use sextant_snapshot::mirror::Mirror;
use sextant_snapshot::routing::RoutingRow;
use sextant_snapshot::snapshot::Snapshot;
use sextant_snapshot::version::Version;
use sextant_wire::chain::chain;
use sextant_wire::snapshot::decode::Update;
use sextant_wire::v1::WatchSnapshotRequest;
use sextant_wire::v1::snapshot_service_client::SnapshotServiceClient;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Endpoint;
use tonic::{Request, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::disk::{Heard, Keep, Kept};
use crate::error::GatewayError;
use crate::options::Options;
use crate::picture::{Picture, Source};
use crate::servers::Servers;
use crate::stats::Counters;

type Watch = Streaming<sextant_wire::v1::WatchSnapshotResponse>;

/// Follows servers, and holds what they say.
pub(crate) struct Follower {
    options: Options,
    authorization: Option<MetadataValue<Ascii>>,
    present: Arc<ArcSwapOption<Picture>>,
    counters: Arc<Counters>,
    /// Tells only how long the process was away.
    clock: Arc<dyn Clock>,
    keep: Option<watch::Sender<Option<Keep>>>,
    mirror: Mirror<RoutingRow>,
    facts: Arc<[EndpointFacts]>,
    board: Arc<Board>,
    /// What is held can't be continued: everything is asked for.
    wants_all: bool,
}

/// Why a server is left.
struct Lost {
    reason: String,
    retry_after: Option<Duration>,
}

impl Follower {
    pub(crate) fn new(
        options: Options,
        present: Arc<ArcSwapOption<Picture>>,
        counters: Arc<Counters>,
        clock: Arc<dyn Clock>,
        keep: Option<watch::Sender<Option<Keep>>>,
    ) -> Result<Self, GatewayError> {
        let authorization = options.token.as_ref().map(|token| {
            let bearer = format!("Bearer {}", token.expose_secret());
            let mut value =
                MetadataValue::<Ascii>::try_from(bearer).map_err(|_| GatewayError::Token)?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self {
            authorization: authorization.transpose()?,
            options,
            present,
            counters,
            clock,
            keep,
            mirror: Mirror::default(),
            facts: Arc::default(),
            board: Arc::default(),
            wants_all: false,
        })
    }

    /// Takes up what an earlier process has kept. Time that this machine's clock lost counts for
    /// none.
    pub(crate) fn take_up(&mut self, kept: Kept) {
        let now = self.clock.now();
        let away_us = now.micros_since(kept.heard.at).max(0).unsigned_abs();
        self.mirror.apply_full(kept.full.snapshot);
        self.facts = kept.full.facts.into();
        self.lay_out();
        let before = Duration::from_micros(away_us);
        self.show(kept.heard.as_of, before, Source::File);
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(&mut self) {
        let mut servers = Servers::new(self.options.servers.clone());
        let mut pauses = self.pauses();
        loop {
            let server = servers.next().await;
            let heard = self.counters.snapshot();
            let Err(lost) = self.watch(&server).await;
            self.counters.lost.add();
            tracing::info!(%server, reason = lost.reason, "lost a server of snapshots");
            let now = self.counters.snapshot();
            if (now.full, now.deltas, now.heartbeats)
                != (heard.full, heard.deltas, heard.heartbeats)
            {
                pauses = self.pauses();
            }
            servers.left(lost.retry_after.unwrap_or_default());
            sleep(pauses.next().unwrap_or(self.options.retry_delay_max)).await;
        }
    }

    fn pauses(&self) -> ExponentialBackoff {
        let pauses = ExponentialBuilder::new()
            .with_min_delay(self.options.retry_delay_min)
            .with_max_delay(self.options.retry_delay_max)
            .without_max_times()
            .with_jitter();
        pauses.build()
    }

    /// Follows one server until it is lost.
    async fn watch(&mut self, server: &Uri) -> Result<std::convert::Infallible, Lost> {
        let mut messages = self.begin(server).await?;
        let source = Source::Server(
            server
                .authority()
                .map(ToString::to_string)
                .unwrap_or_default(),
        );
        loop {
            let message = timeout(self.options.silence_max, messages.message()).await;
            let message = message.map_err(|_| Lost::because("it says nothing any more"))?;
            let message = message.map_err(|status| Lost::by(&status))?;
            let message = message.ok_or_else(|| Lost::because("it ended the watch"))?;
            let taken = Update::try_from(message).map_err(|error| error.to_string());
            let taken = taken.and_then(|update| self.take(update, &source));
            taken.map_err(|reason| {
                self.counters.refused.add();
                self.wants_all = true;
                tracing::warn!(%server, reason, "a snapshot was refused; the last good one stays");
                Lost::because("what it says can't be used")
            })?;
        }
    }

    async fn begin(&self, server: &Uri) -> Result<Watch, Lost> {
        let endpoint = Endpoint::from(server.clone())
            .connect_timeout(self.options.connect_wait_max)
            .tcp_nodelay(true);
        let version = self.mirror.version().filter(|_| !self.wants_all);
        let mut request = Request::new(WatchSnapshotRequest {
            version: version.map(Version::to_string).unwrap_or_default(),
            models: self
                .options
                .models
                .iter()
                .map(ToString::to_string)
                .collect(),
        });
        if let Some(value) = &self.authorization {
            let metadata = request.metadata_mut();
            metadata.insert("authorization", value.clone());
        }
        let began = async {
            let channel = endpoint.connect().await;
            let channel = channel.map_err(|error| Lost::because(&chain(&error)))?;
            let mut client = SnapshotServiceClient::new(channel)
                .max_decoding_message_size(self.options.message_bytes_max);
            let watch = client.watch_snapshot(request).await;
            Ok(watch.map_err(|status| Lost::by(&status))?.into_inner())
        };
        let began = timeout(self.options.silence_max, began).await;
        began.unwrap_or_else(|_| Err(Lost::because("it does not answer")))
    }

    /// Takes what a server says.
    ///
    /// # Errors
    /// Why it can't be used; then nothing has changed.
    fn take(&mut self, update: Update, source: &Source) -> Result<(), String> {
        let as_of = match update {
            Update::Full(full) => {
                let before = self.mirror.version().cloned();
                self.mirror.apply_full(full.snapshot);
                self.facts = full.facts.into();
                self.counters.full.add();
                self.wants_all = false;
                self.note_replaced(before.as_ref());
                self.use_news()
            }
            Update::Delta { delta, facts } => {
                let applied = self.mirror.apply_delta(delta);
                applied.map_err(|error| error.to_string())?;
                if let Some(facts) = facts {
                    self.facts = facts.into();
                }
                self.counters.deltas.add();
                self.use_news()
            }
            Update::Heartbeat { at, .. } => {
                self.counters.heartbeats.add();
                self.heard_only(at);
                Some(at)
            }
        };
        if let Some(as_of) = as_of {
            self.show(as_of, Duration::ZERO, source.clone());
        }
        Ok(())
    }

    fn note_replaced(&self, before: Option<&Version>) {
        let logs = |version: &Version| (version.gates().log_id, version.statistics().log_id);
        let (before, now) = (before.map(logs), self.mirror.version().map(logs));
        if before.is_some() && before != now {
            self.counters.replaced.add();
            tracing::warn!("the server follows another log: everything held was replaced");
        }
    }

    /// Gives the server's time.
    fn use_news(&mut self) -> Option<Timestamp> {
        let snapshot = self.lay_out()?;
        let generated_at = snapshot.header().generated_at;
        if let Some(keep) = &self.keep {
            let facts = Arc::clone(&self.facts);
            let heard = self.heard(generated_at);
            keep.send_replace(Some(Keep {
                snapshot,
                facts,
                heard,
            }));
        }
        Some(generated_at)
    }

    /// What is kept is as it was at this time of the server's, too; for that alone it isn't written.
    fn heard_only(&self, as_of: Timestamp) {
        let heard = self.heard(as_of);
        if let Some(keep) = &self.keep {
            keep.send_if_modified(|kept| {
                if let Some(kept) = kept {
                    kept.heard = heard;
                }
                false
            });
        }
    }

    fn heard(&self, as_of: Timestamp) -> Heard {
        Heard {
            at: self.clock.now(),
            as_of,
        }
    }

    fn lay_out(&mut self) -> Option<Arc<Snapshot<RoutingRow>>> {
        let snapshot = Arc::new(self.mirror.snapshot()?);
        self.board = Arc::new(Board::new(&snapshot, &self.facts, self.options.ages));
        Some(snapshot)
    }

    fn show(&self, as_of: Timestamp, before: Duration, source: Source) {
        let Some(header) = self.mirror.header() else {
            return;
        };
        self.present.store(Some(Arc::new(Picture {
            board: Arc::clone(&self.board),
            header: header.clone(),
            as_of,
            heard: Instant::now(),
            before,
            source,
        })));
    }
}

impl Lost {
    fn because(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            retry_after: None,
        }
    }

    fn by(status: &Status) -> Self {
        let details = status.get_error_details();
        let asked = details.retry_info().and_then(|info| info.retry_delay);
        Self {
            reason: chain(status),
            retry_after: asked,
        }
    }
}
