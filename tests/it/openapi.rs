//! All routes of `sextant standalone`, as their document has them.

mod bounds;
mod call;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sextant_measure::time::Timestamp;
use sextant_testkit::openapi::{Answered, Asked, Document, served};
use sextant_tests::process::{Process, command, eventually};
use sextant_wire::json::rfc3339;
use ureq::http;

use self::call::{ADMIN, Answer, Call, READER, REPORTER, agent, get, request, send};

const SCOUT: &str = "meta-llama/llama-4-scout";
/// Of what it takes to get the others, their own crates' tests hold the answers to the document:
/// a fault, a log that is away, a body that doesn't arrive, more than there is room for.
const ELSEWHERE: [u16; 5] = [408, 409, 429, 500, 503];

/// A server, its document, and which statuses of which operations it has shown.
struct Checked {
    server: Process,
    document: Document,
    shown: BTreeSet<(String, String, u16)>,
}

impl Checked {
    fn start(folder: &std::path::Path) -> Self {
        let tokens = folder.join("tokens");
        let text =
            format!("{REPORTER} report edge\n{READER} read gateway\n{ADMIN} admin,read ops\n");
        std::fs::write(&tokens, text).unwrap();
        let config = folder.join("sextant.toml");
        let access = format!("[access]\ntoken_file = {:?}\n", tokens.to_str().unwrap());
        std::fs::write(&config, access).unwrap();
        let arguments = ["--config", config.to_str().unwrap()];
        let server = Process::standalone_with(&folder.join("data"), &arguments);
        let text = request(&server, get("/openapi.json")).body;
        let document = Document::parse(std::str::from_utf8(&text).unwrap());
        Self {
            server,
            document,
            shown: BTreeSet::new(),
        }
    }

    /// Asks, and holds the answer to the document.
    fn ask(&mut self, status: u16, call: Call<'_>) -> Answer {
        let answer = request(&self.server, call);
        let asked = Asked {
            method: call.method,
            uri: call.uri,
        };
        let answered = Answered {
            status: answer.status,
            headers: &answer.headers,
            body: &answer.body,
        };
        let checked = self.document.check(asked, answered);
        checked.unwrap_or_else(|error| panic!("{error}"));
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!(
            answer.status, status,
            "{} {}: {body}",
            call.method, call.uri
        );
        if let Some(path) = self.document.path_of(call.uri) {
            let shown = (call.method.to_owned(), path.to_owned(), status);
            self.shown.insert(shown);
        }
        answer
    }

    /// The body of a request is what the document says.
    fn ask_as_documented(&mut self, call: Call<'_>, content_type: &str) -> Answer {
        let path = call.uri.split('?').next().unwrap();
        let schema = self.document.body_of(call.method, path, content_type);
        let body: Value = serde_json::from_slice(call.body).unwrap();
        let checked = self.document.check_as(schema, &body);
        checked.unwrap_or_else(|error| panic!("{} {}: {error}", call.method, call.uri));
        self.ask(200, call)
    }

    /// Every operation has shown each status that can be had here.
    fn assert_complete(&self) {
        let operations = self.document.operations().into_iter();
        let all = operations.flat_map(|operation| {
            let statuses = operation.statuses.into_iter();
            let statuses = statuses.filter(|status| !ELSEWHERE.contains(status));
            let statuses: Vec<_> = statuses.collect();
            let named = move |status| (operation.method.clone(), operation.path.clone(), status);
            statuses.into_iter().map(named)
        });
        let missing: Vec<_> = all.filter(|shown| !self.shown.contains(shown)).collect();
        assert!(missing.is_empty(), "not shown: {missing:?}");
    }
}

#[test]
fn every_route_answers_as_its_document_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut it = Checked::start(folder.path());
    nobody_without_a_token(&mut it);
    observations(&mut it);
    spans(&mut it);
    let endpoints = format!("/api/v1/models/{SCOUT}/endpoints");
    eventually("the observations to be served", || {
        let answer = it.ask(200, get(&endpoints));
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        let mut served = answer["data"]["endpoints"].as_array().unwrap().iter();
        served
            .any(|it| it["sextant"]["counts"]["live"]["total"] == 150)
            .then_some(())
    });
    gates(&mut it);
    reads(&mut it);
    events(&it);
    nothing_else(&mut it);
    // That stream was shown by itself.
    let events = "/api/v1/snapshot/events".to_owned();
    it.shown.insert(("GET".to_owned(), events, 200));
    it.assert_complete();
}

