use proptest::prelude::*;
use sextant_measure::refusal::Refusal;
use sextant_wire::json::{BodyError, parse, to_json};

use crate::values::observation;

const GOOD: &str = r#"{"model":"a/b","provider":"p","completed_at":"2023-12-19T11:00:00.733068Z","outcome":"ok","ttft_ms":187.733,"duration_ms":733.068,"output_tokens":150}"#;

fn with(field: &str) -> String {
    GOOD.replacen('{', &format!("{{{field},"), 1)
}

/// `serde_json` keeps the last of two equal fields, so what is given here wins.
fn instead(field: &str) -> String {
    GOOD.replacen('}', &format!(",{field}}}"), 1)
}

fn refusal(line: &str) -> Option<Refusal> {
    let parsed = parse(format!("{GOOD}\n{line}\n{GOOD}").as_bytes(), 10).unwrap();
    assert!(
        parsed.observations[0].is_ok() && parsed.observations[2].is_ok(),
        "the rest is unharmed"
    );
    parsed.observations[1].clone().err()
}

#[test]
fn milliseconds_become_whole_microseconds_and_absent_fields_their_defaults() {
    let parsed = parse(GOOD.as_bytes(), 1).unwrap();
    let observation = parsed.observations[0].as_ref().unwrap();
    let m = &observation.measurement;
    assert_eq!((m.ttft_us, m.duration_us), (Some(187_733), Some(733_068)));
    assert_eq!(m.completed_at.as_micros(), 1_702_983_600_733_068);
    assert_eq!((m.attempt, m.is_final, m.streamed), (1, true, true));
    assert_eq!(observation.definition.quantization, None);
}

#[test]
fn what_cannot_be_is_refused_by_name_and_the_rest_is_unharmed() {
    let huge = format!(r#""request_id":"{}""#, "x".repeat(65_536));
    let cases = [
        (instead(r#""ttft_ms":NaN"#), Refusal::Malformed),
        (instead(r#""ttft_ms":1e999"#), Refusal::Malformed),
        (with(r#""x":{"y":[NaN]}"#), Refusal::Malformed),
        ("[]".to_owned(), Refusal::Malformed),
        ("{".to_owned(), Refusal::Malformed),
        ("{}".to_owned(), Refusal::FieldMissing),
        (instead(r#""ttft_ms":-1"#), Refusal::Milliseconds),
        (instead(r#""duration_ms":"7""#), Refusal::Milliseconds),
        (instead(r#""duration_ms":1e300"#), Refusal::DurationTooLong),
        (instead(r#""ttft_ms":733.069"#), Refusal::TtftAboveDuration),
        (instead(r#""outcome":"OK""#), Refusal::Outcome),
        (instead(r#""model":"a/b\u0000""#), Refusal::Model),
        (instead(r#""model":{"a":["b"]}"#), Refusal::Model),
        (instead(r#""outcome":null"#), Refusal::FieldMissing),
        (instead(r#""model":"а/b""#), Refusal::Model),
        (instead(r#""provider":"<script>""#), Refusal::Provider),
        (with(r#""region":"global""#), Refusal::Region),
        (with(r#""request_id":"a\nb""#), Refusal::RequestId),
        (with(&huge), Refusal::RequestId),
        (
            with(r#""output_tokens":1.5"#.replace("output", "input").as_str()),
            Refusal::Tokens,
        ),
        (with(r#""input_tokens":-1"#), Refusal::Tokens),
        (with(r#""status_code":99"#), Refusal::StatusCode),
        (with(r#""attempt":0"#), Refusal::Attempt),
        (with(r#""streamed":"yes""#), Refusal::Flag),
        (with(r#""streamed":false"#), Refusal::TtftNotStreamed),
        (with(r#""source":"user""#), Refusal::Source),
        (with(r#""tier":"gold""#), Refusal::Tier),
        (with(r#""quantization":"q4_0""#), Refusal::Quantization),
        (
            instead(r#""completed_at":"yesterday""#),
            Refusal::CompletedAt,
        ),
        (
            instead(r#""completed_at":"1960-01-01T00:00:00Z""#),
            Refusal::CompletedAt,
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(
            refusal(&line),
            Some(expected),
            "{}",
            line.chars().take(300).collect::<String>()
        );
    }
}

#[test]
fn unknown_fields_are_ignored_and_counted() {
    let parsed = parse(with(r#""prompt":"secret","x":1"#).as_bytes(), 1).unwrap();
    assert!(parsed.observations[0].is_ok());
    assert_eq!(parsed.unknown_fields, 2);
}

/// A tree of these would be built by recursion, which ends a hundred levels down: what is this
/// deep was never built.
#[test]
fn what_no_field_takes_is_passed_over_and_never_built() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let many = format!("[{}0]", r#"{"a":0},"#.repeat(100_000));
    for nested in [&deep, &many] {
        let parsed = parse(with(&format!(r#""x":{nested}"#)).as_bytes(), 1).unwrap();
        assert!(parsed.observations[0].is_ok());
        assert_eq!(parsed.unknown_fields, 1);
        let known = instead(&format!(r#""model":{nested}"#));
        assert_eq!(refusal(&known), Some(Refusal::Model));
    }
}

#[test]
fn an_array_is_read_no_further_than_the_most_that_are_taken() {
    let unreadable_later = format!("[{}{GOOD} no JSON at all", format!("{GOOD},").repeat(3));
    for (max, is_past) in [(2, true), (3, true), (4, false)] {
        match parse(unreadable_later.as_bytes(), max) {
            Err(BodyError::TooMany(_)) => assert!(is_past, "{max}"),
            Err(BodyError::Array(_)) => assert!(!is_past, "{max}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn arrays_and_lines_are_the_same_and_both_are_bounded() {
    let array = parse(format!("[{GOOD},{GOOD}]").as_bytes(), 2).unwrap();
    let lines = parse(format!("{GOOD}\r\n\n{GOOD}").as_bytes(), 2).unwrap();
    assert_eq!(array.observations, lines.observations);
    assert!(matches!(
        parse(format!("[{GOOD},{GOOD}]").as_bytes(), 1),
        Err(BodyError::TooMany(1))
    ));
    assert!(matches!(
        parse(format!("{GOOD}\n{GOOD}").as_bytes(), 1),
        Err(BodyError::TooMany(1))
    ));
    assert!(matches!(parse(b"[1,", 9), Err(BodyError::Array(_))));
    assert!(matches!(parse(b"{\xff}", 9), Err(BodyError::NotUtf8(1))));
}

proptest! {
    #[test]
    fn observations_round_trip(observation in observation()) {
        prop_assume!(observation.measurement.completed_at.as_micros() > 0);
        let text = to_json(&observation).to_string();
        let parsed = parse(text.as_bytes(), 1).unwrap();
        prop_assert_eq!(parsed.observations, vec![Ok(observation)]);
        prop_assert_eq!(parsed.unknown_fields, 0);
    }

    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(parse(&body, 100));
    }
}
