//! `GET /models/{author}/{slug}`.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use sextant_catalog::{Benchmark, Benchmarks, Model};
use sextant_measure::figures::{Figures, Percentile};
use sextant_measure::id::{EndpointId, GLOBAL_REGION, ModelId, Region};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_page::cell::ABSENT;
use sextant_page::frame::{Frame, Part};
use sextant_page::model::{self as page, Component, Intelligence, Lead, ModelPage};
use sextant_page::strip::Strip;

use super::minutes::Strips;
use super::trouble::Trouble;
use super::{rows, shared, single, state, tiers};
use crate::coding::Coding;
use crate::edition::Edition;
use crate::encodings::Document;
use crate::http::numbers::{THIRTY_MINUTES_US, thousandth};
use crate::http::problem::{self, Problem};
use crate::http::query::{ModelPath, Parameters};
use crate::http::view::View;
use crate::http::{App, models};

/// Endpoints that are shown.
const ROWS_MAX: usize = 100;
/// How often numbers are looked at that may have grown old.
const AGEING_US: i64 = 5_000_000;
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
    let coding = Coding::accepted(&headers);
    let strips = subject.strips(&app, &edition).await;
    let now = app.clock.now();
    let document = Document::ModelPage(subject.model.clone(), subject.region.clone());
    let is_shared = subject.is_seen(&edition);
    let make = move |edition: &Edition| {
        let page = subject.page(&app, edition, strips.as_deref(), now);
        sextant_page::html(&page)
    };
    if !is_shared {
        return Ok(single(edition.page_for_one(make).await?));
    }
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
    pub(super) async fn strips(&self, app: &App, edition: &Edition) -> Option<Arc<Strips>> {
        if !self.is_seen(edition) {
            return Some(Arc::default());
        }
        let key = (self.model.clone(), self.region.clone());
        app.minutes.of(app, &key, app.clock.now()).await
    }

    /// Whether anything is reported from its region. Anyone can make up others, and nothing is read
    /// or kept for them.
    pub(super) fn is_seen(&self, edition: &Edition) -> bool {
        let mut rows = edition.snapshot().model(&self.model).iter();
        let region = self.region.as_ref();
        region.is_none_or(|region| rows.any(|row| row.value.region(region).is_some()))
    }

    /// What its numbers are made of, in short: as long as it is the same, so are they, but for what
    /// grows old, which is looked at every few seconds.
    pub(super) fn ingredients(
        &self,
        edition: &Edition,
        strips: Option<&Arc<Strips>>,
        now: Timestamp,
    ) -> u64 {
        let mut hasher = DefaultHasher::new();
        for row in edition.snapshot().model(&self.model) {
            (row.stamp.partition, row.stamp.offset).hash(&mut hasher);
        }
        let header = edition.snapshot().header();
        let gates = header.version.gates();
        (header.version.catalog(), header.observer_suspected).hash(&mut hasher);
        (gates.log_id, gates.next_offset).hash(&mut hasher);
        strips.map(Arc::as_ptr).hash(&mut hasher);
        now.as_micros().div_euclid(AGEING_US).hash(&mut hasher);
        hasher.finish()
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
        let (regions, regions_unshown) = self.regions(edition);
        let mut gates = self.gates(edition);
        let gateway = &app.config.gateway_name;
        let row = |(id, offered): &(&EndpointId, _)| {
            let strip = strips.map_or_else(Strip::unknown, |strips| {
                strips.get(*id).cloned().unwrap_or_default()
            });
            let verdicts = gates.remove(&id.quantization).unwrap_or_default();
            let row = rows::row(view, id, *offered, verdicts.clone(), strip);
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
            cheapest: cheapest(view, known),
            fastest: fastest(view, &self.model),
            intelligence: known
                .and_then(|model| model.benchmarks.as_ref())
                .map(intelligence),
            regions,
            regions_unshown,
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
    fn regions(&self, edition: &Edition) -> (Vec<page::Region>, usize) {
        let rows = edition.snapshot().model(&self.model).iter();
        let held = rows.flat_map(|row| row.value.regions());
        let seen: BTreeSet<_> = held.map(|held| &held.region).collect();
        let unshown = seen.len().saturating_sub(REGIONS_MAX);
        let mut names: BTreeSet<_> = seen.into_iter().take(REGIONS_MAX).collect();
        names.extend(&self.region);
        let shown = |name: String, is_shown| page::Region { name, is_shown };
        let global = shown(GLOBAL_REGION.to_owned(), self.region.is_none());
        let others = names.into_iter().map(|region| {
            let is_shown = self.region.as_ref() == Some(region);
            shown(region.to_string(), is_shown)
        });
        (std::iter::once(global).chain(others).collect(), unshown)
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
pub(super) fn cheapest<'e>(view: View<'e>, model: Option<&'e Model>) -> Lead {
    let offered = model.map_or(&[][..], |model| &model.endpoints);
    let best = model.and_then(|model| view.cheapest(model));
    match best.and_then(|endpoint| Some((endpoint, endpoint.price?))) {
        Some((endpoint, price)) => lead(view, &endpoint.id, format!("{} / 1M", price.input)),
        None if offered.iter().any(|endpoint| endpoint.price.is_some()) => {
            Lead::nobody("All that have a price are down")
        }
        None => Lead::nobody("No price known"),
    }
}

/// The highest throughput, and who has it.
pub(super) fn fastest(view: View<'_>, model: &ModelId) -> Lead {
    let p95 = |figures: &Figures| figures.throughput_mtps.get(Percentile::P95);
    let best = view.fastest(model);
    if let Some((row, p95)) = best.and_then(|(row, figures)| Some((row, p95(figures)?))) {
        let figure = format!("{:.0} tok/s", thousandth(p95).round());
        return lead(view, row.id(), figure);
    }
    let rows = view.edition.snapshot().model(model).iter();
    let mut seen = rows.filter_map(|row| view.seen(Some(&row.value)));
    if seen.any(|seen| seen.age_us < THIRTY_MINUTES_US && p95(seen.figures).is_some()) {
        return Lead::nobody("All that were measured are down");
    }
    Lead::nobody("No throughput data yet — populated as traffic accumulates")
}

fn lead<'e>(view: View<'e>, id: &'e EndpointId, figure: String) -> Lead {
    Lead {
        figure,
        provider: view.provider_name(id).to_owned(),
        tag: Some(id.tag()),
        standing: Some(rows::standing(view.seen(view.row(id)))),
    }
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
