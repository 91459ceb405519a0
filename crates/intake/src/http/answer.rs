//! What a caller gets back.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_ENCODING, CONNECTION, HeaderValue, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use problem_details::ProblemDetails;
use serde::Serialize;
use sextant_wire::answer::{Acknowledgement, BatchRefusal, BatchRefusalReason};

/// A request that has failed as a whole (RFC 9457).
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    retry_after: Option<Duration>,
    /// What else the answer's head says.
    header: Option<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
struct Answer {
    accepted: u32,
    rejected: Vec<Rejected>,
    deduplicated: bool,
}

#[derive(Serialize)]
struct Rejected {
    index: u32,
    reason: String,
}

pub(super) fn accepted(acknowledgement: &Acknowledgement) -> Response {
    let rejected = acknowledgement.refused.iter().map(|(index, refusal)| {
        let (index, reason) = (*index, refusal.to_string());
        Rejected { index, reason }
    });
    Json(Answer {
        accepted: acknowledgement.accepted,
        rejected: rejected.collect(),
        deduplicated: acknowledgement.deduplicated,
    })
    .into_response()
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            retry_after: None,
            header: None,
        }
    }

    /// No request follows on this connection: the rest of this one is not read.
    pub(super) fn closing(mut self) -> Self {
        let close = HeaderValue::from_static("close");
        self.header = Some((CONNECTION, close));
        self
    }

    /// Tells in what encoding a body would be taken (RFC 7694).
    pub(super) fn unencoded(mut self) -> Self {
        let identity = HeaderValue::from_static("identity");
        self.header = Some((ACCEPT_ENCODING, identity));
        self
    }

    pub(super) fn response(self) -> Response {
        let problem = ProblemDetails::from_status_code(self.status).with_detail(self.detail);
        let mut response = problem.into_response();
        response.headers_mut().extend(self.header);
        if let Some(after) = self.retry_after {
            // Whole seconds travel; rounded down they would be too early.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<BatchRefusal> for Problem {
    fn from(refusal: BatchRefusal) -> Self {
        use BatchRefusalReason as Reason;
        let status = match refusal.reason {
            Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Reason::Rate | Reason::NewSenders => StatusCode::TOO_MANY_REQUESTS,
            Reason::Load | Reason::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Reason::Invalid | Reason::Definitions => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            detail: refusal.message,
            retry_after: refusal.retry_after,
            header: None,
        }
    }
}
