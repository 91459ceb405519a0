//! One model.

use std::collections::{BTreeMap, BTreeSet};

use sextant_measure::id::ModelId;
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use toml::de::DeValue;

use super::Providers;
use super::endpoint;
use super::field::{Field, Table, one_of};
use super::report::{Report, quoted};
use super::text::{Lines, identifier, text, word};
use crate::benchmark::{Benchmark, Benchmarks, Score, ScoreError};
use crate::limits::{
    DESCRIPTION_BYTES_MAX, ENDPOINTS_PER_MODEL_MAX, NAME_BYTES_MAX, SOURCE_BYTES_MAX, TOKENS_MAX,
};
use crate::model::{Architecture, Endpoint, Modality, Model};

const KEYS: [&str; 9] = [
    "id",
    "name",
    "description",
    "created",
    "context_length",
    "native",
    "architecture",
    "benchmarks",
    "endpoints",
];

/// Reads one model. `seen` has the lines of the models before it.
pub(super) fn model(
    field: &Field<'_, '_>,
    providers: &Providers,
    seen: &mut BTreeMap<ModelId, usize>,
    report: &mut Report<'_>,
) -> Option<Model> {
    let table = field.table(&KEYS, report)?;
    let id = model_id(&table, seen, report);
    let name = table
        .require("name", "\"Author: Model\"", report)
        .and_then(|name| text(&name, NAME_BYTES_MAX, Lines::One, report));
    let description = table
        .get("description")
        .and_then(|description| text(&description, DESCRIPTION_BYTES_MAX, Lines::Many, report));
    let created = table
        .get("created")
        .and_then(|created| moment(&created, report));
    let context_length = table
        .require("context_length", "131072", report)
        .and_then(|length| length.count(TOKENS_MAX, report));
    let native = table
        .get("native")
        .map(|native| quantizations(&native, report))
        .unwrap_or_default();
    let architecture = table
        .get("architecture")
        .and_then(|field| architecture(&field, report))
        .unwrap_or_default();
    let benchmarks = table
        .get("benchmarks")
        .and_then(|field| benchmarks(&field, report));
    let endpoints = endpoints(&table, id.as_ref(), &native, providers, report);
    Some(Model {
        id: id?,
        name: name?,
        description: description.unwrap_or_default(),
        created,
        context_length: context_length?,
        architecture,
        native,
        benchmarks,
        endpoints,
    })
}

fn model_id(
    table: &Table<'_, '_>,
    seen: &mut BTreeMap<ModelId, usize>,
    report: &mut Report<'_>,
) -> Option<ModelId> {
    let field = table.require("id", "\"author/slug\"", report)?;
    let id: ModelId = identifier(&field, report)?;
    let line = report.line(field.span().start);
    if let Some(first) = seen.get(&id) {
        let what = format!(
            "model {} is already given on line {first}",
            quoted(id.as_str())
        );
        field.wrong(report, what, "keep one of them");
        return None;
    }
    seen.insert(id.clone(), line);
    Some(id)
}

fn moment(field: &Field<'_, '_>, report: &mut Report<'_>) -> Option<Timestamp> {
    const EXPECTED: &str = "a date, 2025-04-05, or a moment, 2025-04-05T19:31:59Z, without quotes";
    let DeValue::Datetime(datetime) = field.value() else {
        field.not(EXPECTED, report);
        return None;
    };
    let text = match (datetime.date, datetime.time) {
        (Some(_), None) => format!("{datetime}T00:00:00Z"),
        _ => datetime.to_string(),
    };
    let micros = text.parse().map(jiff::Timestamp::as_microsecond);
    let Some(micros) = micros.ok().filter(|micros| *micros >= 0) else {
        field.wrong(
            report,
            format!("{datetime} is no moment since 1970"),
            format!("give {EXPECTED}"),
        );
        return None;
    };
    Some(Timestamp::from_micros(micros))
}

fn quantizations(field: &Field<'_, '_>, report: &mut Report<'_>) -> BTreeSet<Quantization> {
    let mut native = BTreeSet::new();
    for item in field.items(Quantization::ALL.len(), report) {
        let Some(quantization) = endpoint::quantization(&item, report) else {
            continue;
        };
        if quantization == Quantization::Unknown {
            item.wrong(
                report,
                "\"unknown\" is never native",
                "name the precision, or leave it out",
            );
        } else if !native.insert(quantization) {
            item.wrong(
                report,
                format!("\"{quantization}\" stands here twice"),
                "keep one of them",
            );
        }
    }
    native
}

