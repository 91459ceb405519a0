//! Connections, bounded in number and in time.
//!
//! - Over the cap of connections, or over half of it for one address, a connection is closed at
//!   once and counted.
//! - HTTP/1 requests must bring their head in time, an idle connection included. HTTP/2
//!   connections must begin in time and answer pings after that.
//! - What is written must be taken in time.
//! - Drained, a listener takes nothing new and ends each connection after the requests it has. One
//!   whose next request has not wholly arrived by then has none.

mod busy;
mod seats;
#[cfg(test)]
mod tests;
mod timed;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use sextant_intake::PeerKey;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tower::Service as _;

use self::busy::Busy;
use self::seats::{Seat, Seats};
use self::timed::Timed;

/// How long to wait when no connection can be taken, as when files run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often a connection that is to end is looked at for whether it has a request.
const DRAIN_LOOK: Duration = Duration::from_millis(200);

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2 from the first byte.
    Grpc,
}

/// How many connections, and how long each may let others wait.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at a time, of which one address may hold half.
    pub connections_max: usize,
    /// How long the head of a request, or the beginning of an HTTP/2 connection, may take.
    pub head_wait_max: Duration,
    /// How long the peer may take nothing of what is written to it.
    pub write_wait_max: Duration,
    /// How often an HTTP/2 peer is asked whether it is there.
    pub ping_interval: Duration,
    /// How long it may take to say so.
    pub ping_wait_max: Duration,
    /// How long a connection that is to end may take over the requests it has. A peer that takes
    /// nothing of its answers would keep it for ever.
    pub drain_wait_max: Duration,
    /// Requests at a time on one HTTP/2 connection.
    pub streams_max: u32,
    /// Bytes of a request's head.
    pub head_bytes_max: u32,
}

impl Limits {
    /// The usual ones, for so many connections. A peer that is gone is found within 20 seconds.
    pub fn of(connections_max: std::num::NonZeroU32) -> Self {
        Self {
            connections_max: usize::try_from(connections_max.get()).unwrap_or(usize::MAX),
            head_wait_max: Duration::from_secs(10),
            write_wait_max: Duration::from_secs(20),
            ping_interval: Duration::from_secs(10),
            ping_wait_max: Duration::from_secs(10),
            drain_wait_max: Duration::from_secs(3),
            streams_max: 256,
            head_bytes_max: 32 * 1024,
        }
    }
}

/// Connections by protocol, as listeners count them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    taken: Counters,
    ended: Counters,
    turned_away: Counters,
}

type Counters = Family<[(&'static str, &'static str); 1], Counter>;

impl Metrics {
    /// Registers the counters of all listeners.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for (name, help, counters) in [
            ("taken", "Connections taken", &metrics.taken),
            (
                "ended",
                "Connections that were taken and have ended",
                &metrics.ended,
            ),
            (
                "turned_away",
                "Connections closed for want of room",
                &metrics.turned_away,
            ),
        ] {
            // What has never happened is nought, not unknown.
            for protocol in [Protocol::Http, Protocol::Grpc] {
                counters
                    .get_or_create(&[("protocol", protocol.name())])
                    .inc_by(0);
            }
            registry.register(
                format!("sextant_connections_{name}"),
                help,
                counters.clone(),
            );
        }
        metrics
    }
}

/// An address that is taken and not served yet: connections wait.
#[derive(Debug)]
pub struct Bound {
    protocol: Protocol,
    address: SocketAddr,
    listener: TcpListener,
}

/// An address that is served. Dropped, it cuts all connections.
#[derive(Debug)]
pub struct Listening {
    stop: CancellationToken,
    tasks: TaskTracker,
    cut: DropGuard,
}

impl Bound {
    /// Takes an address; port 0 takes a free one.
    pub async fn to(protocol: Protocol, address: SocketAddr) -> anyhow::Result<Self> {
        let bind = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            io::Result::Ok((listener, address))
        };
        let failed = || format!("cannot listen for {protocol} on {address}");
        let (listener, address) = bind.await.with_context(failed)?;
        Ok(Self {
            protocol,
            address,
            listener,
        })
    }

    /// What will be spoken there.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The address, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The line that tells where to come.
    pub fn announcement(&self) -> String {
        format!("{} listening on http://{}", self.protocol, self.address)
    }

    /// Serves it, from here on. Requests carry their peer as `ConnectInfo<SocketAddr>`.
    pub fn serve(self, router: Router, limits: Limits, metrics: &Metrics) -> Listening {
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let label = [("protocol", self.protocol.name())];
        let counter = |counters: &Counters| counters.get_or_create(&label).clone();
        let accepting = Accepting {
            seats: Seats::new(limits.connections_max),
            counters: [&metrics.taken, &metrics.ended, &metrics.turned_away].map(counter),
            connection: Connection {
                protocol: self.protocol,
                limits: Arc::new(limits),
                router,
                stop: stop.clone(),
                cut: cut.clone(),
            },
            tasks: tasks.clone(),
        };
        tasks.spawn(accepting.run(self.listener));
        Listening {
            stop,
            tasks,
            cut: cut.drop_guard(),
        }
    }
}

