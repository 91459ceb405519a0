//! What becomes of each way to answer.

use std::fmt::Write as _;

use sextant_measure::observation::Observation;
use sextant_measure::outcome::Outcome::{
    self, EmptyResponse, GeoBlocked, ProviderError, ProviderRefused, RateLimited, StreamError,
    Timeout, TransportError,
};
use sextant_measure::outcome::Source;

use crate::kit::{Running, start};
use crate::provider::{
    Act::{self, *},
    DONE, ERROR, LENGTH, Provider, ROLE, STOP, TOKEN, say, status, whole,
};

/// Long enough for any machine, and for those that are to be silent short.
const LONG: u32 = 80_000;
const SHORT: u32 = 300;

/// A provider's name, what it does, how long it is waited for, and what that comes to.
type Case = (&'static str, Vec<Act>, u32, Outcome);

#[tokio::test]
async fn each_answer_to_a_chat_has_the_outcome_of_the_table() {
    let cases = [refusals(), broken_answers(), silence(), good_answers()].concat();
    let (running, _provider) = ask(&cases, "").await;
    for (observation, expected) in observed(&running, &cases).await {
        let definition = &observation.definition;
        let measured = &observation.measurement;
        assert_eq!(measured.outcome, expected, "{definition:?}");
        assert_eq!(measured.source, Source::Probe);
        assert!(measured.streamed);
        assert_eq!(definition.region.as_ref().unwrap().as_str(), "here");
        assert_eq!(definition.quantization.unwrap().name(), "fp8");
        let name = expected.name();
        let outcome = format!("sextant_prober_outcomes_total{{outcome=\"{name}\"}}");
        let is_counted = |it: &Running| it.metric(&outcome) >= 1.0;
        running.until(&outcome, is_counted).await;
    }
    assert!(running.metric("sextant_prober_requests_total{kind=\"chat\"}") >= 21.0);
    running.end().await;
}

#[tokio::test]
async fn each_answer_to_a_list_has_the_outcome_of_the_table() {
    let list = |pieces: &[&str]| {
        let pieces = pieces.iter().map(|piece| say(piece)).collect();
        [vec![Status(200)], pieces, vec![End]].concat()
    };
    let whole = list(&[r#"{"data":[{"id":"x"},"#, r#"{"id":"m"}]}"#]);
    let cut = vec![Status(200), say(r#"{"data":["#), Wait(50), Reset];
    let cases = [
        ("ok", whole, LONG, Outcome::Ok),
        (
            "other",
            list(&[r#"{"data":[{"id":"x"}]}"#]),
            LONG,
            ProviderRefused,
        ),
        ("key", status(401), LONG, ProviderRefused),
        ("limit", status(429), LONG, RateLimited),
        ("broken", status(503), LONG, ProviderError),
        ("no-json", list(&["<html>"]), LONG, EmptyResponse),
        ("cut", cut, LONG, StreamError),
        ("reset", vec![Reset], LONG, TransportError),
        (
            "silent",
            vec![Status(200), say("{"), Wait(90_000)],
            SHORT,
            Timeout,
        ),
    ];
    let (running, provider) = ask(&cases, "kind = \"models\"\nname = \"m\"").await;
    for (observation, expected) in observed(&running, &cases).await {
        let measured = &observation.measurement;
        assert_eq!(measured.outcome, expected, "{:?}", observation.definition);
        assert!(!measured.streamed && measured.ttft_us.is_none());
    }
    for request in provider.requests() {
        assert!(request.line.starts_with("GET ") && request.line.ends_with("/v1/models"));
    }
    running.end().await;
}

#[tokio::test]
async fn nobody_there_is_a_transport_error() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let running = start(&targets(
        port,
        &[("nobody", vec![], LONG, TransportError)],
        "",
    ));
    let seen = running.firsts(1).await;
    assert_eq!(seen[0].measurement.outcome, TransportError);
    running.end().await;
}

fn refusals() -> Vec<Case> {
    const REGION: &str = r#"{"error":{"code":"unsupported_country_region_territory"}}"#;
    let elsewhere = vec![With(307, "location", "/ok/v1".into()), End];
    vec![
        ("key", status(401), LONG, ProviderRefused),
        ("account", status(402), LONG, ProviderRefused),
        ("model", status(404), LONG, ProviderRefused),
        ("limit", status(429), LONG, RateLimited),
        (
            "region",
            vec![Status(403), say(REGION), End],
            LONG,
            GeoBlocked,
        ),
        ("broken", status(500), LONG, ProviderError),
        ("overloaded", status(529), LONG, ProviderError),
        ("elsewhere", elsewhere, LONG, ProviderRefused),
    ]
}

fn broken_answers() -> Vec<Case> {
    let ended = |pieces: &[&str]| {
        let pieces = pieces.iter().map(|piece| say(piece)).collect();
        [vec![Status(200)], pieces, vec![End]].concat()
    };
    let cut = vec![Status(200), say(TOKEN), Wait(50), Reset];
    vec![
        ("reset", vec![Reset], LONG, TransportError),
        ("closed", vec![], LONG, TransportError),
        (
            "no-http",
            vec![Raw("SSH-2.0-OpenSSH_9.6\r\n")],
            LONG,
            TransportError,
        ),
        ("cut", cut, LONG, StreamError),
        ("late-error", ended(&[TOKEN, ERROR]), LONG, StreamError),
        ("empty", ended(&[ROLE, STOP, DONE]), LONG, EmptyResponse),
        (
            "no-json",
            ended(&["<html>welcome</html>"]),
            LONG,
            EmptyResponse,
        ),
    ]
}

fn silence() -> Vec<Case> {
    let stall = vec![Status(200), say(ROLE), Wait(90_000)];
    let trickle = vec![Status(200), Repeat(": on it\n\n", 20)];
    vec![
        ("silent", vec![Wait(90_000)], SHORT, Timeout),
        ("stall", stall, SHORT, Timeout),
        ("trickle", trickle, SHORT, Timeout),
    ]
}

fn good_answers() -> Vec<Case> {
    let slow = [vec![Status(200), Wait(400)], whole()[1..].to_vec()].concat();
    let thought = [ROLE, LENGTH, DONE].map(say);
    let thought = [vec![Status(200)], thought.to_vec(), vec![End]].concat();
    let open = vec![Status(200), say(TOKEN), say(STOP), Wait(90_000)];
    vec![
        ("ok", whole(), LONG, Outcome::Ok),
        ("thought", thought, LONG, Outcome::Ok),
        ("slow", slow, LONG, Outcome::Ok),
        ("whole-but-open", open, SHORT * 10, Outcome::Ok),
    ]
}

async fn ask(cases: &[Case], more: &str) -> (Running, Provider) {
    let scripts = cases
        .iter()
        .map(|(case, script, ..)| (*case, script.clone()));
    let provider = Provider::start(scripts).await;
    let running = start(&targets(provider.port, cases, more));
    (running, provider)
}

/// The first observation of each case, with what it is to be.
async fn observed(running: &Running, cases: &[Case]) -> Vec<(Observation, Outcome)> {
    let expected = |observation: Observation| {
        let case = observation.definition.provider.as_str();
        let found = cases.iter().find(|(name, ..)| *name == case);
        let outcome = found.unwrap().3;
        (observation, outcome)
    };
    let seen = running.firsts(cases.len()).await;
    seen.into_iter().map(expected).collect()
}

/// Targets whose providers are called as their cases are.
fn targets(port: u16, cases: &[Case], more: &str) -> String {
    let mut toml = String::from("in_flight_max = 64\n");
    for (case, _, timeout_ms, _) in cases {
        write!(
            toml,
            "[[targets]]\nmodel = \"a/b\"\nprovider = \"{case}\"\nquantization = \"fp8\"\n\
             url = \"http://127.0.0.1:{port}/{case}/v1\"\ninterval_ms = 500\n\
             timeout_ms = {timeout_ms}\n{more}\n"
        )
        .unwrap();
    }
    toml
}
