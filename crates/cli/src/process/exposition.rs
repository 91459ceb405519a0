//! `/metrics`, in `OpenMetrics` text format.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::refused;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is counted, to which stages add as they start.
pub(super) type Shared = Arc<RwLock<Registry>>;

pub(super) fn router(registry: &Shared) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(Arc::clone(registry))
}

async fn metrics(State(registry): State<Shared>) -> Response {
    let registry = registry.read().unwrap_or_else(PoisonError::into_inner);
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        let detail = "the metrics cannot be written";
        return refused::problem(StatusCode::INTERNAL_SERVER_ERROR, detail);
    }
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}
