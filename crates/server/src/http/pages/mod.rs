//! Pages for people: what the numbers say, as `sextant-page` shows it.
//!
//! The numbers and their rules are those of every other route. A page that many may ask for is made
//! once a second for all of them. What it can't be had for is said on a page as well.

mod assets;
mod live;
mod minutes;
mod model;
mod operations;
mod overview;
mod providers;
mod rows;
mod tiers;
mod trouble;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::HeaderValue;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use sextant_measure::time::Timestamp;
use sextant_page::frame::State;
use sextant_wire::json::rfc3339;

use super::App;
use crate::coding::Coding;
use crate::edition::Edition;
use crate::encodings::Encoded;

pub(crate) use self::minutes::Minutes;

const HTML: &str = "text/html; charset=utf-8";
/// Nothing comes from elsewhere, and nothing that stands in a page is run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// From when on numbers are old. A new owner has its partition whole within seconds.
const STALE_US: i64 = 15_000_000;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(overview::show))
        .route("/providers", get(providers::show))
        .route("/operations", get(operations::show))
        .route("/models/{author}/{slug}", get(model::show))
        .route("/models/{author}/{slug}/events", get(live::watch))
        .route("/assets/{name}", get(assets::read))
}

/// A page that many readers share.
fn shared(page: Encoded, coding: Coding) -> Response {
    guarded(super::shared(page, HTML, coding))
}

/// A page for one.
fn single(page: impl Into<Body>) -> Response {
    let html = HeaderValue::from_static(HTML);
    guarded(([(CONTENT_TYPE, html)], page.into()).into_response())
}

fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let policy = HeaderValue::from_static(POLICY);
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    let none = HeaderValue::from_static("no-referrer");
    headers.insert(REFERRER_POLICY, none);
    response
}

/// How whole and how old the numbers of some partitions are, or those of all.
fn state(app: &App, edition: &Edition, partitions: &BTreeSet<u32>, now: Timestamp) -> State {
    let header = edition.snapshot().header();
    let is_meant = |partition| partitions.is_empty() || partitions.contains(&partition);
    let as_of = app.progress.as_of(is_meant).unwrap_or(header.generated_at);
    State {
        as_of: rfc3339(as_of),
        age_ms: now.micros_since(as_of).max(0) / 1_000,
        stale_ms: STALE_US / 1_000,
        whole: app.progress.coverage(is_meant),
        observer_suspected: header.observer_suspected,
    }
}
