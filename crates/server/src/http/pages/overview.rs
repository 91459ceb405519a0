//! `GET /`: all models at a glance.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use sextant_catalog::{Mix, Model};
use sextant_measure::figures::Percentile;
use sextant_measure::id::ModelId;
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;
use sextant_page::cell::Cell;
use sextant_page::frame::{Frame, Part};
use sextant_page::model::Standing;
use sextant_page::overview::{ModelRow, Overview};

use super::model::{cheapest, fastest};
use super::trouble::Trouble;
use super::{shared, single, state};
use crate::coding::Coding;
use crate::edition::Edition;
use crate::encodings::Document;
use crate::http::App;
use crate::http::numbers::thousandth;
use crate::http::problem::{self, Problem};
use crate::http::query::Parameters;
use crate::http::view::View;

/// Models on a page.
const MODELS_MAX: usize = 500;
/// Characters that can be searched for.
const SEARCH_MAX: usize = 128;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    parameters: Result<Parameters, Problem>,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let parameters = parameters?.only(&["q"])?;
    let search = parameters.one("q")?.unwrap_or_default().trim().to_owned();
    if search.chars().count() > SEARCH_MAX {
        let reason = format!("longer than {SEARCH_MAX} characters");
        return Err(problem::parameter("q", reason).into());
    }
    let edition = app.edition()?;
    let (coding, now) = (Coding::accepted(&headers), app.clock.now());
    let is_shared = search.is_empty();
    let make = move |edition: &Edition| sextant_page::html(&overview(&app, edition, search, now));
    if !is_shared {
        return Ok(single(edition.page_for_one(make).await?));
    }
    let page = edition.page(Document::Overview, coding, now, make).await?;
    Ok(shared(page, coding))
}

fn overview(app: &App, edition: &Edition, search: String, now: Timestamp) -> Overview {
    let view = View::new(edition, now);
    let all = view.models();
    let total = all.len();
    let sought = search.to_lowercase();
    let mut found: Vec<_> = all
        .into_iter()
        .map(|(id, model)| (name(id, model), id, model))
        .filter(|(name, id, _)| {
            name.to_lowercase().contains(&sought) || id.as_str().to_lowercase().contains(&sought)
        })
        .collect();
    found.sort_by(|(one, id, _), (other, other_id, _)| (one, id).cmp(&(other, other_id)));
    let shown = found.iter().take(MODELS_MAX);
    Overview {
        frame: Frame::new(
            "Models",
            Part::Models,
            Some(state(app, edition, &BTreeSet::new(), now)),
        ),
        search,
        total,
        unshown: found.len().saturating_sub(MODELS_MAX),
        models: shown
            .map(|(name, id, model)| row(view, name, id, *model))
            .collect(),
    }
}

fn name<'e>(id: &'e ModelId, model: Option<&'e Model>) -> &'e str {
    model.map_or(id.as_str(), |model| model.name.as_str())
}

fn row<'e>(view: View<'e>, name: &str, id: &'e ModelId, model: Option<&'e Model>) -> ModelRow {
    let benchmarks = model.and_then(|model| model.benchmarks.as_ref());
    let price = model.and_then(|model| {
        let price = view.cheapest(model)?.price?.blended(Mix::default());
        Some((Cell::price(Some(price)).order?, cheapest(view, Some(model))))
    });
    let speed = view.fastest(id).and_then(|(_, figures)| {
        let p95 = figures.throughput_mtps.get(Percentile::P95)?;
        Some((thousandth(p95), fastest(view, id)))
    });
    let endpoints = view.endpoints(id, model);
    let statuses: Vec<_> = endpoints.iter().map(|(id, _)| view.status(id)).collect();
    ModelRow {
        id: id.to_string(),
        name: name.to_owned(),
        composite: Cell::score(benchmarks.and_then(sextant_catalog::Benchmarks::composite)),
        cheapest: price,
        fastest: speed,
        endpoints: endpoints.len(),
        worst: worst(&statuses),
    }
}

/// The worst of many, with how many are in it.
pub(super) fn worst(statuses: &[Status]) -> Standing {
    let worst = statuses.iter().copied().max().unwrap_or_default();
    let n = statuses.iter().filter(|status| **status == worst).count();
    let note = match statuses.len() {
        0 => "no endpoints".to_owned(),
        all => format!("{n} of {all} endpoints {}", worst.name()),
    };
    Standing::new(worst, note)
}