/// Any that takes one, without and with a wrong or a weak one.
fn nobody_without_a_token(it: &mut Checked) {
    for operation in it.document.operations() {
        let uri = operation.path.replace("{author}/{slug}", SCOUT);
        let Some(class) = operation.class else {
            it.ask(200, get(&uri).by(""));
            continue;
        };
        let weak = if class == "report" { READER } else { REPORTER };
        for (token, status) in [("", 401), ("no-such-0123456789", 401), (weak, 403)] {
            it.ask(status, send(&operation.method, &uri, token, b""));
        }
    }
}

fn observations(it: &mut Checked) {
    const PATH: &str = "/api/v1/observations";
    let observation = json!({
        "model": SCOUT, "provider": "groq", "quantization": "unknown", "completed_at": now(),
        "outcome": "ok", "ttft_ms": 187.7, "duration_ms": 733.1, "output_tokens": 150,
    });
    let all = Value::from(vec![observation.clone(); 150]).to_string();
    let identity = [
        ("Sextant-Agent", "edge-1"),
        ("Sextant-Epoch", "7"),
        ("Sextant-Sequence", "1"),
    ];
    let call = send("POST", PATH, REPORTER, all.as_bytes()).with(&identity);
    it.ask_as_documented(call, "application/json");
    let wrong = format!("{{}}\n{}", json!({"model": "x"}));
    it.ask(200, send("POST", PATH, REPORTER, wrong.as_bytes()));
    it.ask(400, call.with(&identity[..2]));
    it.ask(400, send("POST", PATH, REPORTER, b"[{"));
    it.ask(415, call.with(&[("Content-Encoding", "gzip")]));
    // With the last byte it is too long, so that none is left unread.
    let much = vec![b' '; (4 << 20) + 1];
    it.ask(413, send("POST", PATH, REPORTER, &much));
}

fn spans(it: &mut Checked) {
    const PATH: &str = "/v1/traces";
    const fn call(body: &[u8]) -> Call<'_> {
        send("POST", PATH, REPORTER, body)
    }
    const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];
    const PROTOBUF: [(&str, &str); 1] = [("Content-Type", "application/x-protobuf")];
    let attribute = |key: &str, text: &str| json!({"key": key, "value": {"stringValue": text}});
    let span = json!({
        "traceId": "00000000000000000000000000000001", "spanId": "0000000000000001", "kind": 3,
        "startTimeUnixNano": "1", "endTimeUnixNano": "2",
        "attributes": [attribute("gen_ai.operation.name", "chat")],
    });
    let unmapped = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string();
    let answer = it.ask(200, call(unmapped.as_bytes()).with(&JSON));
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1", "{answer}");
    it.ask_as_documented(call(b"{}").with(&JSON), "application/json");
    it.ask(200, call(b"").with(&PROTOBUF));
    for head in [&JSON, &PROTOBUF] {
        it.ask(400, call(b"[\xff").with(head));
        it.ask(413, call(&vec![b' '; 9 << 20]).with(head));
    }
    it.ask(415, call(b"{}").with(&[("Content-Type", "text/plain")]));
}

fn gates(it: &mut Checked) {
    const PATH: &str = "/api/v1/gates";
    const fn put(body: &[u8]) -> Call<'_> {
        send("PUT", PATH, ADMIN, body)
    }
    let gate = |verdict: &str| {
        let model = "model";
        json!([{"operation": "summarize", model: SCOUT, "quantization": "fp8", "verdict": verdict}])
    };
    for verdict in ["green", "none", "red"] {
        let body = gate(verdict).to_string();
        it.ask_as_documented(
            send("PUT", PATH, ADMIN, body.as_bytes()),
            "application/json",
        );
    }
    it.ask(400, put(b"{}"));
    it.ask(422, put(gate("amber").to_string().as_bytes()));
    it.ask(413, put(&vec![b' '; (1 << 20) + 1]));
    it.ask(415, put(b"[]").with(&[("Content-Encoding", "gzip")]));
    it.ask(
        200,
        get(&format!("{PATH}?model={SCOUT}&operation=summarize")),
    );
    it.ask(400, get(&format!("{PATH}?model=x")));
}

