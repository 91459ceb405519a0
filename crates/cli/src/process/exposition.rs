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
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::refused;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is counted, to which stages add as they start.
pub(super) type Shared = Arc<RwLock<Registry>>;

/// What is counted, and whose turn it is to read it.
#[derive(Clone)]
struct Exposition {
    registry: Shared,
    turn: Arc<Mutex<()>>,
}

pub(super) fn router(registry: &Shared) -> Router {
    let exposition = Exposition {
        registry: Arc::clone(registry),
        turn: Arc::default(),
    };
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(exposition)
}

/// Thousands of endpoints make a text of megabytes: it is written one at a time, apart from the
/// threads that serve.
async fn metrics(State(exposition): State<Exposition>) -> Response {
    let turn = Arc::clone(&exposition.turn).lock_owned().await;
    let written = spawn_blocking(move || {
        let registry = exposition.registry.read();
        let registry = registry.unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        let written = encode(&mut text, &registry).map(|()| text);
        drop(turn);
        written.ok()
    });
    let Ok(Some(text)) = written.await else {
        let detail = "the metrics cannot be written";
        return refused::problem(StatusCode::INTERNAL_SERVER_ERROR, detail);
    };
    ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}
