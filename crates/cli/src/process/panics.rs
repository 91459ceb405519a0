//! A request whose handler panics is answered, and ends nothing but itself.

use std::any::Any;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tonic::Code;
use tower_http::catch_panic::CatchPanicLayer;

use crate::listen::Protocol;
use crate::refused;

/// Panics by the protocol of their requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Panics(Family<[(&'static str, String); 1], Counter>);

impl Panics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let panics = Self::default();
        for protocol in [Protocol::Http, Protocol::Grpc] {
            panics
                .0
                .get_or_create(&[("protocol", protocol.to_string())])
                .inc_by(0);
        }
        let help = "Requests whose handler panicked";
        registry.register("sextant_process_panicked_requests", help, panics.0.clone());
        panics
    }

    /// Puts the catch around all routes.
    pub(super) fn around(&self, protocol: Protocol, routes: Router) -> Router {
        let label = [("protocol", protocol.to_string())];
        let counter = self.0.get_or_create(&label).clone();
        let caught = move |panic: Box<dyn Any + Send>| {
            counter.inc();
            tracing::error!(%protocol, panic = said(&*panic), "a request's handler panicked");
            answer(protocol)
        };
        routes.layer(CatchPanicLayer::custom(caught))
    }
}

fn answer(protocol: Protocol) -> Response {
    let what = "the request came upon a fault of this process, which is in its log";
    match protocol {
        Protocol::Http => refused::problem(StatusCode::INTERNAL_SERVER_ERROR, what),
        Protocol::Grpc => refused::status(Code::Internal, "PANIC", what).into_http::<Body>(),
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::routing::get;
    use prometheus_client::encoding::text::encode;
    use sextant_testkit::openapi::{Answered, Asked, served};
    use tonic::Status;
    use tonic_types::StatusExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(protocol: Protocol, registry: &mut Registry) -> Response {
        async fn fault() -> &'static str {
            panic!("by no means")
        }
        let routes = Router::new().route("/", get(fault));
        let routes = Panics::register(registry).around(protocol, routes);
        let request = http::Request::get("/").body(Body::empty());
        routes.oneshot(request.unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn over_http_it_is_a_problem_that_tells_nothing_of_the_inside() {
        let mut registry = Registry::default();
        let answer = ask(Protocol::Http, &mut registry).await;
        assert_eq!(answer.status(), 500);
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let headers = answer.headers().clone();
        let body = to_bytes(answer.into_body(), 1_000).await.unwrap();
        for operation in served().operations() {
            let asked = Asked {
                method: &operation.method,
                uri: &operation.path,
            };
            let answered = Answered {
                status: 500,
                headers: &headers,
                body: &body,
            };
            served().check(asked, answered).unwrap();
        }
        let text = std::str::from_utf8(&body).unwrap();
        assert!(
            !text.contains("by no means") && text.contains("500"),
            "{text}"
        );
        let mut counted = String::new();
        encode(&mut counted, &registry).unwrap();
        let line = "sextant_process_panicked_requests_total{protocol=\"http\"} 1";
        assert!(counted.contains(line), "{counted}");
    }

    #[tokio::test]
    async fn over_grpc_it_is_a_status() {
        let answer = ask(Protocol::Grpc, &mut Registry::default()).await;
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(status.code(), Code::Internal);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "PANIC");
    }
}