fn reads(it: &mut Checked) {
    let model = format!("/api/v1/models/{SCOUT}");
    let route = format!("/api/v1/route?model={SCOUT}&tier");
    for uri in [
        "/api/v1/models",
        "/metrics",
        "/livez",
        "/readyz",
        "/openapi.json",
        &format!("{model}/endpoints"),
        &format!("{model}/history?step=1m&region=global"),
        &format!("/api/v1/incidents?model={SCOUT}&limit=5&from=2026-11-01T00:00:00Z"),
        &format!("{route}=realtime"),
        &format!("{route}=standard&operation=summarize&max_price=9&ignore=groq&seed=7"),
        &format!("{route}=batch&only=nobody&max_ttft_p95_ms=900&min_throughput_p95=1.5"),
    ] {
        it.ask(200, get(uri));
        it.ask(
            200,
            Call {
                method: "HEAD",
                ..get(uri)
            },
        );
    }
    let snapshot = it.ask(200, get(&format!("/api/v1/snapshot?models={SCOUT}")));
    let tag = snapshot.headers["etag"].to_str().unwrap().to_owned();
    it.ask(
        304,
        get("/api/v1/snapshot").with(&[("If-None-Match", &tag)]),
    );
    for uri in [
        "/api/v1/models?x=1",
        "/openapi.json?x=1",
        "/api/v1/snapshot?models=x",
        "/api/v1/snapshot/events?model=a/b",
        "/api/v1/route",
        &format!("{model}/endpoints?x=1"),
        &format!("{model}/history?from=yesterday"),
        "/api/v1/incidents?limit=0",
    ] {
        it.ask(400, get(uri));
    }
    // What a schema shared with others can't require.
    let problem = |answer: Answer| serde_json::from_slice::<Value>(&answer.body).unwrap();
    let refused = problem(it.ask(400, get(&format!("{model}/history?step=1s"))));
    assert_eq!(refused["parameter"], "step");
    let like = "/api/v1/models/meta-llama/llama-4-scot/endpoints";
    assert_eq!(problem(it.ask(404, get(like)))["nearest"][0], SCOUT);
    for uri in [
        "/api/v1/models/%3Cscript%3E/x/endpoints",
        "/api/v1/models/nobody/nothing/history",
        "/api/v1/route?model=nobody/nothing&tier=batch",
    ] {
        it.ask(404, get(uri));
    }
}

/// The stream, up to its first heartbeat.
fn events(it: &Checked) {
    let path = "/api/v1/snapshot/events";
    let answer = agent().get(format!("{}{path}", it.server.http));
    let answer = answer.header("Authorization", format!("Bearer {READER}"));
    let answer = answer.call().unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.into_body().into_reader();
    let (mut unread, mut names) = (String::new(), Vec::new());
    while names.last().map(String::as_str) != Some("heartbeat") {
        let mut some = [0; 4096];
        let read = body.read(&mut some).unwrap();
        assert!(read > 0, "it does not end by itself");
        unread.push_str(std::str::from_utf8(&some[..read]).unwrap());
        while let Some((event, rest)) = unread.split_once("\n\n") {
            let field = |name: &str| {
                let mut lines = event.lines();
                lines.find_map(|line| line.strip_prefix(name)).unwrap_or("")
            };
            let data = serde_json::from_str(field("data: ")).unwrap();
            let checked = it.document.check_event(path, field("event: "), &data);
            checked.unwrap_or_else(|error| panic!("{error}: {event}"));
            names.push(field("event: ").to_owned());
            unread = rest.to_owned();
        }
    }
    assert_eq!(names[0], "full");
}

fn nothing_else(it: &mut Checked) {
    for uri in [
        "/api/v1",
        "/api/v1/models/",
        "/openapi.yaml",
        "/%3Cscript%3E",
    ] {
        it.ask(404, get(uri));
    }
    for method in ["DELETE", "PATCH", "OPTIONS"] {
        for uri in [
            "/api/v1/snapshot",
            "/api/v1/observations",
            "/metrics",
            "/livez",
        ] {
            it.ask(405, send(method, uri, READER, b""));
        }
    }
}

#[test]
fn an_agent_has_the_routes_that_the_tags_give_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(&["agent", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]);
    // Nobody listens there, and nothing is sent.
    command.env("SEXTANT_AGENT__COLLECTORS", "http://127.0.0.1:9");
    command.env("SEXTANT_AGENT__SPOOL_DIR", folder.path());
    let edge = Process::ready(&mut command);
    assert_routes(&edge, &["intake", "process"]);
    let text = request(&edge, get("/openapi.json").by("")).body;
    assert!(served().is(std::str::from_utf8(&text).unwrap()));
}

/// A process has the routes that have one of these tags, and no others.
pub(crate) fn assert_routes(process: &Process, tags: &[&str]) {
    for operation in served().operations() {
        let uri = operation.path.replace("{author}/{slug}", SCOUT);
        let asked = http::Request::builder().method(&*operation.method);
        let asked = asked.uri(format!("{}{uri}", process.http));
        let answer = agent().run(asked.body(&b""[..]).unwrap()).unwrap();
        // A route has other words when it knows nothing of a model; and one of them never ends.
        let is_there = answer.status() != 404 || {
            let text = answer.into_body().read_to_string().unwrap();
            !text.contains("/openapi.json lists all routes")
        };
        let named = format!("{} {uri}, tagged {}", operation.method, operation.tag);
        assert_eq!(is_there, tags.contains(&&*operation.tag), "{named}");
    }
}
fn now() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    rfc3339(Timestamp::from_micros(now.as_micros().try_into().unwrap()))
}
