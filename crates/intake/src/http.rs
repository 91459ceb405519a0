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
use sextant_measure::id::Region;
use sextant_wire::answer::{Acknowledgement, BatchRefusal};
use tokio::time::timeout;

use self::answer::{Problem, accepted};
use self::posted::Posted;
use crate::intake::Intake;
use crate::keeper::Keeper;
use crate::limits::length;
use crate::metrics::Transport;
use crate::peer::{Peer, PeerKey};
use crate::{refusal, region};

/// Where observations are posted.
pub const PATH: &str = "/api/v1/observations";

/// The routes of an intake.
pub fn router<K: Keeper>(intake: &Arc<Intake<K>>) -> Router {
    let body_bytes_max = length(intake.limits.message_bytes_max);
    Router::new()
        .route(PATH, post(report::<K>))
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .with_state(Arc::clone(intake))
}

async fn report<K: Keeper>(State(intake): State<Arc<Intake<K>>>, request: Request) -> Response {
    match take(&intake, request).await {
        Ok(acknowledgement) => accepted(&acknowledgement),
        Err(problem) => problem.response(),
    }
}

async fn take<K: Keeper>(
    intake: &Arc<Intake<K>>,
    request: Request,
) -> Result<Acknowledgement, Problem> {
    let refuse = |refusal| intake.refuse(Transport::Http, 0, refusal);
    let key = PeerKey::of_request(request.extensions());
    if is_encoded(request.headers()) {
        let message = "the body must come without a content encoding";
        refuse(refusal::invalid(message));
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message).unencoded());
    }
    let identity = identity::of(request.headers()).map_err(refusal::invalid);
    let identity = identity.map_err(refuse)?;
    let region = region::of(request.headers()).map_err(refusal::invalid);
    let region = region.map_err(refuse)?;
    let peer = intake.peer(&key).map_err(refuse)?;
    let posted = read(intake, &peer, region, request).await?;
    let posted = posted.map_err(refuse)?;
    let unknown_fields = posted.unknown_fields;
    intake.metrics.unknown_fields.inc_by(unknown_fields);
    let (submission, mut directory) = posted.under(identity);
    let answer = intake.submit(&key, Transport::Http, submission, &mut directory);
    Ok(answer.await?)
}

/// Reads and parses the body, within what its sender may hold of all bodies' bytes.
async fn read<K: Keeper>(
    intake: &Arc<Intake<K>>,
    peer: &Peer,
    region: Option<Region>,
    request: Request,
) -> Result<Result<Posted<K>, BatchRefusal>, Problem> {
    let (limits, keeper) = (&intake.limits, Arc::clone(intake.keeper()));
    let refuse = |refusal| intake.refuse(Transport::Http, 0, refusal);
    let bytes_max = limits.message_bytes_max.get();
    let bytes = content_length(request.headers()).unwrap_or(bytes_max);
    let held = peer.body_bytes.take(bytes.min(bytes_max));
    let _held = held.map_err(|_| refuse(refusal::load("bodies", limits)))?;
    let arriving = timeout(limits.body_wait_max, Bytes::from_request(request, &()));
    let body = tokio::select! {
        biased;
        body = arriving => body,
        // Nothing has been promised for what is not here yet.
        () = intake.shutdown.cancelled() => {
            let refusal = refuse(refusal::stopping(limits));
            return Err(Problem::from(refusal).closing());
        }
    };
    let body = match body {
        Ok(Ok(body)) => body,
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(refuse(refusal::message_too_large(limits)).into());
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
    let observations_max = length(limits.observations_max);
    // Megabytes of JSON would keep the other tasks of this thread waiting.
    let parse = move || Posted::parse(&body, observations_max, region, keeper.rules());
    let posted = intake.tasks.spawn_blocking(parse).await;
    Ok(posted.unwrap_or_else(|_| Err(refusal::stopping(limits))))
}

/// Whether the bytes of the body are something other than the text.
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn content_length(headers: &HeaderMap) -> Option<u32> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
