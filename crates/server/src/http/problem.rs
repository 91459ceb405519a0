//! Errors as `application/problem+json` (RFC 9457).

use std::collections::BTreeMap;

use axum::extract::Request;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_ENCODING, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use problem_details::ProblemDetails;
use serde_json::Value;
use sextant_measure::id::ModelId;
use sextant_measure::time::Minute;
use sextant_page::PageError;
use sextant_store::StoreError;
use sextant_wire::json::rfc3339;

use crate::encoder::Unmade;
use crate::filter::FilterError;
use crate::hub::Unserved;
use crate::seats::NoSeat;
use crate::watch::Unwatched;

/// Under which models stand that may have been meant.
const NEAREST: &str = "nearest";
/// When to ask again where there was no room; watches last long.
const ROOM_RETRY_S: u32 = 10;

/// What is told of an error beside its text.
pub(super) type Extensions = BTreeMap<&'static str, Value>;

/// An error as it is answered.
#[derive(Debug)]
pub(super) struct Problem {
    // Boxed, since it stands in every handler's result.
    details: Box<ProblemDetails<Extensions>>,
    retry_after_s: Option<u32>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let details = ProblemDetails::from_status_code(status).with_detail(detail);
        Self {
            details: Box::new(details.with_extensions(Extensions::new())),
            retry_after_s: None,
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.extensions.insert(name, value.into());
        self
    }

    /// In a few words.
    pub(super) fn title(&self) -> String {
        self.details.title.clone().unwrap_or_default()
    }

    /// What is wrong, and what to do.
    pub(super) fn detail(&self) -> String {
        self.details.detail.clone().unwrap_or_default()
    }

    /// When to ask again.
    pub(super) fn retry_after_s(&self) -> Option<u32> {
        self.retry_after_s
    }

    /// Models that may have been meant.
    pub(super) fn nearest(&self) -> Vec<String> {
        let nearest = self.details.extensions.get(NEAREST);
        let nearest = nearest.and_then(Value::as_array).into_iter().flatten();
        let names = nearest.filter_map(Value::as_str);
        names.map(str::to_owned).collect()
    }

    pub(super) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.details.into_response();
        if let Some(seconds) = self.retry_after_s {
            let value = HeaderValue::from(seconds);
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        response
    }
}

/// The log has not been read to its end yet.
pub(super) fn starting(lag_records: u64) -> Problem {
    let detail = format!("the windows log is still being read; {lag_records} records are left");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(1)
}

/// The path is no route.
pub(super) async fn no_such_route() -> Problem {
    let detail = "there is nothing here; /openapi.json lists all routes";
    Problem::new(StatusCode::NOT_FOUND, detail)
}

/// The route takes other methods.
pub(super) async fn method_not_allowed(_: Request) -> Problem {
    let detail = "this route takes GET and HEAD; /api/v1/gates also PUT";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// The body is compressed. It is told in what encoding it would be taken (RFC 7694).
pub(super) fn encoded() -> Response {
    let detail = "the body must come without a content encoding";
    let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
    ([(ACCEPT_ENCODING, "identity")], problem).into_response()
}

/// What stands in the path cannot be a model.
pub(super) fn not_a_model(reason: impl Into<String>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, reason)
}

/// Nothing is known of the model; `nearest` are some that are known.
pub(super) fn unknown_model(model: &ModelId, nearest: Vec<String>) -> Problem {
    let detail = match nearest.as_slice() {
        [] => format!("there is no model {model}; /api/v1/models lists all"),
        names => format!(
            "there is no model {model}; did you mean {}? /api/v1/models lists all",
            names.join(" or ")
        ),
    };
    Problem::new(StatusCode::NOT_FOUND, detail).with(NEAREST, nearest)
}

/// The same for people, who are shown the nearest by links.
pub(super) fn unknown_model_on_a_page(detail: String, nearest: Vec<String>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, detail).with(NEAREST, nearest)
}

/// Nothing was published of the model for a minute.
pub(super) fn unknown_then(model: &ModelId, minute: Minute) -> Problem {
    let at = rfc3339(minute.start());
    let detail = format!("nothing is kept of {model} for the window that ends at {at}");
    Problem::new(StatusCode::NOT_FOUND, detail)
}

/// A parameter that cannot be used.
pub(super) fn parameter(name: &'static str, reason: impl Into<String>) -> Problem {
    let detail = format!("{name}: {}", reason.into());
    Problem::new(StatusCode::BAD_REQUEST, detail).with("parameter", name)
}

/// A watch that is not begun.
pub(super) fn unwatched(why: Unwatched, lag_records: u64) -> Problem {
    let (status, detail, after) = match why {
        Unwatched::NoSeat(NoSeat::Full { max }) => {
            let detail = format!("this server serves {max} watchers at most");
            (StatusCode::SERVICE_UNAVAILABLE, detail, ROOM_RETRY_S)
        }
        Unwatched::NoSeat(NoSeat::ShareTaken { max }) => {
            let detail = format!("this server serves {max} watchers of one caller at most");
            (StatusCode::TOO_MANY_REQUESTS, detail, ROOM_RETRY_S)
        }
        Unwatched::TooFast(why) => {
            let max = why.per_second_max;
            let detail = format!("this server lets {max} watches begin in a second");
            // Whole seconds travel; rounded down they would be too early.
            let after = why.retry_after.as_secs() + 1;
            let after = u32::try_from(after).unwrap_or(u32::MAX);
            (StatusCode::SERVICE_UNAVAILABLE, detail, after)
        }
        Unwatched::Unserved(why) => return unserved(why, lag_records),
    };
    Problem::new(status, detail).retry_after(after)
}

/// There is nothing to serve.
pub(super) fn unserved(why: Unserved, lag_records: u64) -> Problem {
    match why {
        Unserved::Starting => starting(lag_records),
        Unserved::Stopping => {
            let detail = "this server is shutting down; ask another one";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(1)
        }
        Unserved::Unencodable => {
            let detail = "the answer cannot be encoded";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        }
    }
}

/// More history is being read than can be, by all or by the caller alone.
pub(super) fn history_busy(why: NoSeat) -> Problem {
    let (status, detail) = match why {
        NoSeat::Full { .. } => (
            StatusCode::SERVICE_UNAVAILABLE,
            "as many queries of the history are running as may; try again",
        ),
        NoSeat::ShareTaken { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "as many queries of the history are running as one caller may have; try again",
        ),
    };
    Problem::new(status, detail).retry_after(1)
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        not_a_model("the path is not UTF-8 once its percent escapes are resolved")
    }
}

impl From<QueryRejection> for Problem {
    fn from(_: QueryRejection) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "the query cannot be read")
    }
}

impl From<FilterError> for Problem {
    fn from(error: FilterError) -> Self {
        match error {
            FilterError::Model { index, reason } => {
                parameter("models", format!("number {}: {reason}", index + 1))
            }
            FilterError::TooMany { max } => parameter("models", format!("more than {max}")),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooMany { .. } => Self::new(StatusCode::BAD_REQUEST, error.to_string()),
            error => {
                tracing::warn!(%error, "the history cannot be read");
                let detail = "the store cannot be read; everything but the history is served";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(5)
            }
        }
    }
}

impl From<PageError> for Problem {
    fn from(error: PageError) -> Self {
        Unmade::from(error).into()
    }
}

impl From<Unmade> for Problem {
    fn from(error: Unmade) -> Self {
        tracing::error!(%error, "an answer cannot be encoded");
        let detail = "the answer cannot be encoded";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }
}
