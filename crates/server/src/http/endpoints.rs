//! `GET /api/v1/models/{author}/{slug}/endpoints`, in the shape of OpenRouter's public API.
//!
//! Its official SDKs (`@openrouter/sdk` for TypeScript, `openrouter` for Python) say which keys are
//! required and which may be null; they differ, and what is served here satisfies both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value};
use sextant_catalog::{Architecture, Endpoint, Modality, Model, Price, Pricing};
use sextant_measure::figures::{Absent, Figures, Percentile, Percentiles, minimum};
use sextant_measure::id::{EndpointId, ModelId};
use sextant_measure::ratio::Ratio;
use sextant_measure::time::Timestamp;
use sextant_snapshot::row::EndpointRow;

use super::numbers::{FIVE_MINUTES_US, ONE_DAY_US, THIRTY_MINUTES_US, thousandth};
use super::problem::Problem;
use super::query::{ModelPath, Parameters};
use super::sextant::SextantObject;
use super::view::View;
use super::{App, JSON, models, shared};
use crate::coding::Coding;
use crate::edition::Edition;
use crate::encodings::Document;

const TOOL_CHOICES: [&str; 4] = ["none", "auto", "required", "function"];

pub(super) async fn list(
    State(app): State<Arc<App>>,
    model: Result<ModelPath, Problem>,
    parameters: Result<Parameters, Problem>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ModelPath(model) = model?;
    parameters?.only(&[])?;
    let edition = app.edition()?;
    let is_listed = edition.catalog().model(&model).is_some();
    if !is_listed && edition.snapshot().model(&model).is_empty() {
        return Err(models::unknown(&edition, &model));
    }
    let (coding, now) = (Coding::accepted(&headers), app.clock.now());
    let page = Document::Endpoints(model.clone());
    let make = move |edition: &Edition| {
        let listed = edition.catalog().model(&model);
        serde_json::to_vec(&EndpointsJson {
            data: DataJson::new(edition, &model, listed, now),
            sextant: models::About::new(edition),
        })
    };
    let page = edition.page(page, coding, now, make).await?;
    Ok(shared(page, JSON, coding))
}

#[derive(Serialize)]
struct EndpointsJson {
    data: DataJson,
    sextant: models::About,
}

#[derive(Serialize)]
struct DataJson {
    id: String,
    name: String,
    created: i64,
    description: String,
    architecture: ArchitectureJson,
    endpoints: Vec<EndpointJson>,
}

/// What a model takes and gives.
#[derive(Serialize)]
pub(super) struct ArchitectureJson {
    modality: String,
    input_modalities: Vec<&'static str>,
    output_modalities: Vec<&'static str>,
    instruct_type: Option<String>,
    tokenizer: Option<String>,
}

#[derive(Serialize)]
struct EndpointJson {
    name: String,
    model_id: String,
    model_name: String,
    provider_name: String,
    tag: String,
    quantization: &'static str,
    context_length: u32,
    max_completion_tokens: Option<u32>,
    max_prompt_tokens: Option<u32>,
    pricing: PricingJson,
    supported_parameters: BTreeSet<String>,
    /// Which values have been tested. Nobody tests them here.
    supports_tool_choice: BTreeMap<&'static str, bool>,
    native_tools: Map<String, Value>,
    service_tier: Option<&'static str>,
    supports_diarization: bool,
    supports_implicit_caching: bool,
    uptime_last_5m: Option<f64>,
    uptime_last_30m: Option<f64>,
    uptime_last_1d: Option<f64>,
    latency_last_30m: Option<PercentilesJson>,
    throughput_last_30m: Option<PercentilesJson>,
    sextant: SextantObject,
}

/// USD per token, as decimals; "-1" where it is unknown.
#[derive(Serialize)]
struct PricingJson {
    prompt: String,
    completion: String,
}

#[derive(Serialize)]
struct PercentilesJson {
    p50: f64,
    p75: f64,
    p90: f64,
    p99: f64,
}

impl DataJson {
    fn new(edition: &Edition, id: &ModelId, model: Option<&Model>, now: Timestamp) -> Self {
        let name = model.map_or_else(|| id.to_string(), |model| model.name.clone());
        let architecture = model.map(|model| &model.architecture);
        let all = View::new(edition, now).endpoints(id, model).into_iter();
        let endpoint = |(id, endpoint): (&EndpointId, Option<&Endpoint>)| {
            let offered = model.zip(endpoint);
            EndpointJson::new(edition, id, &name, offered, now)
        };
        Self {
            id: id.to_string(),
            created: model.and_then(|model| model.created).map_or(0, seconds),
            description: model.map_or_else(String::new, |model| model.description.clone()),
            architecture: ArchitectureJson::new(architecture),
            endpoints: all.map(endpoint).collect(),
            name: name.clone(),
        }
    }
}

