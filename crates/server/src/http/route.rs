//! `GET /api/v1/route`: what a router chooses now, or would have chosen at an earlier minute, with
//! its reasons.
//!
//! - `asked`: what the parameters say. `then`: what was known at an earlier minute.

mod asked;
mod shown;
mod then;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use sextant_measure::id::ModelId;
use sextant_router::board::Board;
use sextant_router::choose;
use sextant_router::decision::{Decision, Empty};
use sextant_router::freshness::Ages;
use sextant_snapshot::routing::RoutingRow;

use self::asked::Asked;
use self::shown::{RouteJson, Seen};
use super::App;
use super::models;
use super::problem::{self, Problem};
use super::query::Parameters;
use crate::edition::Edition;
use crate::filter::Filter;
use crate::seats::Caller;

pub(super) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Result<Parameters, Problem>,
) -> Result<Response, Problem> {
    let now = app.clock.now();
    let asked = Asked::read(parameters?, now)?;
    let edition = app.edition()?;
    let model = &asked.request.model;
    let (board, seen) = match asked.at {
        None => {
            let version = Some(edition.position().text().to_owned());
            (board(&edition, model), Seen { now, version })
        }
        Some(minute) => {
            let board = then::board(&app, caller, model, minute).await?;
            let (now, version) = (minute.start(), None);
            (board, Seen { now, version })
        }
    };
    let mut decision = Decision::default();
    let view = board.at(seen.now, Duration::ZERO);
    choose(view, &asked.request, asked.seed, &mut decision);
    if decision.empty == Some(Empty::UnknownModel) {
        return Err(match asked.at {
            Some(minute) => problem::unknown_then(model, minute),
            None => models::unknown(&edition, model),
        });
    }
    Ok(Json(RouteJson::new(&asked, view, &decision, &seen)).into_response())
}

/// What is known of a model now.
pub(super) fn board(edition: &Edition, model: &ModelId) -> Board {
    let snapshot = edition.snapshot();
    let rows = snapshot.model(model).iter();
    let rows: Vec<_> = rows.map(|row| RoutingRow::from(&*row.value)).collect();
    let filter = Filter::of_model(model.clone());
    let gates = snapshot.gates().iter().map(|gate| &*gate.value);
    let gates = gates.filter(|gate| gate.key().model == *model);
    let board = Board::of(&rows, edition.facts(&filter), gates, Ages::default());
    board.suspecting(snapshot.header().observer_suspected)
}
