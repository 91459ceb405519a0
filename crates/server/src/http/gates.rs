//! `PUT /api/v1/gates`, `GET /api/v1/gates`: the operator's verdicts.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use sextant_measure::id::{ModelId, Operation};
use sextant_wire::gates::{Given, RulingJson};
use tokio::time::timeout;

use super::App;
use super::problem::{self, Problem};
use super::query::Parameters;
use crate::gates::{GatesError, Wanted};
use crate::seats::Caller;

/// Room for the most gates that one request may hold, with the longest texts.
const BODY_BYTES_MAX: usize = 1 << 20;
/// How long a body may take to arrive.
const BODY_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

pub(super) async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Result<Parameters, Problem>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    parameters?.only(&[])?;
    if is_encoded(&headers) {
        return Ok(problem::encoded());
    }
    let given = read(body).await?;
    let rulings = app.gates.put(given, &caller).await;
    let rulings = rulings.map_err(|error| refused(&app, error))?;
    let stored: Vec<_> = rulings.iter().map(RulingJson::from).collect();
    Ok(Json(stored).into_response())
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    parameters: Result<Parameters, Problem>,
) -> Result<Response, Problem> {
    let parameters = parameters?.only(&["model", "operation"])?;
    let wanted = Wanted {
        model: named(&parameters, "model", |text| ModelId::new(text).map(drop))?,
        operation: named(&parameters, "operation", |text| {
            Operation::new(text).map(drop)
        })?,
    };
    let gates = app.gates.list(&wanted);
    let gates = gates.map_err(|error| refused(&app, error))?;
    let listed = gates
        .iter()
        .map(|gate| RulingJson::from(gate.value.ruling()));
    Ok(Json(listed.collect::<Vec<_>>()).into_response())
}

/// A name that may be given; empty if it isn't.
fn named<E: ToString>(
    parameters: &Parameters,
    name: &'static str,
    check: impl Fn(&str) -> Result<(), E>,
) -> Result<String, Problem> {
    let Some(text) = parameters.one(name)? else {
        return Ok(String::new());
    };
    check(text).map_err(|error| problem::parameter(name, error.to_string()))?;
    Ok(text.to_owned())
}

/// Whether the bytes of the body are something other than the text.
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

async fn read(body: Body) -> Result<Vec<Given>, Problem> {
    let late = |_| {
        let detail = "the body did not arrive in time";
        Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
    };
    let too_long = |_| {
        let detail = format!("the body cannot be read, or has more than {BODY_BYTES_MAX} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let read = timeout(BODY_WAIT, to_bytes(body, BODY_BYTES_MAX)).await;
    let bytes = read.map_err(late)?.map_err(too_long)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let detail = format!(
            "the body is no array of gates, [{{\"operation\", \"model\", \"quantization\", \
             \"verdict\"}}]: {error}"
        );
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })
}

fn refused(app: &App, error: GatesError) -> Problem {
    let detail = error.to_string();
    match error {
        GatesError::Unserved(why) => problem::unserved(why, app.progress.lag_records()),
        GatesError::TooMany { .. } => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail),
        GatesError::Wrong(wrong) => {
            let each = wrong
                .iter()
                .map(|it| json!({"index": it.index, "field": it.field, "reason": it.reason}));
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
                .with("wrong", each.collect::<Vec<_>>())
        }
        GatesError::Full { .. } => Problem::new(StatusCode::CONFLICT, detail),
        GatesError::Log(why) if !why.is_transient() => {
            tracing::error!(error = %why, "the gates log refuses");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
        }
        GatesError::Log(_) | GatesError::Anew | GatesError::Unread => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(1)
        }
    }
}