impl ArchitectureJson {
    /// Text in and out, where nothing is known.
    pub(super) fn new(architecture: Option<&Architecture>) -> Self {
        let unknown = Architecture::default();
        let architecture = architecture.unwrap_or(&unknown);
        let names = |modalities: &[Modality]| modalities.iter().map(|m| m.name()).collect();
        Self {
            modality: architecture.modality(),
            input_modalities: names(&architecture.input_modalities),
            output_modalities: names(&architecture.output_modalities),
            instruct_type: architecture.instruct_type.clone(),
            tokenizer: architecture.tokenizer.clone(),
        }
    }
}

impl EndpointJson {
    fn new(
        edition: &Edition,
        id: &EndpointId,
        model_name: &str,
        offered: Option<(&Model, &Endpoint)>,
        now: Timestamp,
    ) -> Self {
        // An endpoint without a limit of its own has its model's.
        let context_length = offered.map_or(0, |(model, endpoint)| {
            endpoint.context_length.unwrap_or(model.context_length)
        });
        let offered = offered.map(|(_, endpoint)| endpoint);
        let row = edition.snapshot().row(id).map(|row| &*row.value);
        let provider_name = edition.catalog().provider_name(&id.provider);
        let name = match offered {
            Some(_) => format!("{provider_name} | {}", id.model),
            None => id.to_string(),
        };
        let measured = Measured { row, now };
        Self {
            name,
            model_id: id.model.to_string(),
            model_name: model_name.to_owned(),
            provider_name: provider_name.to_owned(),
            tag: id.tag(),
            quantization: id.quantization.name(),
            context_length,
            max_completion_tokens: offered.and_then(|e| e.max_completion_tokens),
            max_prompt_tokens: offered.and_then(|e| e.max_prompt_tokens),
            pricing: PricingJson::new(offered.and_then(|e| e.price)),
            supported_parameters: offered
                .map(|e| e.supported_parameters.clone())
                .unwrap_or_default(),
            supports_tool_choice: TOOL_CHOICES.map(|choice| (choice, false)).into(),
            native_tools: Map::new(),
            service_tier: None,
            supports_diarization: false,
            supports_implicit_caching: false,
            uptime_last_5m: measured.percent(FIVE_MINUTES_US, |f| Some(f.recent.uptime_5m)),
            uptime_last_30m: measured.percent(THIRTY_MINUTES_US, |f| Some(f.uptime_30m())),
            uptime_last_1d: measured.percent(ONE_DAY_US, |f| f.uptime_1d),
            latency_last_30m: measured.percentiles(|f| &f.latency_us),
            throughput_last_30m: measured.percentiles(|f| &f.throughput_mtps),
            sextant: SextantObject::new(edition, id, row, now),
        }
    }
}

impl PricingJson {
    fn new(pricing: Option<Pricing>) -> Self {
        let price = |price: fn(Pricing) -> Price| {
            pricing.map_or_else(|| "-1".to_owned(), |held| price(held).to_usd_per_token())
        };
        Self {
            prompt: price(|pricing| pricing.input),
            completion: price(|pricing| pricing.output),
        }
    }
}

/// What was measured, by this shape's rules.
#[derive(Clone, Copy)]
struct Measured<'a> {
    row: Option<&'a EndpointRow>,
    now: Timestamp,
}

impl<'a> Measured<'a> {
    /// 0 to 100, unrounded.
    fn percent(self, window_us: i64, pick: impl Fn(&Figures) -> Option<Ratio>) -> Option<f64> {
        let ratio = pick(self.present(window_us)?)?;
        match Absent::below(ratio.whole, minimum::RATIO) {
            Some(_) => None,
            None => Some(ratio.value()? * 100.0),
        }
    }

    /// The shape has no null inside, so p99 is said wherever the others are.
    fn percentiles(self, pick: impl Fn(&'a Figures) -> &'a Percentiles) -> Option<PercentilesJson> {
        let held = pick(self.present(THIRTY_MINUTES_US)?);
        Some(PercentilesJson {
            p50: held.get(Percentile::P50).map(thousandth)?,
            p75: held.get(Percentile::P75).map(thousandth)?,
            p90: held.get(Percentile::P90).map(thousandth)?,
            p99: held.p99_from_100.map(thousandth)?,
        })
    }

    /// Nothing once the window lies wholly in the past: the shape has no room for an age.
    fn present(self, window_us: i64) -> Option<&'a Figures> {
        let row = self.row.filter(|row| row.age_us(self.now) < window_us);
        row.map(EndpointRow::global)
    }
}

/// Unix time in whole seconds.
pub(super) fn seconds(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}
