//! `GET /models/{author}/{slug}/events`: what changes on a page that is open, as server-sent events.
//!
//! ```text
//! event: numbers
//! data: <all texts that stand for numbers, as one line of JSON>
//!
//! event: state
//! data: {"as_of": "…", "age_ms": 412, …}
//! ```
//!
//! Once a second at most; `numbers` only if they are others than before. A page that comes back is
//! sent all of them, so nothing has to be resumed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::header::CONTENT_TYPE;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::model::Subject;
use super::state;
use crate::coding::Coding;
use crate::edition::Edition;
use crate::encodings::Document;
use crate::events;
use crate::http::App;
use crate::http::problem::{self, Problem};
use crate::http::query::{ModelPath, Parameters};
use crate::seats::Caller;
use crate::watch::Held;

const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn watch(
    State(app): State<Arc<App>>,
    caller: Caller,
    model: Result<ModelPath, Problem>,
    parameters: Result<Parameters, Problem>,
) -> Result<Response, Problem> {
    let subject = Subject::asked(&app, model, parameters)?;
    let held = app.watches.hold(caller);
    let held = held.map_err(|why| problem::unwatched(why, app.progress.lag_records()))?;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let open = Open {
        stop: app.watches.stop.clone(),
        app,
        subject,
        ticks,
        sent: Bytes::new(),
        made_of: None,
        next: None,
        _held: held,
    };
    let events = stream::unfold(open, |mut open| async move {
        let event = open.next().await?;
        Some((Ok::<_, Infallible>(event), open))
    });
    let kind = [(CONTENT_TYPE, "text/event-stream")];
    Ok((kind, Body::from_stream(events)).into_response())
}

/// A page that is open.
struct Open {
    app: Arc<App>,
    stop: CancellationToken,
    subject: Subject,
    ticks: Interval,
    /// The numbers that it shows, and what they were made of.
    sent: Bytes,
    made_of: Option<u64>,
    /// What it is told right after them.
    next: Option<Bytes>,
    _held: Held,
}

impl Open {
    /// What is new, an event at a time; nothing once the server stops.
    async fn next(&mut self) -> Option<Bytes> {
        let event = match self.next.take() {
            Some(state) => state,
            None => self.wait().await?,
        };
        self.app.metrics.pushed(event.len());
        Some(event)
    }

    /// The numbers, if they are new, with the state right behind them; or the state alone.
    async fn wait(&mut self) -> Option<Bytes> {
        self.stop.run_until_cancelled(self.ticks.tick()).await?;
        let edition = self.app.hub.present()?;
        let numbers = self.numbers(&edition).await?;
        let now = self.app.clock.now();
        let state = state(&self.app, &edition, &self.subject.partitions(&edition), now);
        let state = events::named("state", |text| serde_json::to_writer(text, &state.patch()));
        let state = Bytes::from(state.ok()?);
        if numbers == self.sent {
            return Some(state);
        }
        self.next = Some(state);
        self.sent = numbers.clone();
        Some(numbers)
    }

    async fn numbers(&mut self, edition: &Arc<Edition>) -> Option<Bytes> {
        let (app, subject) = (Arc::clone(&self.app), self.subject.clone());
        let strips = subject.strips(&app, edition).await;
        let now = app.clock.now();
        let made_of = Some(subject.ingredients(edition, strips.as_ref(), now));
        if made_of == self.made_of {
            return Some(self.sent.clone());
        }
        self.made_of = made_of;
        let document = Document::Numbers(subject.model.clone(), subject.region.clone());
        let is_shared = subject.is_seen(edition);
        let make = move |edition: &Edition| {
            let page = subject.page(&app, edition, strips.as_deref(), now);
            events::named("numbers", |text| serde_json::to_writer(text, &page.patch()))
        };
        if !is_shared {
            return edition.page_for_one(make).await.ok();
        }
        let made = edition.page(document, Coding::Identity, now, make).await;
        Some(made.ok()?.bytes)
    }
}