impl Listening {
    /// Takes no more connections and waits until those there are have ended.
    ///
    /// When this is dropped before its end, the connections that are left are cut.
    pub async fn drain(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        drop(self.cut);
    }
}

impl Protocol {
    /// How it is written.
    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

struct Accepting {
    seats: Seats,
    /// Connections taken, ended, turned away.
    counters: [Counter; 3],
    connection: Connection,
    tasks: TaskTracker,
}

impl Accepting {
    async fn run(self, listener: TcpListener) {
        let [taken, ended, turned_away] = &self.counters;
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.connection.stop.cancelled() => break,
                () = self.connection.cut.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.wait_after(&error).await;
                    continue;
                }
            };
            if let Some(seat) = self.seats.take(PeerKey::of_address(peer.ip())) {
                let connection = self.connection.clone();
                taken.inc();
                let ended = ended.clone();
                self.tasks.spawn(async move {
                    connection.serve(stream, peer, seat).await;
                    ended.inc();
                });
            } else {
                // A flood must not flood the log too.
                let turned_away = turned_away.inc() + 1;
                if turned_away.is_power_of_two() {
                    let protocol = self.connection.protocol;
                    tracing::warn!(%protocol, %peer, turned_away, "too many connections");
                }
            }
        }
    }

    async fn wait_after(&self, error: &io::Error) {
        let is_the_peers = matches!(
            error.kind(),
            ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
        );
        if !is_the_peers {
            let protocol = self.connection.protocol;
            tracing::warn!(%protocol, %error, "cannot take connections");
            sleep(ACCEPT_PAUSE).await;
        }
    }
}

#[derive(Clone)]
struct Connection {
    protocol: Protocol,
    limits: Arc<Limits>,
    router: Router,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: TcpStream, peer: SocketAddr, _seat: Seat) {
        // Answers are whole when they are written; waiting to fill packets only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "connection lost");
            return;
        }
        let (router, busy) = (self.router, Busy::default());
        let begun = busy.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            let (busy, answer) = (begun.begin(), router.clone().call(request));
            async move { answer.await.map(|answer| busy.last_for(answer)) }
        });
        let builder = builder(self.protocol, &self.limits);
        let stream = Timed::new(stream, self.protocol, &self.limits);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let (mut stopping, mut told_at) = (false, Instant::now());
        let outcome = loop {
            tokio::select! {
                biased;
                () = self.cut.cancelled() => return,
                () = self.stop.cancelled(), if !stopping => {
                    (stopping, told_at) = (true, Instant::now());
                    connection.as_mut().graceful_shutdown();
                }
                outcome = connection.as_mut() => break outcome,
                () = sleep(DRAIN_LOOK), if stopping => {
                    let is_late = told_at.elapsed() >= self.limits.drain_wait_max;
                    if is_late || !busy.is_busy() {
                        tracing::debug!(%peer, is_late, "connection cut");
                        return;
                    }
                }
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%peer, error, "connection lost");
        }
    }
}

fn builder(protocol: Protocol, limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    match protocol {
        Protocol::Http => {
            let mut http1 = builder.http1();
            http1
                .timer(TokioTimer::new())
                .header_read_timeout(limits.head_wait_max)
                .max_buf_size(usize::try_from(limits.head_bytes_max).unwrap_or(usize::MAX));
            builder.http1_only()
        }
        Protocol::Grpc => {
            let mut http2 = builder.http2();
            http2
                .timer(TokioTimer::new())
                .keep_alive_interval(limits.ping_interval)
                .keep_alive_timeout(limits.ping_wait_max)
                .max_concurrent_streams(limits.streams_max)
                .max_header_list_size(limits.head_bytes_max)
                .initial_stream_window_size(1 << 20)
                .initial_connection_window_size(4 << 20);
            builder.http2_only()
        }
    }
}
