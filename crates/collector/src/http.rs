//! `POST /api/v1/observations`: NDJSON or a JSON array.

mod answer;
mod identity;
mod posted;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::response::Response;
use axum::routing::post;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, StatusCode};
use sextant_wire::answer::{Acknowledgement, BatchRefusal};
use tokio::time::timeout;

use self::answer::{Problem, accepted};
use self::posted::Posted;
use crate::collector::Collector;
use crate::config::length;
use crate::metrics::Transport;
use crate::peer::{Peer, PeerKey};
use crate::refusal;

/// Where observations are posted.
pub const PATH: &str = "/api/v1/observations";

/// The routes of a collector.
pub fn router(collector: &Arc<Collector>) -> Router {
    let body_bytes_max = length(collector.config.message_bytes_max);
    Router::new()
        .route(PATH, post(report))
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .with_state(Arc::clone(collector))
}

async fn report(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    match take(&collector, request).await {
        Ok(acknowledgement) => accepted(&acknowledgement),
        Err(problem) => problem.response(),
    }
}

async fn take(collector: &Arc<Collector>, request: Request) -> Result<Acknowledgement, Problem> {
    let refuse = |refusal| collector.refuse(Transport::Http, 0, refusal);
    let key = PeerKey::of_request(request.extensions());
    if is_encoded(request.headers()) {
        let message = "the body must come without a content encoding";
        refuse(refusal::invalid(message));
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).unencoded());
    }
    let identity = identity::of(request.headers()).map_err(refusal::invalid);
    let identity = identity.map_err(refuse)?;
    let peer = collector.peer(&key).map_err(refuse)?;
    let posted = read(collector, &peer, request).await?.map_err(refuse)?;
    let unknown_fields = posted.unknown_fields;
    collector.metrics.unknown_fields.inc_by(unknown_fields);
    let (submission, mut directory) = posted.under(identity);
    let answer = collector.submit(&key, Transport::Http, submission, &mut directory);
    Ok(answer.await?)
}

/// Reads and parses the body, within what its sender may hold of all bodies' bytes.
async fn read(
    collector: &Arc<Collector>,
    peer: &Peer,
    request: Request,
) -> Result<Result<Posted, BatchRefusal>, Problem> {
    let (config, rules) = (&collector.config, collector.rules.clone());
    let refuse = |refusal| collector.refuse(Transport::Http, 0, refusal);
    let bytes_max = config.message_bytes_max.get();
    let bytes = content_length(request.headers()).unwrap_or(bytes_max);
    let held = peer.body_bytes.take(bytes.min(bytes_max));
    let _held = held.map_err(|_| refuse(refusal::load("bodies", config)))?;
    let arriving = timeout(config.body_wait_max(), Bytes::from_request(request, &()));
    let body = tokio::select! {
        biased;
        body = arriving => body,
        // Nothing has been promised for what is not here yet.
        () = collector.shutdown.cancelled() => {
            let refusal = refuse(refusal::unavailable("the collector stops", config));
            return Err(Problem::from(refusal).closing());
        }
    };
    let body = match body {
        Ok(Ok(body)) => body,
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(refuse(refusal::message_too_large(config)).into());
        }
        Ok(Err(rejection)) => {
            let message = rejection.body_text();
            refuse(refusal::invalid(message.clone()));
            return Err(Problem::new(rejection.status(), message));
        }
        Err(_) => {
            let message = "the body took too long to arrive";
            refuse(refusal::invalid(message));
            return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, message));
        }
    };
    let observations_max = length(config.observations_max);
    // Megabytes of JSON would keep the other tasks of this thread waiting.
    let parse = move || Posted::parse(&body, observations_max, &rules);
    let posted = collector.tasks.spawn_blocking(parse).await;
    Ok(posted.unwrap_or_else(|_| Err(refusal::unavailable("the collector stops", config))))
}

/// Whether the bytes of the body are something other than the text.
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn content_length(headers: &HeaderMap) -> Option<u32> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
