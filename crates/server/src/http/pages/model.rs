//! `GET /models/{author}/{slug}`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use sextant_catalog::{Benchmark, Benchmarks, Model};
use sextant_measure::figures::Percentile;
use sextant_measure::id::{EndpointId, GLOBAL_REGION, ModelId, Region};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_page::cell::ABSENT;
use sextant_page::frame::{Frame, Part};
use sextant_page::model::{self as page, Best, Component, Intelligence, ModelPage};

use super::minutes::Strips;
use super::trouble::Trouble;
use super::{rows, shared, state, tiers};
use crate::coding::Coding;
use crate::edition::Edition;
use crate::encodings::Document;
use crate::http::numbers::thousandth;
use crate::http::problem::{self, Problem};
use crate::http::query::{ModelPath, Parameters};
use crate::http::view::View;
use crate::http::{App, models};

/// Endpoints that are shown.
const ROWS_MAX: usize = 100;
/// Regions that can be switched to.
const REGIONS_MAX: usize = 64;

pub(super) async fn show(
    State(app): State<Arc<App>>,
    model: Result<ModelPath, Problem>,
    parameters: Result<Parameters, Problem>,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let subject = Subject::asked(&app, model, parameters)?;
    let edition = app.edition()?;
    let (coding, now) = (Coding::accepted(&headers), app.clock.now());
    let strips = subject.strips(&app, &edition, now).await;
    let document = Document::ModelPage(subject.model.clone(), subject.region.clone());
    let make = move |edition: &Edition| {
        let page = subject.page(&app, edition, strips.as_deref(), now);
        sextant_page::html(&page)
    };
    let page = edition.page(document, coding, now, make).await?;
    Ok(shared(page, coding))
}

/// What a page is about.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) model: ModelId,
    /// Measured from there alone; nothing for everywhere.
    pub(super) region: Option<Region>,
}

impl Subject {
    /// What is asked for, if anything is known of it.
    pub(super) fn asked(
        app: &App,
        model: Result<ModelPath, Problem>,
        parameters: Result<Parameters, Problem>,
    ) -> Result<Self, Problem> {
        let ModelPath(model) = model?;
        let parameters = parameters?.only(&["region"])?;
        let region = parameters.one("region")?;
        let region = region.filter(|name| *name != GLOBAL_REGION);
        let region = region.map(Region::new).transpose();
        let region = region.map_err(|error| problem::parameter("region", error.to_string()))?;
        let edition = app.edition()?;
        let is_listed = edition.catalog().model(&model).is_some();
        if !is_listed && edition.snapshot().model(&model).is_empty() {
            let detail = format!("There is no model {model}.");
            let nearest = models::nearest(&edition, &model);
            return Err(problem::unknown_model_on_a_page(detail, nearest));
        }
        Ok(Self { model, region })
    }

    /// Its last minutes by endpoint; nothing if the store doesn't tell them.
    pub(super) async fn strips(
        &self,
        app: &App,
        edition: &Edition,
        now: Timestamp,
    ) -> Option<Arc<Strips>> {
        let mut rows = edition.snapshot().model(&self.model).iter();
        let is_seen = self
            .region
            .as_ref()
            .is_none_or(|region| rows.any(|row| row.value.region(region).is_some()));
        if !is_seen {
            // Anyone can make up regions, and the store knows none of them.
            return Some(Arc::default());
        }
        let key = (self.model.clone(), self.region.clone());
        app.minutes.of(app, &key, now).await
    }

