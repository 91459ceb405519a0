//! `GET /openapi.json`: all routes of all roles, as an `OpenAPI` 3.1 document.
//!
//! It is kept by hand beside the code that shapes most of the answers, and tests hold each answer to
//! it. Every process serves all of it; its tags say which role has a route.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use super::problem::Problem;
use super::query::Parameters;

const DOCUMENT: &str = include_str!("openapi.json");

pub(super) async fn read(parameters: Result<Parameters, Problem>) -> Result<Response, Problem> {
    parameters?.only(&[])?;
    Ok(([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response())
}
