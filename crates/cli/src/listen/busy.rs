//! How many requests a connection is busy with: from their heads to the last of their answers.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http::Response;
use hyper::body::{Frame, SizeHint};

/// Requests of one connection. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Busy(Arc<AtomicUsize>);

/// A request, until it is dropped.
#[derive(Debug)]
pub(super) struct Request(Arc<AtomicUsize>);

/// The body of an answer, whose request lasts as long as it.
struct Answer {
    body: Body,
    _request: Request,
}

impl Busy {
    /// Whether any request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }

    pub(super) fn begin(&self) -> Request {
        self.0.fetch_add(1, Ordering::AcqRel);
        Request(Arc::clone(&self.0))
    }
}

impl Request {
    /// Lasts until the answer has been handed over to its end.
    pub(super) fn last_for(self, answer: Response<Body>) -> Response<Body> {
        answer.map(|body| {
            Body::new(Answer {
                body,
                _request: self,
            })
        })
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
