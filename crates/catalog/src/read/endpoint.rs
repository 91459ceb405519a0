//! One endpoint of a model.

use std::collections::{BTreeMap, BTreeSet};

use sextant_measure::id::{EndpointId, ModelId, ProviderId};
use sextant_measure::quantization::Quantization;

use super::Providers;
use super::field::{Field, Table, nearest, one_of};
use super::report::{Report, quoted};
use super::text::{identifier, word};
use crate::limits::{PARAMETERS_MAX, TOKENS_MAX};
use crate::model::Endpoint;
use crate::price::{Price, PriceError};
use crate::pricing::Pricing;

const KEYS: [&str; 8] = [
    "provider",
    "quantization",
    "price",
    "batch_price",
    "context_length",
    "max_completion_tokens",
    "max_prompt_tokens",
    "supported_parameters",
];

/// Reads one endpoint. `seen` has the lines of the model's endpoints before it. Without a model
/// there is nothing to give, but all to check.
pub(super) fn endpoint(
    field: &Field<'_, '_>,
    model: Option<&ModelId>,
    native: &BTreeSet<Quantization>,
    providers: &Providers,
    seen: &mut BTreeMap<(ProviderId, Quantization), usize>,
    report: &mut Report<'_>,
) -> Option<Endpoint> {
    let table = field.table(&KEYS, report)?;
    let name = name(&table, providers, seen, report);
    let price = table.get("price").and_then(|price| pricing(&price, report));
    let batch_price = table
        .get("batch_price")
        .and_then(|price| pricing(&price, report));
    let context_length = table
        .get("context_length")
        .and_then(|field| field.count(TOKENS_MAX, report));
    let mut tokens = |key| tokens_within(&table, key, context_length, report);
    let max_completion_tokens = tokens("max_completion_tokens");
    let max_prompt_tokens = tokens("max_prompt_tokens");
    let supported_parameters = table
        .get("supported_parameters")
        .map(|field| parameters(&field, report))
        .unwrap_or_default();
    let (provider, quantization) = name?;
    Some(Endpoint {
        id: EndpointId {
            model: model?.clone(),
            provider,
            quantization,
        },
        native: native.contains(&quantization),
        price,
        batch_price,
        context_length,
        max_completion_tokens,
        max_prompt_tokens,
        supported_parameters,
    })
}

/// Reads a quantization.
pub(super) fn quantization(field: &Field<'_, '_>, report: &mut Report<'_>) -> Option<Quantization> {
    let name = field.string(report)?;
    let quantization = name.parse().ok();
    if quantization.is_none() {
        let what = format!("{} is not a quantization", quoted(name));
        field.wrong(
            report,
            what,
            one_of(name, Quantization::ALL.map(Quantization::name)),
        );
    }
    quantization
}

/// What tells an endpoint from the others of its model.
fn name(
    table: &Table<'_, '_>,
    providers: &Providers,
    seen: &mut BTreeMap<(ProviderId, Quantization), usize>,
    report: &mut Report<'_>,
) -> Option<(ProviderId, Quantization)> {
    let provider_field = table.require("provider", "\"its-slug\"", report);
    let provider = provider_field
        .as_ref()
        .and_then(|field| provider(field, providers, report));
    let quantization = table
        .require(
            "quantization",
            "\"unknown\" if the provider doesn't say",
            report,
        )
        .and_then(|field| quantization(&field, report));
    let (field, name) = (provider_field?, (provider?, quantization?));
    let line = report.line(field.span().start);
    if let Some(first) = seen.get(&name) {
        let what = format!(
            "endpoint {}/{} is already given on line {first}",
            name.0, name.1
        );
        field.wrong(report, what, "keep one of them");
        return None;
    }
    seen.insert(name.clone(), line);
    Some(name)
}

fn provider(
    field: &Field<'_, '_>,
    providers: &Providers,
    report: &mut Report<'_>,
) -> Option<ProviderId> {
    let id: ProviderId = identifier(field, report)?;
    if !providers.contains_key(&id) {
        let slug = id.as_str();
        let advice = nearest(slug, providers.keys().map(ProviderId::as_str)).map_or_else(
            || format!("add [providers.{slug}] with its name"),
            |near| {
                format!(
                    "did you mean {}? Else add [providers.{slug}] with its name",
                    quoted(near)
                )
            },
        );
        field.missing(
            report,
            format!("provider {} is not declared", quoted(slug)),
            advice,
        );
    }
    Some(id)
}

fn pricing(field: &Field<'_, '_>, report: &mut Report<'_>) -> Option<Pricing> {
    let table = field.table(&["input", "output"], report)?;
    let mut price = |key| {
        table
            .require(key, "\"0.08\"", report)
            .and_then(|field| price(&field, report))
    };
    let (input, output) = (price("input"), price("output"));
    Some(Pricing {
        input: input?,
        output: output?,
    })
}

fn price(field: &Field<'_, '_>, report: &mut Report<'_>) -> Option<Price> {
    if field.value().is_float() || field.value().is_integer() {
        field.not(
            "money as a decimal in quotes, e.g. \"0.08\": a binary number can't hold it",
            report,
        );
        return None;
    }
    let text = field.string(report)?;
    let error = match text.parse() {
        Ok(price) => return Some(price),
        Err(error) => error,
    };
    let advice = match error {
        PriceError::Negative => "leave the price out if it isn't known",
        PriceError::NotDecimal | PriceError::TooPrecise | PriceError::TooLarge => {
            "give USD per 1M tokens, e.g. \"0.08\""
        }
    };
    field.wrong(report, format!("{} {error}", quoted(text)), advice);
    None
}

/// Reads a number of tokens that can't be more than the endpoint's context.
fn tokens_within(
    table: &Table<'_, '_>,
    key: &str,
    context_length: Option<u32>,
    report: &mut Report<'_>,
) -> Option<u32> {
    let field = table.get(key)?;
    let tokens = field.count(TOKENS_MAX, report)?;
    if let Some(context_length) = context_length.filter(|context_length| tokens > *context_length) {
        let what = format!("is more than the endpoint's context_length, {context_length}");
        field.wrong(report, what, "correct one of them");
    }
    Some(tokens)
}

fn parameters(field: &Field<'_, '_>, report: &mut Report<'_>) -> BTreeSet<String> {
    let mut parameters = BTreeSet::new();
    for item in field.items(PARAMETERS_MAX, report) {
        let Some(parameter) = word(&item, report) else {
            continue;
        };
        if parameters.contains(&parameter) {
            item.wrong(
                report,
                format!("{} stands here twice", quoted(&parameter)),
                "keep one of them",
            );
        } else {
            parameters.insert(parameter);
        }
    }
    parameters
}
