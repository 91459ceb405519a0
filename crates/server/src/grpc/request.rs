//! The one message of a request.

use std::time::Duration;

use bytes::{Buf, Bytes};
use http::Request;
use http::header::CONTENT_TYPE;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::codec::{DecodeBuf, Decoder};
use tonic::{Status, Streaming};

use super::status;

/// How long it may take to arrive.
const WAIT: Duration = Duration::from_secs(10);

/// Reads it, if it has no more bytes than that.
pub(super) async fn message(request: Request<Body>, bytes_max: usize) -> Result<Bytes, Status> {
    let content_type = request.headers().get(CONTENT_TYPE);
    let is_grpc =
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    if !is_grpc {
        let what = "the content type of a gRPC request is application/grpc";
        return Err(status::invalid_message(what));
    }
    let body = request.into_body();
    let mut messages = Streaming::new_request(Raw, body, None, Some(bytes_max));
    let message = timeout(WAIT, messages.message())
        .await
        .map_err(|_| status::late())?
        .map_err(status::unreadable)?;
    message.ok_or_else(|| status::invalid_message("the request has no message"))
}

/// Leaves decoding to those who know the protocol.
struct Raw;

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let bytes = source.remaining();
        Ok(Some(source.copy_to_bytes(bytes)))
    }
}
