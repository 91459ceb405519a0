//! The collector behind a real HTTP server on loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use sextant_measure::time::Timestamp;
use sextant_reporter::target::{Target, Token};
use sextant_reporter::transport::Transport;
use sextant_wire::answer::{BatchRefusal, BatchRefusalReason as Reason};
use sextant_wire::batch::Totals;
use sextant_wire::identity::Identity;
use sextant_wire::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep};

use crate::collector::{Collector, Delivery, Reply};
use crate::grpc_server::runtime;
use crate::kit::TestClock;

/// Gone, with all its connections, when it is dropped.
pub(crate) struct HttpServer {
    runtime: Option<Runtime>,
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
}

/// What it answers in place of the collector's answer.
#[derive(Clone)]
pub(crate) struct Manners {
    pub(crate) answers_after: Duration,
    pub(crate) instead: Option<(u16, &'static str)>,
    pub(crate) token: Option<&'static str>,
}

pub(crate) struct Seen {
    collector: Arc<Collector>,
    manners: Manners,
    under_way: AtomicUsize,
    pub(crate) under_way_max: AtomicUsize,
    pub(crate) requests: AtomicUsize,
}

impl Manners {
    pub(crate) fn good() -> Self {
        Self {
            answers_after: Duration::ZERO,
            instead: None,
            token: None,
        }
    }
}

impl HttpServer {
    pub(crate) fn start(collector: &Arc<Collector>, manners: Manners) -> Self {
        Self::start_at(collector, manners, ([127, 0, 0, 1], 0).into())
    }

    pub(crate) fn start_at(
        collector: &Arc<Collector>,
        manners: Manners,
        address: SocketAddr,
    ) -> Self {
        let runtime = runtime();
        let seen = Arc::new(Seen {
            collector: Arc::clone(collector),
            manners,
            under_way: AtomicUsize::new(0),
            under_way_max: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        });
        let guard = runtime.enter();
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        drop(guard);
        let router = Router::new()
            .route("/api/v1/observations", post(observations))
            .with_state(Arc::clone(&seen));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            runtime: Some(runtime),
            address,
            seen,
        }
    }

    pub(crate) fn transport(&self, token: Option<&Token>) -> Arc<dyn Transport> {
        let target: Target = format!("http://{}", self.address).parse().unwrap();
        target.transport(token, None, TestClock::new()).unwrap()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn observations(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: Bytes) -> Response {
    seen.requests.fetch_add(1, Ordering::Relaxed);
    let under_way = seen.under_way.fetch_add(1, Ordering::Relaxed) + 1;
    seen.under_way_max.fetch_max(under_way, Ordering::Relaxed);
    sleep(seen.manners.answers_after).await;
    seen.under_way.fetch_sub(1, Ordering::Relaxed);
    let header = |name: &str| headers.get(name).map(|it| it.to_str().unwrap());
    assert_eq!(header("authorization"), seen.manners.token);
    assert_eq!(header("content-type"), Some("application/x-ndjson"));
    if let Some((status, body)) = seen.manners.instead {
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    let number = |name: &str| header(name).unwrap().parse().unwrap();
    let identity = Identity {
        agent: header("sextant-agent").unwrap().parse().unwrap(),
        epoch: number("sextant-epoch"),
        sequence: number("sextant-sequence"),
    };
    let sequence = identity.sequence;
    let replies = seen.collector.receive(Delivery {
        nth: 0,
        link: 0,
        repeats: 0,
        identity,
        content: body.to_vec(),
        names: names(&body),
        at: Instant::now(),
        sent_at: Timestamp::default(),
        clock_offset_us: 0,
        totals: Totals::default(),
    });
    answer(replies, sequence).await
}

/// Each line is an observation as it was handed over.
fn names(body: &[u8]) -> Vec<String> {
    let parsed = json::parse(body, usize::MAX).unwrap();
    assert_eq!(parsed.unknown_fields, 0);
    let name = |observation: sextant_measure::observation::Observation| {
        let name = observation.request_id.clone().unwrap();
        let n = name.as_str().strip_prefix('r').unwrap().parse().unwrap();
        assert_eq!(observation, crate::kit::observation(n));
        name.to_string()
    };
    let observations = parsed.observations.into_iter();
    observations.map(|it| name(it.unwrap())).collect()
}

async fn answer(replies: Vec<Reply>, wanted: u64) -> Response {
    for reply in replies {
        match reply {
            Reply::Acknowledged {
                sequence,
                accepted,
                refused,
            } if sequence == wanted => {
                let rejected = refused.into_iter();
                let rejected =
                    rejected.map(|index| format!(r#"{{"index":{index},"reason":"why"}}"#));
                let rejected: Vec<_> = rejected.collect();
                return format!(
                    r#"{{"accepted":{accepted},"rejected":[{}],"deduplicated":true}}"#,
                    rejected.join(",")
                )
                .into_response();
            }
            Reply::Refused { refusal, .. } => return refused(&refusal),
            // hyper closes the connection without an answer.
            Reply::Break => panic!("this connection breaks on purpose"),
            Reply::Acknowledged { .. } => {}
        }
    }
    std::future::pending().await
}

fn refused(refusal: &BatchRefusal) -> Response {
    let status = match refusal.reason {
        Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::Rate => StatusCode::TOO_MANY_REQUESTS,
        Reason::Invalid => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let retry_after = refusal.retry_after.map(|it| it.as_secs().to_string());
    let headers = retry_after.map(|seconds| [("retry-after", seconds)]);
    let body = r#"{"title":"no","detail":"not now"}"#;
    match headers {
        Some(headers) => (status, headers, body).into_response(),
        None => (status, body).into_response(),
    }
}