fn architecture(field: &Field<'_, '_>, report: &mut Report<'_>) -> Option<Architecture> {
    const KEYS: [&str; 4] = [
        "input_modalities",
        "output_modalities",
        "tokenizer",
        "instruct_type",
    ];
    let table = field.table(&KEYS, report)?;
    let default = Architecture::default();
    Some(Architecture {
        input_modalities: table
            .get("input_modalities")
            .map_or(default.input_modalities, |field| {
                modalities(&field, &Modality::INPUTS, report)
            }),
        output_modalities: table
            .get("output_modalities")
            .map_or(default.output_modalities, |field| {
                modalities(&field, &Modality::OUTPUTS, report)
            }),
        tokenizer: table
            .get("tokenizer")
            .and_then(|field| word(&field, report)),
        instruct_type: table
            .get("instruct_type")
            .and_then(|field| word(&field, report)),
    })
}

fn modalities(
    field: &Field<'_, '_>,
    allowed: &[Modality],
    report: &mut Report<'_>,
) -> Vec<Modality> {
    let items = field.items(allowed.len(), report);
    if items.is_empty() && field.value().is_array() {
        field.wrong(
            report,
            "is empty",
            "name at least one, or leave the key out for text",
        );
    }
    let mut modalities = Vec::new();
    for item in items {
        let Some(name) = item.string(report) else {
            continue;
        };
        match allowed.iter().find(|modality| modality.name() == name) {
            None => {
                let what = format!("{} is not a modality here", quoted(name));
                item.wrong(
                    report,
                    what,
                    one_of(name, allowed.iter().map(|modality| modality.name())),
                );
            }
            Some(modality) if modalities.contains(modality) => {
                item.wrong(
                    report,
                    format!("\"{modality}\" stands here twice"),
                    "keep one of them",
                );
            }
            Some(modality) => modalities.push(*modality),
        }
    }
    modalities
}

fn benchmarks(field: &Field<'_, '_>, report: &mut Report<'_>) -> Option<Benchmarks> {
    let [mmlu_pro, code, math, gpqa] = Benchmark::ALL.map(Benchmark::key);
    let table = field.table(&[mmlu_pro, code, math, gpqa, "source"], report)?;
    if [mmlu_pro, code, math, gpqa]
        .into_iter()
        .all(|key| table.get(key).is_none())
    {
        report.missing(
            table.span(),
            table.path(),
            "has no score",
            "give one, or leave the table out",
        );
    }
    let mut score = |key| table.get(key).and_then(|field| score(&field, report));
    let scores = [score(mmlu_pro), score(code), score(math), score(gpqa)];
    let source = table
        .require("source", "\"where the scores were published\"", report)
        .and_then(|source| text(&source, SOURCE_BYTES_MAX, Lines::One, report));
    let [mmlu_pro, code, math, gpqa] = scores;
    Some(Benchmarks {
        mmlu_pro,
        code,
        math,
        gpqa,
        source: source?,
    })
}

/// A score is read from the digits as they stand in the text, so that 74.3 is 74.3.
fn score(field: &Field<'_, '_>, report: &mut Report<'_>) -> Option<Score> {
    let digits = match field.value() {
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
        DeValue::Float(float) => float.as_str(),
        _ => {
            field.not("a score, e.g. 74.3", report);
            return None;
        }
    };
    let what = match Score::parse(digits) {
        Ok(score) => return Some(score),
        Err(ScoreError::NotDecimal) => "is not a plain decimal number",
        Err(ScoreError::TooPrecise) => "has more than one decimal",
        Err(ScoreError::OutOfRange) => "is out of range",
    };
    field.wrong(report, what, "give 0 to 100 with at most one decimal");
    None
}

fn endpoints(
    table: &Table<'_, '_>,
    model: Option<&ModelId>,
    native: &BTreeSet<Quantization>,
    providers: &Providers,
    report: &mut Report<'_>,
) -> Vec<Endpoint> {
    let Some(field) = table.get("endpoints") else {
        return Vec::new();
    };
    let mut seen = BTreeMap::new();
    let mut endpoints = Vec::new();
    for item in field.items(ENDPOINTS_PER_MODEL_MAX, report) {
        endpoints.extend(endpoint::endpoint(
            &item, model, native, providers, &mut seen, report,
        ));
    }
    endpoints.sort_by(|a: &Endpoint, b| a.id.cmp(&b.id));
    endpoints
}
