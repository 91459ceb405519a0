//! What spans become.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use sextant_measure::observation::{Definition, Measurement, Observation, Tier};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_otlp::left_out::LeftOut;

use crate::harness::{
    END, START, chat, double, flag, from_resource, int, mapped, pair, request, span, text, texts,
};

pub(crate) fn only(span: Span) -> Result<Observation, LeftOut> {
    let mut mapped = mapped(&request(vec![span]));
    if let Some(observation) = mapped.observations.pop() {
        assert_eq!(mapped.left_out.total(), 0);
        return Ok(observation);
    }
    let mut counts = mapped.left_out.counts();
    let (reason, count) = counts.next().unwrap();
    assert_eq!((count, counts.next()), (1, None));
    Err(reason)
}

pub(crate) fn with(more: impl IntoIterator<Item = KeyValue>) -> Span {
    let mut attributes = chat();
    attributes.extend(more);
    span(attributes)
}

fn expected() -> Observation {
    Observation {
        definition: Definition {
            model: "openai/gpt-4o".parse().unwrap(),
            provider: "openai".parse().unwrap(),
            quantization: None,
            region: None,
        },
        measurement: Measurement {
            completed_at: Timestamp::from_micros(1_700_000_002_500_000),
            outcome: Outcome::Ok,
            source: Source::Live,
            streamed: false,
            ttft_us: None,
            duration_us: Some(2_500_000),
            input_tokens: None,
            output_tokens: None,
            status_code: None,
            attempt: 1,
            is_final: true,
        },
        request_id: Some(
            "0102030405060708090a0b0c0d0e0f10-0102030405060708"
                .parse()
                .unwrap(),
        ),
        tier: None,
        operation: None,
    }
}

/// As `opentelemetry-instrumentation-genai-openai` 1.3b0 sends it.
#[test]
fn a_stream_of_the_current_conventions_is_read_whole() {
    let streamed = with([
        text("server.address", "127.0.0.1"),
        int("server.port", 34535),
        flag("gen_ai.request.stream", true),
        texts("gen_ai.response.finish_reasons", &["stop"]),
        text("gen_ai.response.model", "gpt-4o-2024-08-06"),
        text("gen_ai.response.id", "c1"),
        int("gen_ai.usage.input_tokens", 9),
        int("gen_ai.usage.output_tokens", 20),
        double(
            "gen_ai.response.time_to_first_chunk",
            0.114_401_338_003_517_6,
        ),
    ]);
    let mut expected = expected();
    let measurement = &mut expected.measurement;
    measurement.streamed = true;
    measurement.ttft_us = Some(114_401);
    (measurement.input_tokens, measurement.output_tokens) = (Some(9), Some(20));
    assert_eq!(only(streamed), Ok(expected));
}

/// As `opentelemetry-instrumentation-openai-v2` 2.4b0 sends it, which says nothing of streams.
#[test]
fn a_span_of_the_previous_conventions_is_read_whole() {
    let previous = span(vec![
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.request.model", "gpt-4o"),
        text("gen_ai.system", "openai"),
        text("server.address", "127.0.0.1"),
        texts("gen_ai.response.finish_reasons", &["stop"]),
        int("gen_ai.usage.input_tokens", 9),
        int("gen_ai.usage.output_tokens", 20),
    ]);
    let mut expected = expected();
    let measurement = &mut expected.measurement;
    (measurement.input_tokens, measurement.output_tokens) = (Some(9), Some(20));
    assert_eq!(only(previous), Ok(expected.clone()));

    // Before version 1.27: other names for tokens, none for the operation.
    let oldest = span(vec![
        text("gen_ai.request.model", "gpt-4o"),
        text("gen_ai.system", "openai"),
        int("gen_ai.usage.prompt_tokens", 9),
        int("gen_ai.usage.completion_tokens", 20),
    ]);
    assert_eq!(only(oldest), Ok(expected));
}

#[test]
fn a_present_name_goes_before_a_former_one_and_the_last_of_two_holds() {
    let both = with([
        text("gen_ai.system", "groq"),
        int("gen_ai.usage.completion_tokens", 1),
        int("gen_ai.usage.output_tokens", 20),
        int("gen_ai.usage.output_tokens", 30),
    ]);
    let found = only(both).unwrap();
    assert_eq!(found.definition.provider.as_str(), "openai");
    assert_eq!(found.measurement.output_tokens, Some(30));
}

#[test]
fn only_a_clients_generations_count() {
    let other = span(vec![text("http.request.method", "GET")]);
    assert_eq!(only(other), Err(LeftOut::NotGenAi));
    for operation in [
        "embeddings",
        "execute_tool",
        "invoke_agent",
        "retrieval",
        "CHAT",
    ] {
        let other = with([text("gen_ai.operation.name", operation)]);
        assert_eq!(only(other), Err(LeftOut::NotInference), "{operation}");
    }
    let nameless = span(vec![
        text("gen_ai.system", "openai"),
        text("gen_ai.request.model", "gpt-4o"),
        int("gen_ai.usage.prompt_tokens", 9),
    ]);
    assert_eq!(only(nameless), Err(LeftOut::NotInference));
    for operation in ["chat", "text_completion", "generate_content"] {
        assert!(only(with([text("gen_ai.operation.name", operation)])).is_ok());
    }
    for kind in [SpanKind::Internal, SpanKind::Server, SpanKind::Unspecified] {
        let mut inner = with([]);
        inner.kind = kind as i32;
        assert_eq!(only(inner), Err(LeftOut::NotClient));
    }
}

