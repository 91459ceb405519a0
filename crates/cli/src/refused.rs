//! Refusals that no stage gives: `application/problem+json` (RFC 9457), or a gRPC status with its
//! details.

use std::collections::HashMap;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use problem_details::ProblemDetails;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The domain of the reasons, as in `google.rpc.ErrorInfo`.
const DOMAIN: &str = "sextant.v1";

/// A problem, which nobody keeps.
pub(crate) fn problem(status: StatusCode, detail: impl Into<String>) -> Response {
    let problem = ProblemDetails::from_status_code(status).with_detail(detail);
    ([(CACHE_CONTROL, "no-store")], problem).into_response()
}

/// A status with its reason.
pub(crate) fn status(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, message, details)
}

/// What answers a call that this process doesn't have.
pub(crate) async fn no_such_call() -> Response {
    let message = "this process has no such call";
    status(Code::Unimplemented, "UNKNOWN_METHOD", message).into_http()
}

/// A status of what passes, with when to try again.
pub(crate) fn unavailable(reason: &str, message: impl Into<String>, after: Duration) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    details.set_retry_info(Some(after));
    Status::with_error_details(Code::Unavailable, message, details)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tonic::service::Routes;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_call_that_no_service_has_is_told_why_in_details() {
        let (_, health) = tonic_health::server::health_reporter();
        let routes = Routes::new(health).prepare().into_axum_router();
        let routes = routes.fallback(no_such_call);
        let path = "/sextant.v1.ObservationService/Report";
        let call = http::Request::post(path).header("content-type", "application/grpc");
        let answer = routes.oneshot(call.body(Body::empty()).unwrap()).await;
        let answer = answer.unwrap();
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(status.code(), Code::Unimplemented);
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((&*info.reason, &*info.domain), ("UNKNOWN_METHOD", DOMAIN));
    }

    #[test]
    fn what_passes_says_when_to_try_again() {
        let status = unavailable("STARTING", "it starts", Duration::from_secs(1));
        assert_eq!(status.code(), Code::Unavailable);
        let details = status.get_error_details();
        let after = details.retry_info().unwrap().retry_delay;
        assert_eq!(after, Some(Duration::from_secs(1)));
        assert_eq!(details.error_info().unwrap().reason, "STARTING");
    }
}
