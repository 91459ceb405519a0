//! `GET /api/v1/models`: the catalog, and what traffic knows beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;
use sextant_catalog::{Benchmark, Benchmarks, Mix, Model};
use sextant_measure::figures::Percentile;
use sextant_measure::id::ModelId;
use sextant_measure::time::Timestamp;
use sextant_wire::json::rfc3339;

use super::endpoints::{ArchitectureJson, seconds};
use super::numbers::thousandth;
use super::problem::{self, Problem};
use super::query::Parameters;
use super::view::View;
use super::{App, JSON, shared};
use crate::coding::Coding;
use crate::edition::Edition;
use crate::encodings::Document;
use crate::nearest;

pub(super) async fn list(
    State(app): State<Arc<App>>,
    parameters: Result<Parameters, Problem>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    parameters?.only(&[])?;
    let (coding, now) = (Coding::accepted(&headers), app.clock.now());
    let make = move |edition: &Edition| serde_json::to_vec(&ModelsJson::new(edition, now));
    let edition = app.edition()?;
    let page = edition.page(Document::Models, coding, now, make).await?;
    Ok(shared(page, JSON, coding))
}

/// The refusal of a model that nothing is known of.
pub(super) fn unknown(edition: &Edition, model: &ModelId) -> Problem {
    problem::unknown_model(model, nearest(edition, model))
}

/// Models that may have been meant.
pub(super) fn nearest(edition: &Edition, model: &ModelId) -> Vec<String> {
    let names = edition.catalog().models().map(|known| known.id.as_str());
    let nearest = nearest::to(model.as_str(), names);
    nearest.into_iter().map(str::to_owned).collect()
}

/// What holds for all of an answer: how whole it is.
#[derive(Serialize)]
pub(super) struct About {
    version: String,
    generated_at: String,
    coverage: Coverage,
    observer_suspected: bool,
}

#[derive(Serialize)]
struct Coverage {
    partitions_whole: u32,
    partitions: u32,
}

#[derive(Serialize)]
struct ModelsJson {
    data: Vec<ModelJson>,
    sextant: About,
}

#[derive(Serialize)]
struct ModelJson {
    id: String,
    name: String,
    created: i64,
    description: String,
    context_length: u32,
    architecture: ArchitectureJson,
    /// The precisions its author published it in.
    native: Vec<&'static str>,
    benchmarks: Option<BenchmarksJson>,
    /// 0 to 100.
    composite: Option<f64>,
    /// How many endpoints serve it, those seen only in traffic included.
    endpoints: usize,
    cheapest: Option<CheapestJson>,
    fastest: Option<FastestJson>,
}

#[derive(Serialize)]
struct BenchmarksJson {
    #[serde(flatten)]
    scores: BTreeMap<&'static str, Option<f64>>,
    source: String,
}

#[derive(Serialize)]
struct CheapestJson {
    tag: String,
    provider_name: String,
    status: &'static str,
    /// Decimal USD per 1M tokens.
    price: PriceJson,
}

#[derive(Serialize)]
struct PriceJson {
    input: String,
    output: String,
    blended: String,
}

#[derive(Serialize)]
struct FastestJson {
    tag: String,
    provider_name: String,
    status: &'static str,
    throughput_p95_tps: f64,
    n: u64,
}

impl About {
    pub(super) fn new(edition: &Edition) -> Self {
        let header = edition.snapshot().header();
        Self {
            version: edition.position().text().to_owned(),
            generated_at: rfc3339(header.generated_at),
            coverage: Coverage {
                partitions_whole: header.partitions_whole,
                partitions: header.partitions,
            },
            observer_suspected: header.observer_suspected,
        }
    }
}

impl ModelsJson {
    fn new(edition: &Edition, now: Timestamp) -> Self {
        let view = View::new(edition, now);
        let models = view.models().into_iter();
        Self {
            data: models
                .map(|(id, model)| ModelJson::new(view, id, model))
                .collect(),
            sextant: About::new(edition),
        }
    }
}

impl ModelJson {
    fn new(view: View<'_>, id: &ModelId, model: Option<&Model>) -> Self {
        let benchmarks = model.and_then(|model| model.benchmarks.as_ref());
        Self {
            id: id.to_string(),
            name: model.map_or_else(|| id.to_string(), |model| model.name.clone()),
            created: model.and_then(|model| model.created).map_or(0, seconds),
            description: model.map_or_else(String::new, |model| model.description.clone()),
            context_length: model.map_or(0, |model| model.context_length),
            architecture: ArchitectureJson::new(model.map(|model| &model.architecture)),
            native: model
                .map(|model| model.native.iter().map(|q| q.name()).collect())
                .unwrap_or_default(),
            benchmarks: benchmarks.map(BenchmarksJson::new),
            composite: benchmarks
                .and_then(Benchmarks::composite)
                .map(|score| tenths(score.as_tenths())),
            endpoints: view.endpoints(id, model).len(),
            cheapest: model.and_then(|model| CheapestJson::new(view, model)),
            fastest: FastestJson::new(view, id),
        }
    }
}

impl BenchmarksJson {
    fn new(benchmarks: &Benchmarks) -> Self {
        let score = |benchmark: Benchmark| {
            let score = benchmarks.score(benchmark);
            (
                benchmark.key(),
                score.map(|score| tenths(score.as_tenths())),
            )
        };
        Self {
            scores: Benchmark::ALL.map(score).into(),
            source: benchmarks.source.clone(),
        }
    }
}

impl CheapestJson {
    fn new(view: View<'_>, model: &Model) -> Option<Self> {
        let cheapest = view.cheapest(model)?;
        let price = cheapest.price?;
        Some(Self {
            tag: cheapest.id.tag(),
            provider_name: view.provider_name(&cheapest.id).to_owned(),
            status: view.status(&cheapest.id).name(),
            price: PriceJson {
                input: price.input.to_decimal(),
                output: price.output.to_decimal(),
                blended: price.blended(Mix::default()).to_decimal(),
            },
        })
    }
}

impl FastestJson {
    fn new(view: View<'_>, model: &ModelId) -> Option<Self> {
        let (row, figures) = view.fastest(model)?;
        let throughput = &figures.throughput_mtps;
        Some(Self {
            tag: row.id().tag(),
            provider_name: view.provider_name(row.id()).to_owned(),
            status: view.status(row.id()).name(),
            throughput_p95_tps: thousandth(throughput.get(Percentile::P95)?),
            n: throughput.n,
        })
    }
}

fn tenths(tenths: u16) -> f64 {
    f64::from(tenths) / 10.0
}
