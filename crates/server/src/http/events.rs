//! `GET /api/v1/snapshot/events`: the routing snapshot as server-sent events, resumed by
//! `Last-Event-ID`.
//!
//! A watch like those over gRPC, with the same room, the same cadence and the same end. A reader
//! that was told `full` replaces everything that it holds; after `delta` it merges, as
//! [`sextant_wire::snapshot::json`] says.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName};

use super::App;
use super::problem::{self, Problem};
use super::query::Parameters;
use super::snapshot::filter;
use crate::encodings::Speech;
use crate::hub;
use crate::seats::Caller;
use crate::watch::Watch;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// What is handed to the connection at once, so that it holds little of an event whose reader is
/// slow.
const CHUNK_BYTES: usize = 64 << 10;

pub(super) async fn watch(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Result<Parameters, Problem>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = headers.get(LAST_EVENT_ID);
    let last = last.and_then(|id| id.to_str().ok());
    let watch = app.watches.begin(Watch {
        caller,
        position: last.and_then(hub::position),
        filter: filter(&app, parameters?)?,
        speech: Speech::Events,
    });
    let watcher = watch.map_err(|why| problem::unwatched(why, app.progress.lag_records()))?;
    // Why it ends is no event: whoever comes back with its last id is told what it missed.
    let chunks = watcher.messages().flat_map(|event| {
        let chunks = Chunks(event.unwrap_or_default());
        stream::iter(chunks.map(Ok::<_, Infallible>))
    });
    let events = [(CONTENT_TYPE, "text/event-stream")];
    Ok((events, Body::from_stream(chunks)).into_response())
}

/// What is left of an event.
struct Chunks(Bytes);

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let chunk = self.0.split_to(self.0.len().min(CHUNK_BYTES));
        (!chunk.is_empty()).then_some(chunk)
    }
}
