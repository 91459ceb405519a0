//! How attempts end, as spans tell of it.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use sextant_measure::outcome::Outcome;
use sextant_otlp::left_out::LeftOut;

use crate::harness::{double, flag, int, text, texts};
use crate::mapping::{only, with};

fn failed(mut span: Span) -> Span {
    span.status = Some(Status {
        code: StatusCode::Error as i32,
        message: "Error code: 429".to_owned(),
    });
    span
}

#[test]
fn failures_as_the_openai_client_names_them_have_their_outcomes() {
    use Outcome::{
        ClientError, ProviderError, ProviderRefused, RateLimited, Timeout, TransportError,
    };
    for (class, expected) in [
        ("RateLimitError", RateLimited),
        ("InternalServerError", ProviderError),
        ("BadRequestError", ClientError),
        ("AuthenticationError", ProviderRefused),
        ("PermissionDeniedError", ProviderRefused),
        ("NotFoundError", ProviderRefused),
        ("APITimeoutError", Timeout),
        ("APIConnectionError", TransportError),
    ] {
        for name in [class.to_owned(), format!("openai.{class}")] {
            let found = only(failed(with([text("error.type", &name)]))).unwrap();
            assert_eq!(found.measurement.outcome, expected, "{name}");
        }
    }
    let error_event = failed(with([
        flag("gen_ai.request.stream", true),
        double("gen_ai.response.time_to_first_chunk", 0.1),
        text("error.type", "openai.APIError"),
    ]));
    let found = only(error_event).unwrap().measurement;
    assert_eq!(found.outcome, Outcome::StreamError);
    assert_eq!(found.ttft_us, Some(100_000));
}

#[test]
fn an_exception_stands_in_for_a_type_of_error_where_the_span_has_failed() {
    for name in ["openai.RateLimitError", "429"] {
        let exception = Event {
            name: "exception".to_owned(),
            attributes: vec![text("exception.type", name)],
            ..Event::default()
        };
        let mut survived = with([]);
        survived.events = vec![exception];
        let found = only(failed(survived.clone())).unwrap();
        assert_eq!(found.measurement.outcome, Outcome::RateLimited, "{name}");
        let found = only(survived).unwrap();
        assert_eq!(found.measurement.outcome, Outcome::Ok, "{name}");
    }
}

#[test]
fn a_failure_of_unknown_fault_blames_nobody() {
    for name in ["_OTHER", "TypeError"] {
        let unknown = failed(with([text("error.type", name)]));
        assert_eq!(only(unknown), Err(LeftOut::UnknownError), "{name}");
    }
    assert_eq!(only(failed(with([]))), Err(LeftOut::UnknownError));
    let told = failed(with([
        text("error.type", "_OTHER"),
        int("http.response.status_code", 503),
    ]));
    let found = only(told).unwrap().measurement;
    assert_eq!(
        (found.outcome, found.status_code),
        (Outcome::ProviderError, Some(503))
    );
}

#[test]
fn a_status_and_a_type_of_error_are_read_as_number_or_as_text() {
    for told in [
        text("http.response.status_code", "503"),
        text("http.status_code", "503"),
        int("error.type", 503),
        text("error.type", "503"),
    ] {
        let key = told.key.clone();
        let found = only(with([told])).unwrap().measurement;
        assert_eq!(found.outcome, Outcome::ProviderError, "{key}");
    }
    // What has not failed has no type of error, be it one that can't be read.
    for unread in [
        text("error.type", &"x".repeat(300)),
        text("error.type", ""),
        flag("error.type", true),
        int("error.type", -1),
    ] {
        assert_eq!(only(with([unread])), Err(LeftOut::UnknownError));
    }
}

/// As `opentelemetry-util-genai` tells of a stream that the application has not read to its end.
#[test]
fn what_goes_wrong_after_the_last_finish_reason_is_not_the_providers() {
    let left = |error: &str, more: Vec<KeyValue>| {
        let mut attributes = vec![
            flag("gen_ai.request.stream", true),
            double("gen_ai.response.time_to_first_chunk", 0.1),
            text("error.type", error),
        ];
        attributes.extend(more);
        only(failed(with(attributes))).map(|found| found.measurement.outcome)
    };
    let stop = || texts("gen_ai.response.finish_reasons", &["stop"]);
    for error in [
        "_OTHER",
        "asyncio.exceptions.CancelledError",
        "redis.exceptions.ConnectionError",
        "PermissionError",
    ] {
        assert_eq!(left(error, vec![stop()]), Ok(Outcome::Ok), "{error}");
    }
    assert_eq!(left("_OTHER", vec![]), Err(LeftOut::UnknownError));
    let of_two = vec![int("gen_ai.request.choice.count", 2), stop()];
    assert_eq!(left("httpx.ReadError", of_two), Ok(Outcome::StreamError));
}
