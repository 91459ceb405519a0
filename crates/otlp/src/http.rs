//! `POST /v1/traces`: protobuf or JSON, packed with gzip or not.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    HeaderValue, RETRY_AFTER,
};
use http::{HeaderMap, StatusCode};
use http_body_util::LengthLimitError;
use serde_json::json;
use tokio::time::timeout;

use crate::decode::{self, Encoding};
use crate::grpc;
use crate::metrics::Transport;
use crate::receiver::{Arrived, Receiver};
use crate::refused::{Refused, Why};

/// Where spans are posted.
pub const PATH: &str = "/v1/traces";

/// The routes of a receiver.
pub fn router(receiver: &Arc<Receiver>) -> Router {
    Router::new()
        .route(PATH, post(export))
        .with_state(Arc::clone(receiver))
}

async fn export(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    let encoding = encoding(request.headers());
    let answer = receiver.counted(Transport::Http, take(&receiver, encoding, request));
    match answer.await {
        Ok(bytes) => {
            let encoding = encoding.unwrap_or(Encoding::Protobuf);
            ([(CONTENT_TYPE, encoding.media_type())], bytes).into_response()
        }
        Err(refused) => refusal(encoding.unwrap_or(Encoding::Json), &refused),
    }
}

async fn take(
    receiver: &Arc<Receiver>,
    encoding: Option<Encoding>,
    request: Request,
) -> Result<Bytes, Refused> {
    let Some(encoding) = encoding else {
        let message = "the content type must be application/x-protobuf or application/json";
        return Err(Refused::never(Why::MediaType, message));
    };
    let Some(is_gzip) = is_gzip(request.headers()) else {
        let message = "the content encoding must be gzip or none";
        return Err(Refused::never(Why::Encoding, message));
    };
    let bytes_max = receiver.config.message_bytes_max.get();
    let length = content_length(request.headers()).unwrap_or(bytes_max.into());
    let bytes = u32::try_from(length).unwrap_or(u32::MAX);
    if bytes > bytes_max {
        return Err(decode::too_large(receiver.config.bytes_max()));
    }
    let (parts, body) = request.into_parts();
    // What is packed may need all of it.
    let room = if is_gzip { bytes_max } else { bytes };
    let room = receiver.room(&parts.extensions, room)?;
    let bytes = read(receiver, body).await?;
    let arrived = Arrived {
        bytes,
        encoding,
        is_gzip,
    };
    receiver.take(&parts.extensions, room, arrived).await
}

async fn read(receiver: &Receiver, body: Body) -> Result<Bytes, Refused> {
    let bytes_max = receiver.config.bytes_max();
    let arriving = timeout(receiver.config.body_wait_max(), to_bytes(body, bytes_max));
    let body = tokio::select! {
        biased;
        body = arriving => body,
        // Nothing has been promised for what is not here yet.
        () = receiver.shutdown.cancelled() => return Err(receiver.stopping()),
    };
    match body {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_large(&error) => Err(decode::too_large(bytes_max)),
        Ok(Err(error)) => {
            let message = format!("the body did not arrive: {error}");
            Err(Refused::never(Why::Invalid, message))
        }
        Err(_) => Err(receiver.too_slow("body")),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(<dyn std::error::Error>::is::<LengthLimitError>)
}

/// `google.rpc.Status`, in the request's own encoding.
fn refusal(encoding: Encoding, refused: &Refused) -> Response {
    let status = match refused.why {
        Why::Invalid => StatusCode::BAD_REQUEST,
        Why::MediaType | Why::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Why::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Why::TooMuch => StatusCode::TOO_MANY_REQUESTS,
        // Of a 408 exporters would think that it is of no use to try again.
        Why::TooSlow | Why::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = match encoding {
        Encoding::Protobuf => grpc::status_bytes(refused),
        Encoding::Json => {
            let body = json!({"code": grpc::code(refused), "message": refused.message});
            body.to_string().into()
        }
    };
    let mut response = (status, [(CONTENT_TYPE, encoding.media_type())], body).into_response();
    let headers = response.headers_mut();
    match refused.why {
        // What would be taken (RFC 9110, 15.5.16).
        Why::MediaType => {
            let media = HeaderValue::from_static("application/x-protobuf, application/json");
            headers.insert(ACCEPT, media);
        }
        Why::Encoding => {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity"));
        }
        // No request follows on this connection: the rest of this one is not read.
        Why::TooLarge | Why::TooSlow | Why::Unavailable => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Why::Invalid | Why::TooMuch => {}
    }
    if let Some(after) = refused.retry_after {
        // Whole seconds travel; rounded down they would be too early.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

impl Encoding {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let header = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = header.split(';').next().unwrap_or_default().trim();
    [Encoding::Protobuf, Encoding::Json]
        .into_iter()
        .find(|encoding| essence.eq_ignore_ascii_case(encoding.media_type()))
}

/// Whether the body is packed; none if it is in another way than gzip's.
fn is_gzip(headers: &HeaderMap) -> Option<bool> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    let (encoding, more) = (encodings.next(), encodings.next());
    if more.is_some() {
        return None;
    }
    let Some(encoding) = encoding else {
        return Some(false);
    };
    let encoding = encoding.as_bytes().trim_ascii();
    if encoding.eq_ignore_ascii_case(b"identity") {
        return Some(false);
    }
    encoding.eq_ignore_ascii_case(b"gzip").then_some(true)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
