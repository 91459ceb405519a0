//! `GET /operations`: whether the numbers can be believed.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use sextant_measure::time::Timestamp;
use sextant_page::cell::span;
use sextant_page::frame::{Frame, Part};
use sextant_page::operations::{AgentRow, Operations};
use sextant_snapshot::row::AgentRow as Held;

use super::trouble::Trouble;
use super::{single, state};
use crate::http::App;
use crate::http::problem::{self, Problem};
use crate::http::query::Parameters;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    parameters: Result<Parameters, Problem>,
) -> Result<Response, Trouble> {
    parameters?.only(&[])?;
    let edition = app.edition()?;
    let agents = app.hub.senders().await;
    let agents = agents.map_err(|why| problem::unserved(why, app.progress.lag_records()))?;
    let now = app.clock.now();
    let page = Operations {
        frame: Frame::new(
            "Operations",
            Part::Operations,
            Some(state(&app, &edition, &BTreeSet::new(), now)),
        ),
        lag_records: app.progress.lag_records(),
        endpoints: edition.snapshot().rows().len(),
        missing: app.health.missing_now(),
        agents_unshown: agents.all.saturating_sub(agents.latest.len()),
        agents: agents.latest.iter().map(|held| row(held, now)).collect(),
    };
    Ok(single(sextant_page::html(&page)?))
}

fn row(held: &Held, now: Timestamp) -> AgentRow {
    AgentRow {
        name: held.agent.to_string(),
        seen: span(now.micros_since(held.heard_at) / 1_000),
        recorded: held.recorded,
        acknowledged: held.acknowledged,
        refused: held.refused,
        dropped: held.dropped.clone(),
        clock_offset_ms: held.clock_offset_us / 1_000,
        early: held.early,
        clashes: held.clashes,
    }
}
