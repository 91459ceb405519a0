//! An application under OpenTelemetry's own instrumentation, with no code of ours in it.

mod provider;

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sextant_testbed::otel::Conventions;
use sextant_tests::process::{Process, command, eventually};
use tempfile::TempDir;

use self::provider::FIRST_CHUNK;

const MODEL: &str = "openai/gpt-4o";
const REPORTER: &str = "app-0123456789abcdef";
const READER: &str = "reader-0123456789ab";

const CATALOG: &str = r#"
[providers.openai]
name = "OpenAI"
[[models]]
id = "openai/gpt-4o"
name = "GPT-4o"
context_length = 128_000
[[models.endpoints]]
provider = "openai"
quantization = "bf16"
"#;

const PLAIN: u32 = 3;
const STREAMS: u32 = 20;
const RATE_LIMITED: u32 = 4;
const FAILED: u32 = 2;
const TOTAL: u32 = PLAIN + STREAMS + RATE_LIMITED + FAILED;
const ANSWERS: [(&str, u32); 5] = [
    ("plain", PLAIN),
    ("stream", STREAMS),
    ("429", RATE_LIMITED),
    ("500", FAILED),
    ("embeddings", 1),
];

#[test]
fn spans_of_the_current_conventions_show_up_over_http_and_over_grpc() {
    let (_folder, server) = start();
    let current = Conventions::Current;
    run(current, &server, "http/protobuf", &server.http, &ANSWERS);
    let endpoint = shown(&server, TOTAL);
    assert_counts(&endpoint, 1);
    run(current, &server, "grpc", &server.grpc, &ANSWERS);
    let endpoint = shown(&server, 2 * TOTAL);
    assert_counts(&endpoint, 2);

    let latency = &endpoint["sextant"]["latency_ms"];
    assert_eq!(latency["n"], 2 * STREAMS);
    let first_chunk_ms = u32::try_from(FIRST_CHUNK.as_millis()).unwrap();
    let p50 = latency["p50"].as_f64().unwrap();
    let duration = endpoint["sextant"]["duration_ms"]["p50"].as_f64().unwrap();
    assert!(p50 >= 0.99 * f64::from(first_chunk_ms), "{latency}");
    assert!(p50 < duration, "{endpoint}");
    for transport in ["grpc", "http"] {
        let name = format!("sextant_otlp_received_requests_total{{transport=\"{transport}\"}}");
        assert!(metric(&server, &name) >= 1);
    }
    assert_eq!(metric(&server, &left_out("not_inference")), 2);
    let anonymous = metric(&server, "sextant_otlp_anonymous_observations_total");
    assert_eq!(anonymous, u64::from(2 * TOTAL));
}

#[test]
fn streams_that_are_left_at_their_finish_reason_are_whole() {
    const LEFT: u32 = 5;
    let (_folder, server) = start();
    let answers = [("left", LEFT)];
    let http = "http/protobuf";
    run(Conventions::Current, &server, http, &server.http, &answers);
    let endpoint = shown(&server, LEFT);
    let own = &endpoint["sextant"];
    assert_eq!(own["counts"]["live"]["ok"], LEFT);
    assert_eq!(own["latency_ms"]["n"], LEFT);
    assert_eq!(
        own["throughput_tps"]["n"], 0,
        "their usage was yet to come: {own}"
    );
}

#[test]
fn spans_of_the_previous_conventions_show_up_without_what_they_do_not_say() {
    let (_folder, server) = start();
    run(
        Conventions::Previous,
        &server,
        "http/protobuf",
        &server.http,
        &ANSWERS,
    );
    let endpoint = shown(&server, TOTAL);
    assert_counts(&endpoint, 1);
    // They tell nothing of streams.
    assert_eq!(endpoint["sextant"]["latency_ms"]["n"], 0);
    assert_eq!(metric(&server, &left_out("not_inference")), 1);
}

#[test]
fn p1_spans_at_an_agent_get_its_identity_and_outlive_an_outage() {
    let (folder, mut server) = start();
    let token = folder.path().join("agent-token");
    fs::write(&token, REPORTER).unwrap();
    let (http, grpc) = ("127.0.0.1:0", "127.0.0.1:0");
    let mut starting = command(&["agent", "--http", http, "--grpc", grpc]);
    starting
        .env(
            "SEXTANT_AGENT__COLLECTORS",
            server.grpc.replace("http", "grpc"),
        )
        .env("SEXTANT_AGENT__TOKEN_FILE", &token)
        .env("SEXTANT_AGENT__SPOOL_DIR", folder.path().join("spool"));
    let agent = Process::ready(&mut starting);
    server.kill();
    let current = Conventions::Current;
    run(current, &agent, "http/protobuf", &agent.http, &ANSWERS);
    let address = |url: &str| url.strip_prefix("http://").unwrap().to_owned();
    let (http, grpc) = (address(&server.http), address(&server.grpc));
    let mut again = command(&["standalone", "--http", &http, "--grpc", &grpc]);
    again
        .arg("--config")
        .arg(folder.path().join("sextant.toml"));
    again.arg("--data-dir").arg(folder.path().join("data"));
    let server = Process::at(&mut again, &http);
    assert_counts(&shown(&server, TOTAL), 1);
    let anonymous = "sextant_otlp_anonymous_observations_total";
    assert_eq!(metric(&agent, anonymous), 0);
    assert_eq!(metric(&server, anonymous), 0);
}