    /// All that is known of it.
    pub(super) fn page(
        &self,
        app: &App,
        edition: &Edition,
        strips: Option<&Strips>,
        now: Timestamp,
    ) -> ModelPage {
        let view = View {
            edition,
            region: self.region.as_ref(),
            now,
        };
        let known = edition.catalog().model(&self.model);
        let name = known.map_or_else(|| self.model.to_string(), |model| model.name.clone());
        let endpoints = view.endpoints(&self.model, known);
        let mut gates = self.gates(edition);
        let gateway = &app.config.gateway_name;
        let row = |(id, offered): &(&EndpointId, _)| {
            let strip = strips.and_then(|strips| strips.get(*id));
            let verdicts = gates.remove(&id.quantization).unwrap_or_default();
            let row = rows::row(
                view,
                id,
                *offered,
                verdicts.clone(),
                strip.cloned().unwrap_or_default(),
            );
            gates.insert(id.quantization, verdicts);
            row
        };
        ModelPage {
            frame: Frame::new(
                name.clone(),
                Part::Models,
                Some(state(app, edition, &self.partitions(edition), now)),
            ),
            gateway: gateway.clone(),
            id: self.model.to_string(),
            description: known.map_or_else(String::new, |model| model.description.clone()),
            cheapest: known.and_then(|model| cheapest(view, model)),
            fastest: fastest(view, &self.model),
            intelligence: known
                .and_then(|model| model.benchmarks.as_ref())
                .map(intelligence),
            regions: self.regions(edition),
            rows_unshown: endpoints.len().saturating_sub(ROWS_MAX),
            rows: endpoints.iter().take(ROWS_MAX).map(row).collect(),
            is_store_away: strips.is_none(),
            tiers: tiers::tiers(view, &self.model, gateway),
            name,
        }
    }

    /// Where its rows come from; empty if it has none.
    pub(super) fn partitions(&self, edition: &Edition) -> BTreeSet<u32> {
        let rows = edition.snapshot().model(&self.model).iter();
        rows.map(|row| row.stamp.partition).collect()
    }

    /// All that it was seen from, and the one that is asked for.
    fn regions(&self, edition: &Edition) -> Vec<page::Region> {
        let rows = edition.snapshot().model(&self.model).iter();
        let held = rows.flat_map(|row| row.value.regions());
        let seen: BTreeSet<_> = held.map(|held| &held.region).collect();
        let mut names: BTreeSet<_> = seen.into_iter().take(REGIONS_MAX).collect();
        names.extend(&self.region);
        let shown = |name: String, is_shown| page::Region { name, is_shown };
        let global = shown(GLOBAL_REGION.to_owned(), self.region.is_none());
        let others = names.into_iter().map(|region| {
            let is_shown = self.region.as_ref() == Some(region);
            shown(region.to_string(), is_shown)
        });
        std::iter::once(global).chain(others).collect()
    }

    /// The verdicts by precision: operation and verdict.
    fn gates(&self, edition: &Edition) -> BTreeMap<Quantization, Vec<(String, &'static str)>> {
        let mut by_precision: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for gate in edition.snapshot().gates() {
            let key = gate.value.key();
            if key.model == self.model {
                let verdict = (key.operation.to_string(), gate.value.verdict().name());
                by_precision
                    .entry(key.quantization)
                    .or_default()
                    .push(verdict);
            }
        }
        by_precision
    }
}

/// The lowest price, by the blend, and who asks it.
pub(super) fn cheapest<'e>(view: View<'e>, model: &'e Model) -> Option<Best> {
    let cheapest = view.cheapest(model)?;
    Some(Best {
        figure: format!("{} / 1M", cheapest.price?.input),
        provider: view.provider_name(&cheapest.id).to_owned(),
    })
}

/// The highest throughput, and who has it.
pub(super) fn fastest(view: View<'_>, model: &ModelId) -> Option<Best> {
    let (row, figures) = view.fastest(model)?;
    let p95 = figures.throughput_mtps.get(Percentile::P95)?;
    Some(Best {
        figure: format!("{:.0} tok/s", thousandth(p95).round()),
        provider: view.provider_name(row.id()).to_owned(),
    })
}

fn intelligence(benchmarks: &Benchmarks) -> Intelligence {
    let score = |score: Option<_>| {
        score.map_or_else(
            || ABSENT.to_owned(),
            |score: sextant_catalog::Score| score.to_string(),
        )
    };
    let component = |benchmark: Benchmark| Component {
        label: benchmark.label(),
        caption: benchmark.caption(),
        weight_percent: benchmark.weight_percent(),
        score: score(benchmarks.score(benchmark)),
    };
    Intelligence {
        composite: score(benchmarks.composite()),
        components: Benchmark::ALL.map(component).into(),
        source: benchmarks.source.clone(),
    }
}
