//! The checker finds what differs.

use http::HeaderMap;
use serde_json::{Value, json};
use sextant_testkit::openapi::{Answered, Asked, Document};

fn document() -> Document {
    let json = |schema: Value| json!({"application/json": {"schema": schema}});
    let document = json!({
        "paths": {"/things/{id}": {"get": {
            "tags": ["shop"],
            "security": [{"bearer": ["read"]}],
            "parameters": [{"$ref": "#/components/parameters/Only"}],
            "responses": {
                "200": {
                    "headers": {"ETag": {"required": true, "schema": {"type": "string"}}},
                    "content": json(json!({"$ref": "#/components/schemas/Thing"})),
                },
                "503": {"$ref": "#/components/responses/Away"},
            },
        }}},
        "components": {
            "parameters": {"Only": {"name": "only", "in": "query", "schema": {"type": "string"}}},
            "responses": {"Away": {
                "headers": {"Retry-After": {"required": true, "schema": {"type": "integer"}}},
                "content": {"application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/Full"},
                }},
            }},
            "schemas": {
                "Thing": {
                    "type": "object", "required": ["name"],
                    "properties": {
                        "name": {"$ref": "#/components/schemas/Name"},
                        "made": {"type": "string", "format": "date-time"},
                        "parts": {"type": "object", "additionalProperties": {"type": "integer"}},
                    },
                },
                "Name": {"type": "string"},
                "Problem": {
                    "type": "object", "required": ["status"],
                    "properties": {"status": {"type": "integer"}},
                },
                "Full": {
                    "allOf": [{"$ref": "#/components/schemas/Problem"}],
                    "type": "object", "properties": {"room": {"type": "integer"}},
                },
            },
        },
    });
    Document::parse(&document.to_string())
}

fn check(
    (method, uri): (&str, &str),
    status: u16,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Result<(), String> {
    let headers = headers.iter();
    let headers: HeaderMap = headers
        .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()))
        .collect();
    let answered = Answered {
        status,
        headers: &headers,
        body: body.as_bytes(),
    };
    document().check(Asked { method, uri }, answered)
}

/// What is asked, the answer, and what the error names.
type Case<'c> = (
    (&'c str, &'c str),
    u16,
    &'c [(&'static str, &'c str)],
    &'c str,
    &'c str,
);

fn assert_named(cases: &[Case<'_>]) {
    for (asked, status, headers, body, named) in cases {
        let error = check(*asked, *status, headers, body).unwrap_err();
        assert!(error.contains(named), "{named}: {error}");
    }
}

const NAMED: &str = "{\"name\": \"a\"}";
const JSON: (&str, &str) = ("content-type", "application/json");
const PROBLEM: (&str, &str) = ("content-type", "application/problem+json");
const TAG: (&str, &str) = ("etag", "\"1\"");
const AFTER: (&str, &str) = ("retry-after", "1");
const THING: (&str, &str) = ("GET", "/things/1");

#[test]
fn what_is_documented_passes() {
    check(THING, 200, &[JSON, TAG], "{\"name\": \"a\"}").unwrap();
    check(
        ("GET", "/things/1?only=a"),
        200,
        &[JSON, TAG],
        "{\"name\": \"a\"}",
    )
    .unwrap();
    check(("HEAD", "/things/1"), 200, &[JSON, TAG], "").unwrap();
    let thing = json!({"name": "a", "made": "2026-11-22T14:00:00.5Z", "parts": {"x": 1}});
    check(THING, 200, &[JSON, TAG], &thing.to_string()).unwrap();
    check(THING, 503, &[PROBLEM, AFTER], "{\"status\": 503}").unwrap();
    let full = "{\"status\": 503, \"room\": 0}";
    check(THING, 503, &[PROBLEM, AFTER], full).unwrap();
    check(("GET", "/things"), 404, &[PROBLEM], "{\"status\": 404}").unwrap();
    let allow = ("allow", "GET");
    check(
        ("PUT", "/things/1"),
        405,
        &[PROBLEM, allow],
        "{\"status\": 405}",
    )
    .unwrap();
}

#[test]
fn what_a_head_has_not_documented_is_named() {
    let away = "{\"status\": 503}";
    assert_named(&[
        (THING, 200, &[JSON], NAMED, "ETag is missing"),
        (THING, 200, &[JSON, TAG, AFTER], NAMED, "retry-after is not"),
        (THING, 200, &[PROBLEM, TAG], NAMED, "content type"),
        (THING, 201, &[JSON, TAG], NAMED, "status is not documented"),
        (THING, 503, &[PROBLEM], away, "Retry-After is missing"),
        (
            THING,
            503,
            &[PROBLEM, ("retry-after", "soon")],
            away,
            "integer",
        ),
    ]);
}

#[test]
fn what_a_body_has_not_documented_is_named() {
    let (unmade, unnumbered) = (
        "{\"name\": \"a\", \"made\": \"today\"}",
        "{\"name\": \"a\", \"parts\": {\"x\": null}}",
    );
    let (head, away) = (&[JSON, TAG], &[PROBLEM, AFTER]);
    let (other, more) = ("{\"status\": 500}", "{\"status\": 503, \"rooms\": 1}");
    assert_named(&[
        (THING, 200, head, "{\"nam\": \"a\"}", "'nam' was unexpected"),
        (THING, 200, head, "{\"name\": 1}", "/name"),
        (THING, 200, head, "{}", "\"name\" is a required"),
        (THING, 200, head, unmade, "date-time"),
        (THING, 200, head, unnumbered, "/parts/x"),
        (THING, 200, head, "a", "expected value"),
        (THING, 503, away, more, "'rooms' was unexpected"),
        (THING, 503, away, other, "it says the status 500"),
    ]);
}

#[test]
fn routes_methods_and_parameters_that_are_not_documented_are_named() {
    let full = "{\"status\": 404, \"room\": 1}";
    let (none, put) = (("GET", "/things"), ("PUT", "/things/1"));
    assert_named(&[
        (none, 200, &[JSON], NAMED, "not answered 404"),
        (none, 404, &[PROBLEM], full, "'room' was unexpected"),
        (put, 405, &[PROBLEM], "{\"status\": 405}", "no Allow"),
        (
            ("GET", "/things/1?onyl=a"),
            200,
            &[JSON, TAG],
            NAMED,
            "the parameter onyl",
        ),
    ]);
}

#[test]
fn operations_have_their_class_and_statuses() {
    let [operation] = document().operations().try_into().unwrap();
    assert_eq!(
        (&*operation.method, &*operation.path),
        ("GET", "/things/{id}")
    );
    assert_eq!(operation.class.as_deref(), Some("read"));
    assert_eq!(operation.tag, "shop");
    assert_eq!(operation.statuses, [200, 503]);
}
