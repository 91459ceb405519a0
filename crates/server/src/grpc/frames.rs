//! Messages as the body of an HTTP response.
//!
//! Format: each message has five bytes before it, of which the first says that it isn't
//! compressed and the others its length, big-endian; the status stands in the trailers (gRPC over
//! HTTP/2, "Length-Prefixed-Message" and "Trailers").

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, Bytes, BytesMut};
use futures::Stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use hyper::body::Frame;
use tonic::Status;
use tonic::body::Body;

/// What is handed to the connection at once, so that it holds little of a message whose reader is
/// slow.
const CHUNK_BYTES: usize = 64 << 10;

/// A message with its length before it.
pub(crate) fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(5 + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

/// A response of framed messages. The stream's first error ends it, as its status.
pub(super) fn response(
    messages: impl Stream<Item = Result<Bytes, Status>> + Send + 'static,
) -> Response<Body> {
    let mut response = Response::new(Body::new(Frames {
        messages: Box::pin(messages),
        rest: Bytes::new(),
        is_ended: false,
    }));
    let content_type = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

struct Frames<S> {
    messages: Pin<Box<S>>,
    /// What is left of the message that is being handed over.
    rest: Bytes,
    is_ended: bool,
}

impl<S: Stream<Item = Result<Bytes, Status>>> hyper::body::Body for Frames<S> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.is_ended {
            return Poll::Ready(None);
        }
        if self.rest.is_empty() {
            match ready!(self.messages.as_mut().poll_next(context)) {
                Some(Ok(message)) => self.rest = message,
                Some(Err(status)) => return self.end(&status),
                None => return self.end(&Status::ok("")),
            }
        }
        let bytes = self.rest.len().min(CHUNK_BYTES);
        let chunk = self.rest.split_to(bytes);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }
}

impl<S> Frames<S> {
    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.is_ended = true;
        let mut trailers = HeaderMap::new();
        let added = status.add_header(&mut trailers);
        Poll::Ready(Some(added.map(|()| Frame::trailers(trailers))))
    }
}
