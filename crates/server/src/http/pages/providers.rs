//! `GET /providers`: every provider over all its endpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use sextant_measure::figures::{Absent, Figures, minimum};
use sextant_measure::id::{EndpointId, ModelId, ProviderId};
use sextant_measure::ratio::Ratio;
use sextant_measure::time::Timestamp;
use sextant_page::cell::Cell;
use sextant_page::frame::{Frame, Part};
use sextant_page::overview::{ProviderRow, Providers};

use super::overview::worst;
use super::trouble::Trouble;
use super::{shared, state};
use crate::coding::Coding;
use crate::edition::Edition;
use crate::encodings::Document;
use crate::http::App;
use crate::http::numbers::THIRTY_MINUTES_US;
use crate::http::problem::Problem;
use crate::http::query::Parameters;
use crate::http::view::View;

/// Providers on the page.
const PROVIDERS_MAX: usize = 500;
/// Models that are named of one.
const MODELS_MAX: usize = 50;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    parameters: Result<Parameters, Problem>,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    parameters?.only(&[])?;
    let edition = app.edition()?;
    let (coding, now) = (Coding::accepted(&headers), app.clock.now());
    let make = move |edition: &Edition| sextant_page::html(&providers(&app, edition, now));
    let page = edition.page(Document::Providers, coding, now, make).await?;
    Ok(shared(page, coding))
}

fn providers(app: &App, edition: &Edition, now: Timestamp) -> Providers {
    let view = View::new(edition, now);
    let mut endpoints: BTreeMap<&ProviderId, Vec<&EndpointId>> = BTreeMap::new();
    for (model, known) in view.models() {
        for (id, _) in view.endpoints(model, known) {
            endpoints.entry(&id.provider).or_default().push(id);
        }
    }
    let mut rows: Vec<_> = endpoints
        .iter()
        .map(|(provider, endpoints)| row(view, provider, endpoints))
        .collect();
    rows.sort_by(|one, other| (&one.name, &one.slug).cmp(&(&other.name, &other.slug)));
    let unshown = rows.len().saturating_sub(PROVIDERS_MAX);
    rows.truncate(PROVIDERS_MAX);
    Providers {
        frame: Frame::new(
            "Providers",
            Part::Providers,
            Some(state(app, edition, &BTreeSet::new(), now)),
        ),
        providers: rows,
        unshown,
    }
}

fn row<'e>(view: View<'e>, provider: &'e ProviderId, endpoints: &[&'e EndpointId]) -> ProviderRow {
    let statuses: Vec<_> = endpoints.iter().map(|id| view.status(id)).collect();
    let models: BTreeSet<&ModelId> = endpoints.iter().map(|id| &id.model).collect();
    let catalog = view.edition.catalog();
    let ratio = |pick: fn(&Figures) -> Ratio, of| {
        let ratio = over(view, endpoints, pick);
        Cell::ratio(present(ratio), Some(ratio.whole), of)
    };
    let named = models.iter().take(MODELS_MAX).map(|id| {
        let name = catalog.model(id).map_or(id.as_str(), |model| &model.name);
        (id.to_string(), name.to_owned())
    });
    ProviderRow {
        slug: provider.to_string(),
        name: catalog.provider_name(provider).to_owned(),
        models: named.collect(),
        models_unshown: models.len().saturating_sub(MODELS_MAX),
        uptime: ratio(Figures::uptime_30m, "observations"),
        success: ratio(Figures::success_30m, "requests"),
        rate_limited: {
            let limited = over(view, endpoints, Figures::rate_limited_30m);
            Cell::share(present(limited), Some(limited.whole), "requests")
        },
        worst: worst(&statuses),
    }
}

/// A ratio over all endpoints: its parts are added, so that each request weighs alike.
fn over(view: View<'_>, endpoints: &[&EndpointId], pick: impl Fn(&Figures) -> Ratio) -> Ratio {
    let seen = endpoints.iter().filter_map(|id| view.seen(view.row(id)));
    let present = seen.filter(|seen| seen.age_us < THIRTY_MINUTES_US);
    let mut sum = Ratio::default();
    for ratio in present.map(|seen| pick(seen.figures)) {
        sum.part += ratio.part;
        sum.whole += ratio.whole;
    }
    sum
}

/// The ratio, if there is enough for it.
fn present(ratio: Ratio) -> Result<Ratio, Absent> {
    Absent::below(ratio.whole, minimum::RATIO).map_or(Ok(ratio), Err)
}
