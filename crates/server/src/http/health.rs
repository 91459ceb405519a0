//! `/livez` and `/readyz`, and what else every process has.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

use super::openapi;
use super::problem::{self, Problem};
use crate::health::{Health, LoopAge};

/// `/livez`, `/readyz` and `/openapi.json`, for processes that serve nothing else as well.
pub fn router(health: Arc<Health>) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/openapi.json", get(openapi::read))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .fallback(problem::no_such_route)
        .with_state(health)
}

/// The same of a process that is starting: until it is ready, whatever else is asked for is answered
/// as `/readyz` is.
pub fn starting(health: Arc<Health>) -> Router {
    Router::new()
        .route("/livez", get(live))
        .fallback(ready)
        .with_state(health)
}

async fn live(State(health): State<Arc<Health>>) -> Result<Json<Value>, Problem> {
    let liveness = health.liveness();
    if liveness.stuck.is_empty() {
        let loops = loops(&liveness.loops);
        return Ok(Json(json!({"status": "ok", "loops": loops})));
    }
    let problem = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "a loop does not turn any more",
    );
    Err(problem.with("stuck", loops(&liveness.stuck)))
}

async fn ready(State(health): State<Arc<Health>>) -> Result<Json<Value>, Problem> {
    let missing = health.missing();
    if missing.is_empty() {
        return Ok(Json(json!({"status": "ok"})));
    }
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not ready to serve");
    Err(problem.with("missing", missing).retry_after(1))
}

fn loops(loops: &[LoopAge]) -> Value {
    let loops = loops
        .iter()
        .map(|turned| json!({"name": turned.name, "tick_age_ms": turned.age_us / 1_000}));
    loops.collect()
}
