//! From a span to an observation.

use std::fmt::Write as _;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use sextant_measure::id::{ModelId, Operation, ProviderId, Region, RequestId};
use sextant_measure::observation::{Definition, Measurement, Observation, Tier};
use sextant_measure::outcome::Source;
use sextant_measure::quantization::Quantization;
use sextant_measure::refusal::Refusal;
use sextant_measure::time::Timestamp;

use crate::attributes::{Facts, Own, flag, text, whole};
use crate::ending::outcome;
use crate::left_out::{LeftOut, Tally};
use crate::names::Names;

/// By how much a first chunk may seem to come after the end: a span is timed by one clock, its
/// chunks by another.
const CLOCKS_APART_US: u64 = 10_000;

/// What the spans of a request became.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Mapped {
    /// Those that tell of an attempt, in their order.
    pub observations: Vec<Observation>,
    /// The others.
    pub left_out: Tally,
}

/// Maps every span of a request.
pub fn request(request: &ExportTraceServiceRequest, names: &Names) -> Mapped {
    let mut mapped = Mapped::default();
    for of_resource in &request.resource_spans {
        let resource = of_resource.resource.as_ref();
        let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
        let own = Own::of_resource(attributes);
        let scopes = of_resource.scope_spans.iter();
        for span in scopes.flat_map(|scope| &scope.spans) {
            match observation(span, own, names) {
                Ok(observation) => mapped.observations.push(observation),
                Err(reason) => mapped.left_out.add(reason),
            }
        }
    }
    mapped
}

fn observation(span: &Span, of_resource: Own<'_>, names: &Names) -> Result<Observation, LeftOut> {
    let facts = Facts::of(span, of_resource);
    if !facts.is_gen_ai {
        return Err(LeftOut::NotGenAi);
    }
    if span.kind != SpanKind::Client as i32 {
        return Err(LeftOut::NotClient);
    }
    if !is_inference(&facts) {
        return Err(LeftOut::NotInference);
    }
    let definition = definition(&facts, names)?;
    let own = &facts.own;
    Ok(Observation {
        definition,
        measurement: measurement(span, &facts, names)?,
        request_id: request_id(span),
        tier: own_text(own.tier, str::parse::<Tier>)?,
        operation: own_text(own.operation, Operation::new)?,
    })
}

/// Whether text was to be generated. Up to version 1.26 of the conventions operations had no
/// names; then what only a generation has tells.
fn is_inference(facts: &Facts<'_>) -> bool {
    match facts.operation {
        Some(operation) => matches!(operation, "chat" | "text_completion" | "generate_content"),
        None => facts.output_tokens.is_some() || facts.finish.is_some(),
    }
}

fn definition(facts: &Facts<'_>, names: &Names) -> Result<Definition, LeftOut> {
    let own = &facts.own;
    let provider = match own_text(own.provider, ProviderId::new)? {
        Some(provider) => provider,
        None => names
            .provider(facts.provider, facts.server)
            .ok_or(LeftOut::Provider)?,
    };
    let model = if let Some(model) = own_text(own.model, ModelId::new)? {
        model
    } else {
        let word = facts.request_model.or(facts.response_model);
        let model = word.and_then(|word| names.model(word, &provider));
        model.ok_or(LeftOut::Model)?
    };
    Ok(Definition {
        model,
        provider,
        quantization: own_text(own.quantization, str::parse::<Quantization>)?,
        region: own_text(own.region, Region::new)?,
    })
}

fn measurement(span: &Span, facts: &Facts<'_>, names: &Names) -> Result<Measurement, LeftOut> {
    let own = &facts.own;
    let (completed_at, duration_us) = times(span)?;
    let is_streamed = facts.is_streamed.unwrap_or(facts.first_chunk_us.is_some());
    let first_chunk_us = facts.first_chunk_us.filter(|_| is_streamed);
    let ttft_us = first_chunk_us.filter(|us| *us <= duration_us + CLOCKS_APART_US);
    let outcome = outcome(facts, is_streamed, &names.config().errors);
    let source = own_text(own.source, str::parse::<Source>)?.unwrap_or_default();
    let measurement = Measurement {
        completed_at,
        outcome: outcome.ok_or(LeftOut::UnknownError)?,
        source,
        streamed: is_streamed,
        ttft_us: ttft_us.map(|us| us.min(duration_us)),
        duration_us: Some(duration_us),
        input_tokens: facts.input_tokens,
        output_tokens: facts.output_tokens,
        status_code: facts.http_status.filter(|code| (100..=999).contains(code)),
        attempt: own_value(own.attempt, whole)?.unwrap_or(1),
        is_final: own_value(own.is_final, flag)?.unwrap_or(true),
    };
    measurement.check().map_err(|refusal| match refusal {
        Refusal::Attempt => LeftOut::OwnAttribute,
        _ => LeftOut::Times,
    })?;
    Ok(measurement)
}

/// When it ended, and how long it took, in microseconds.
fn times(span: &Span) -> Result<(Timestamp, u64), LeftOut> {
    let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
    if start == 0 || end == 0 {
        return Err(LeftOut::Times);
    }
    let taken = end.checked_sub(start).ok_or(LeftOut::Times)?;
    let end = i64::try_from(end / 1_000).map_err(|_| LeftOut::Times)?;
    Ok((Timestamp::from_micros(end), taken / 1_000))
}

/// Trace and span, each in hexadecimal digits; none if one of them is none.
fn request_id(span: &Span) -> Option<RequestId> {
    const TRACE_BYTES: usize = 16;
    const SPAN_BYTES: usize = 8;
    let is_id = |id: &[u8], bytes| id.len() == bytes && id.iter().any(|byte| *byte != 0);
    if !is_id(&span.trace_id, TRACE_BYTES) || !is_id(&span.span_id, SPAN_BYTES) {
        return None;
    }
    let mut id = String::with_capacity(2 * (TRACE_BYTES + SPAN_BYTES) + 1);
    hexadecimal(&span.trace_id, &mut id);
    id.push('-');
    hexadecimal(&span.span_id, &mut id);
    RequestId::new(&id).ok()
}

fn hexadecimal(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        // Writing to a string can't fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
}

fn own_text<T, E>(
    value: Option<&Value>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, LeftOut> {
    own_value(value, |value| parse(text(value)?).ok())
}

fn own_value<T>(
    value: Option<&Value>,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<T>, LeftOut> {
    let read = value.map(|value| read(value).ok_or(LeftOut::OwnAttribute));
    read.transpose()
}
