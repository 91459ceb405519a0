//! The HTTP routes.
//!
//! Every error is `application/problem+json` (RFC 9457). What stands in a text is never taken
//! from the request unless it is an identifier.

mod endpoints;
mod events;
mod gates;
pub(crate) mod health;
mod history;
mod incidents;
mod models;
pub(crate) mod numbers;
mod openapi;
mod pages;
mod problem;
mod query;
mod route;
mod sextant;
mod snapshot;
mod stored;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue};
use sextant_measure::time::Clock;
use sextant_store::Store;
use tower_http::compression::CompressionLayer;

pub(crate) use self::pages::Minutes;
use self::problem::Problem;
use crate::coding::Coding;
use crate::config::Config;
use crate::edition::Edition;
use crate::encodings::Encoded;
use crate::follow::Progress;
use crate::gates::Gatekeeper;
use crate::health::Health;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::seats::Seats;
use crate::watch::Watches;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) hub: Arc<Hub>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) health: Arc<Health>,
    pub(crate) watches: Arc<Watches>,
    pub(crate) gates: Arc<Gatekeeper>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) history_queries: Seats,
    pub(crate) minutes: Minutes,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
}

impl App {
    fn edition(&self) -> Result<Arc<Edition>, Problem> {
        self.hub
            .present()
            .ok_or_else(|| problem::starting(self.progress.lag_records()))
    }
}

/// The routes of a server.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let health = health::router(Arc::clone(&app.health));
    Router::new()
        .route("/api/v1/models", get(models::list))
        .route(
            "/api/v1/models/{author}/{slug}/endpoints",
            get(endpoints::list),
        )
        .route("/api/v1/models/{author}/{slug}/history", get(history::read))
        .route("/api/v1/incidents", get(incidents::list))
        .route("/api/v1/snapshot", get(snapshot::read))
        .route("/api/v1/snapshot/events", get(events::watch))
        .route("/api/v1/route", get(route::read))
        .route("/api/v1/gates", get(gates::list).put(gates::put))
        .merge(pages::router())
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(Arc::clone(app))
        .merge(health)
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(Arc::clone(app), finish))
}

/// The type of most answers.
const JSON: &str = "application/json";

/// An answer that many readers share.
fn shared(encoded: Encoded, content_type: &'static str, coding: Coding) -> Response {
    let content_type = HeaderValue::from_static(content_type);
    let mut response = ([(CONTENT_TYPE, content_type)], encoded.bytes).into_response();
    if coding != Coding::Identity {
        let headers = response.headers_mut();
        let name = HeaderValue::from_static(coding.name());
        headers.insert(CONTENT_ENCODING, name);
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}

/// What holds for every answer.
async fn finish(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    // A path that is no route is a client's to choose, so it can't name a counter.
    let route = path.map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    app.metrics.request(&route, response.status().as_str());
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set_if_absent(headers, CACHE_CONTROL, "no-store");
    if headers.contains_key(CONTENT_ENCODING) {
        weaken_etag(headers);
    }
    response
}

fn set_if_absent(headers: &mut http::HeaderMap, name: HeaderName, value: &'static str) {
    let value = HeaderValue::from_static(value);
    headers.entry(name).or_insert(value);
}

/// A strong tag would say that the bytes are equal, which they aren't in another encoding (RFC
/// 9110, section 8.8.3.3).
fn weaken_etag(headers: &mut http::HeaderMap) {
    let weak = headers.get(ETAG).and_then(|tag| {
        let tag = tag.to_str().ok()?;
        let weak = format!("W/{tag}");
        (!tag.starts_with("W/")).then_some(weak)
    });
    if let Some(weak) = weak.and_then(|weak| HeaderValue::try_from(weak).ok()) {
        headers.insert(ETAG, weak);
    }
}