#[test]
fn our_own_attributes_win_over_all_others() {
    let owned = with([
        text("sextant.model", "meta-llama/llama-4-scout"),
        text("sextant.provider", "deepinfra"),
        text("sextant.quantization", "fp8"),
        text("sextant.region", "eu-west-1"),
        int("sextant.attempt", 2),
        flag("sextant.final", false),
        text("sextant.source", "probe"),
        text("sextant.tier", "realtime"),
        text("sextant.operation", "summarize"),
    ]);
    let found = only(owned).unwrap();
    let mut wanted = expected();
    wanted.definition = Definition {
        model: "meta-llama/llama-4-scout".parse().unwrap(),
        provider: "deepinfra".parse().unwrap(),
        quantization: Some(Quantization::Fp8),
        region: Some("eu-west-1".parse().unwrap()),
    };
    wanted.measurement.attempt = 2;
    wanted.measurement.is_final = false;
    wanted.measurement.source = Source::Probe;
    wanted.tier = Some(Tier::Realtime);
    wanted.operation = Some("summarize".parse().unwrap());
    assert_eq!(found, wanted);
}

#[test]
fn an_attribute_of_our_own_may_stand_at_the_resource_and_must_be_right() {
    let resource = vec![
        text("sextant.region", "eu-west-1"),
        text("sextant.provider", "groq"),
    ];
    let spans = vec![with([]), with([text("sextant.provider", "novita")])];
    let found = mapped(&from_resource(resource, spans)).observations;
    let providers = [0, 1].map(|i| found[i].definition.provider.as_str());
    assert_eq!(providers, ["groq", "novita"]);
    for observation in &found {
        let region = observation.definition.region.as_ref().unwrap();
        assert_eq!(region.as_str(), "eu-west-1");
    }
    for wrong in [
        text("sextant.model", "gpt-4o"),
        text("sextant.provider", "Acme Inc"),
        text("sextant.quantization", "q8"),
        text("sextant.region", "global"),
        text("sextant.attempt", "2"),
        int("sextant.attempt", 0),
        int("sextant.attempt", -1),
        int("sextant.final", 1),
        text("sextant.source", "test"),
        text("sextant.tier", "fast"),
        text("sextant.operation", "a\nb"),
        flag("sextant.provider", true),
    ] {
        let key = wrong.key.clone();
        assert_eq!(only(with([wrong])), Err(LeftOut::OwnAttribute), "{key}");
    }
}

#[test]
fn what_has_no_name_here_is_left_out_by_its_reason() {
    let without = |key: &str| {
        let mut attributes = chat();
        attributes.retain(|attribute| attribute.key != key);
        only(span(attributes))
    };
    assert_eq!(without("gen_ai.provider.name"), Err(LeftOut::Provider));
    assert_eq!(without("gen_ai.request.model"), Err(LeftOut::Model));
    let long = "x".repeat(300);
    for name in ["a b", "<script>", "", long.as_str(), "a\u{0}"] {
        let unnamed = with([text("gen_ai.request.model", name)]);
        assert_eq!(only(unnamed), Err(LeftOut::Model), "{name}");
    }
    let answered = span(vec![
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.provider.name", "openai"),
        text("gen_ai.response.model", "gpt-4o"),
    ]);
    assert_eq!(only(answered), Ok(expected()));
}

#[test]
fn times_that_cannot_be_are_left_out() {
    for (start, end) in [
        (0, END),
        (START, 0),
        (END + 1, END),
        (START, u64::MAX),
        (1, END),
        (u64::MAX, u64::MAX),
    ] {
        let mut timed = with([]);
        (timed.start_time_unix_nano, timed.end_time_unix_nano) = (start, end);
        assert_eq!(only(timed), Err(LeftOut::Times), "{start}..{end}");
    }
    let mut instant = with([]);
    instant.start_time_unix_nano = END;
    assert_eq!(only(instant).unwrap().measurement.duration_us, Some(0));
}

#[test]
fn a_first_chunk_after_the_end_is_a_matter_of_clocks_or_a_mistake() {
    let ttft = |seconds| {
        let first = double("gen_ai.response.time_to_first_chunk", seconds);
        let found = only(with([first, int("gen_ai.usage.output_tokens", 1)])).unwrap();
        (found.measurement.streamed, found.measurement.ttft_us)
    };
    assert_eq!(ttft(2.5), (true, Some(2_500_000)));
    assert_eq!(ttft(2.509), (true, Some(2_500_000)));
    assert_eq!(ttft(114.0), (true, None));
    for no_time in [f64::NAN, f64::INFINITY, -1.0] {
        assert_eq!(ttft(no_time), (false, None), "{no_time}");
    }
    let unstreamed = with([
        flag("gen_ai.request.stream", false),
        double("gen_ai.response.time_to_first_chunk", 0.1),
    ]);
    let found = only(unstreamed).unwrap().measurement;
    assert_eq!((found.streamed, found.ttft_us), (false, None));
}

#[test]
fn values_of_other_types_are_as_good_as_none() {
    let odd = with([
        text("gen_ai.usage.output_tokens", "20"),
        int("gen_ai.usage.input_tokens", -1),
        int("gen_ai.response.finish_reasons", 1),
        text("gen_ai.request.stream", "yes"),
        pair("server.address", Value::BytesValue(vec![0xff])),
    ]);
    assert_eq!(only(odd), Ok(expected()));
    let too_many = with([int("gen_ai.usage.output_tokens", i64::MAX)]);
    assert_eq!(only(too_many).unwrap().measurement.output_tokens, None);
}

#[test]
fn a_span_without_ids_has_no_request_id() {
    for (trace, own) in [
        (vec![], vec![]),
        (vec![0; 16], vec![1; 8]),
        (vec![1; 16], vec![1; 7]),
    ] {
        let mut nameless = with([]);
        (nameless.trace_id, nameless.span_id) = (trace, own);
        assert_eq!(only(nameless).unwrap().request_id, None);
    }
}