#[test]
fn spans_want_a_token_and_stay_within_its_quota() {
    let quota = "[collector]\nobservations_per_second_max = 1\nobservations_max = 2\n";
    let (_folder, server) = start_with(quota);
    let post = |token: &str, spans: usize| {
        let authorization = format!("Bearer {token}");
        let head = [
            ("content-type", "application/json"),
            ("authorization", authorization.as_str()),
        ];
        server.post("/v1/traces", &head, &exported(spans))
    };
    for (token, status) in [("unknown-0123456789ab", 401), (READER, 403)] {
        assert_eq!(post(token, 1).0, status, "{token}");
    }
    assert_eq!(post(REPORTER, 3).0, 413, "more than a batch takes");
    assert_eq!(post(REPORTER, 2), (200, json!({})));
    let (status, refused) = post(REPORTER, 2);
    assert_eq!((status, &refused["code"]), (429, &json!(8)), "{refused}");
    assert_eq!(shown(&server, 2)["sextant"]["counts"]["live"]["ok"], 2);
}

/// Calls that have just ended, as an export of OTLP in JSON.
fn exported(spans: usize) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    let attributes = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "gpt-4o"),
        ("sextant.region", "eu-west-1"),
    ];
    let attribute = |(key, value)| json!({"key": key, "value": {"stringValue": value}});
    let span = json!({
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "kind": 3,
        "startTimeUnixNano": (now - 1_000_000_000).to_string(),
        "endTimeUnixNano": now.to_string(),
        "attributes": attributes.map(attribute),
    });
    let spans = vec![span; spans];
    json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string()
}

/// A server with tokens and a catalog.
fn start() -> (TempDir, Process) {
    start_with("")
}

fn start_with(more: &str) -> (TempDir, Process) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let tokens = file(
        "tokens",
        &format!("{REPORTER} report app\n{READER} read ops\n"),
    );
    let catalog = file("catalog.toml", CATALOG);
    let settings =
        format!("[catalog]\nfile = {catalog:?}\n[access]\ntoken_file = {tokens:?}\n{more}");
    let config = file("sextant.toml", &settings);
    let data = folder.path().join("data");
    let server = Process::standalone_with(&data, &["--config", &config]);
    (folder, server)
}

/// Runs the application to its end, at which it has sent all its spans.
fn run(
    conventions: Conventions,
    server: &Process,
    protocol: &str,
    endpoint: &str,
    answers: &[(&str, u32)],
) {
    let mut application = conventions
        .application()
        .unwrap_or_else(|error| panic!("{error:#}"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OTEL_")) {
        application.env_remove(name);
    }
    application.env("NO_PROXY", "*").env("no_proxy", "*");
    let authorization = format!("authorization=Bearer%20{REPORTER}");
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_HEADERS", &authorization),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_RESOURCE_ATTRIBUTES", "sextant.region=eu-west-1"),
    ] {
        application.env(name, value);
    }
    application.arg(format!("http://{}/v1", provider::start()));
    for (answer, times) in answers {
        application.args((0..*times).map(|_| answer));
    }
    let output = application.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let refused = metrics(server).lines().any(|line| {
        line.starts_with("sextant_otlp_refused_requests_total") && !line.ends_with(" 0")
    });
    assert!(!refused && !said.contains("Failed to export"), "{said}");
}

/// The one endpoint of the model, once it holds so many observations.
fn shown(server: &Process, total: u32) -> Value {
    let path = format!("/api/v1/models/{MODEL}/endpoints");
    eventually(&format!("{total} observations"), || {
        let (status, body) = server.try_request_as(READER, &path)?;
        if status == 503 {
            return None;
        }
        assert_eq!(status, 200, "{body}");
        let endpoints = body["data"]["endpoints"].as_array().unwrap();
        assert_eq!(endpoints.len(), 1, "{body}");
        let held = endpoints[0]["sextant"]["counts"]["live"]["total"].as_u64();
        assert!(
            held <= Some(total.into()),
            "something counted twice: {body}"
        );
        (held == Some(total.into())).then(|| endpoints[0].clone())
    })
}

fn assert_counts(endpoint: &Value, runs: u32) {
    assert_eq!(endpoint["tag"], "openai/bf16", "the catalog's quantization");
    let own = &endpoint["sextant"];
    let ok = runs * (PLAIN + STREAMS);
    let live = json!({"total": runs * TOTAL, "ok": ok, "bad": runs * FAILED,
        "rate_limited": runs * RATE_LIMITED, "geo_blocked": 0, "left_out": 0});
    assert_eq!(own["counts"]["live"], live);
    assert_eq!(own["uptime_30m"]["n"], ok + runs * FAILED);
    assert_eq!(own["duration_ms"]["n"], ok);
    assert_eq!(own["throughput_tps"]["n"], ok, "the tokens were read");
    let regions: Vec<_> = own["regions"].as_object().unwrap().keys().collect();
    assert_eq!(regions, ["eu-west-1"]);
}

fn left_out(reason: &str) -> String {
    format!("sextant_otlp_left_out_spans_total{{reason=\"{reason}\"}}")
}

fn metric(server: &Process, name: &str) -> u64 {
    let all = metrics(server);
    let line = all.lines().find_map(|line| line.strip_prefix(name));
    let value = line.unwrap_or_else(|| panic!("no {name} in\n{all}"));
    value.trim().parse().unwrap()
}

fn metrics(server: &Process) -> String {
    let (status, body) = server.request_as(READER, "/metrics");
    assert_eq!(status, 200, "{body}");
    body.as_str().unwrap().to_owned()
}
