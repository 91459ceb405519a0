//! `/livez` and `/readyz`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use super::App;
use super::problem::Problem;
use crate::health::LoopAge;

pub(super) async fn live(State(app): State<Arc<App>>) -> Result<Json<Value>, Problem> {
    let liveness = app.health.liveness();
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

pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Value>, Problem> {
    let missing = app.health.missing();
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
