//! What the document allows of an observation is what is taken.

use serde_json::{Value, json};
use sextant_testkit::openapi::served;
use sextant_wire::json::parse;

/// Values at the bounds of each field and past them, of its kind and of others.
fn values() -> Value {
    let long = |length| "x".repeat(length);
    let texts = json!(["", "x", long(128), long(129), "a\nb", "\u{85}", 1]);
    let whole = json!([-1, 0, 1, 4_294_967_295_u64, 4_294_967_296_u64, 1.5, "1"]);
    let flags = json!([true, false, "true", 1]);
    json!({
        "model": ["a/b", "a", "a/b/c", "-/b", "a/ b", long(129)],
        "provider": ["", long(64), long(65), "Groq", "a_b"],
        "quantization": ["fp8", "unknown", "q8", 8],
        "region": ["", long(64), long(65), "a b", "global", "EU_w-1.a"],
        "request_id": texts,
        "operation": texts,
        "attempt": whole,
        "input_tokens": whole,
        "output_tokens": whole,
        "final": flags,
        "streamed": flags,
        "status_code": [99, 100, 200, 999, 1_000, 65_536],
        "duration_ms": [-0.1, 0, 0.5, 86_400_000, 86_400_000.01, "1"],
        "ttft_ms": [-0.1, 0, 1e3, 86_400_000, 86_400_000.01, true],
        "outcome": ["ok", "gateway_error", "OK", 0],
        "source": ["live", "probe", "test"],
        "tier": ["batch", "fast"],
        "completed_at": [
            "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z",
            "2200-01-01T00:00:00.5Z", "2026-11-22T10:00:00+02:00", "2026-11-22", "now"
        ],
    })
}

/// The document's word, and the parser's; they must be one.
fn is_taken(observation: &Value) -> bool {
    let schema = json!({"$ref": "#/components/schemas/Observation"});
    let documented = served().check_as(&schema, observation);
    let parsed = parse(observation.to_string().as_bytes(), 1).unwrap();
    let taken = &parsed.observations[0];
    let is_one = documented.is_ok() == taken.is_ok();
    assert!(
        is_one,
        "{observation}: documented as {documented:?}, taken as {taken:?}"
    );
    taken.is_ok()
}

#[test]
fn what_the_document_allows_of_an_observation_is_taken_and_nothing_else() {
    let usual = json!({
        "model": "openai/gpt-4o", "provider": "openai", "completed_at": "2026-11-22T10:00:00.25Z",
        "outcome": "ok", "duration_ms": 86_400_000,
    });
    assert!(is_taken(&usual));
    let (mut taken, mut refused) = (0, 0);
    for (field, values) in values().as_object().unwrap() {
        for value in values.as_array().unwrap() {
            let mut observation = usual.clone();
            observation[field] = value.clone();
            *(if is_taken(&observation) {
                &mut taken
            } else {
                &mut refused
            }) += 1;
        }
        let mut without = usual.clone();
        let is_there = without.as_object_mut().unwrap().remove(field).is_some();
        assert_eq!(is_taken(&without), !is_there, "without {field}");
    }
    assert!(
        taken > 30 && refused > 40,
        "{taken} taken, {refused} refused"
    );
    for (changes, expected) in [
        (json!({"streamed": false, "ttft_ms": 1}), false),
        (json!({"streamed": true, "ttft_ms": 1}), true),
        (json!({"outcome": "gateway_error", "ttft_ms": 1}), true),
    ] {
        let mut observation = usual.clone();
        let changes = changes.as_object().unwrap().clone();
        observation.as_object_mut().unwrap().extend(changes);
        assert_eq!(is_taken(&observation), expected, "{observation}");
    }
    let mut undispatched = usual;
    undispatched["outcome"] = json!("gateway_error");
    undispatched.as_object_mut().unwrap().remove("duration_ms");
    assert!(is_taken(&undispatched));
}
