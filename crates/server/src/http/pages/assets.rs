//! Styles and scripts.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use sextant_page::asset;

use crate::http::problem::Problem;

/// A name holds a hash of the content, so what it stands for never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub(super) async fn read(name: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(name) = name?;
    let Some(asset) = asset::find(&name) else {
        let detail = "there is no such file; a page of another version may have named it";
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (CACHE_CONTROL, HeaderValue::from_static(FOR_EVER)),
    ];
    Ok((headers, asset.bytes).into_response())
}
