//! A gateway of its own beside a fleet.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp as Now;
use serde_json::json;
use sextant_gateway::{Decision, Freshness, Gateway, Options, Reason, Request, Source, Tier};
use sextant_measure::time::{Clock, Timestamp};
use sextant_tests::fleet::Fleet;
use sextant_tests::process::{Process, eventually};

const MODEL: &str = "meta-llama/llama-4-scout";

/// This machine's clock, so many seconds on.
struct Ahead(i64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(Now::now().as_microsecond() + self.0 * 1_000_000)
    }
}

/// Good answers of an endpoint in the last seconds, enough for all its numbers.
fn report(collector: &Process, provider: &str, quantization: &str, ttft_ms: u32) {
    let now = Now::now().as_millisecond();
    let lines = (0..120).map(|n| {
        let at = Now::from_millisecond(now - n * 50).unwrap();
        json!({"model": MODEL, "provider": provider, "quantization": quantization,
               "completed_at": at.to_string(), "outcome": "ok", "ttft_ms": ttft_ms,
               "duration_ms": ttft_ms + 1_000, "output_tokens": 100})
        .to_string()
    });
    let body = lines.collect::<Vec<_>>().join("\n");
    let (status, answer) = collector.post("/api/v1/observations", &[], &body);
    assert_eq!(
        (status, &answer["accepted"]),
        (200, &json!(120)),
        "{answer}"
    );
}

fn put_gate(server: &Process, verdict: &str) {
    let gates = json!([{"operation": "summarize", "model": MODEL, "quantization": "fp8",
                        "verdict": verdict, "author": "evals"}]);
    let (status, answer) = server.put("/api/v1/gates", &gates.to_string());
    assert_eq!(
        (status, &answer[0]["verdict"]),
        (200, &json!(verdict)),
        "{answer}"
    );
}

fn gateway(servers: &[&str], file: &Path, ahead_s: i64) -> Gateway {
    let servers = servers.iter().map(|url| url.replace("http://", "grpc://"));
    let servers: Vec<_> = servers.collect();
    let options = Options::new(servers.iter().map(String::as_str)).unwrap();
    let mut options = options.kept_in(file);
    options.save_interval = Duration::from_millis(200);
    let clock: Arc<dyn Clock> = Arc::new(Ahead(ahead_s));
    Gateway::start_with(options, &clock).unwrap()
}

fn decide(gateway: &Gateway, tier: Tier) -> Decision {
    let mut request = Request::new(MODEL.parse().unwrap(), tier);
    request.operation = Some("summarize".parse().unwrap());
    let mut decision = Decision::default();
    gateway.choose(&request, 7, &mut decision);
    decision
}

fn order(decision: &Decision) -> Vec<String> {
    let candidates = decision.candidates.iter();
    candidates
        .map(|choice| decision.candidate(choice).unwrap().id.tag())
        .collect()
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_one_gateway_goes_on_when_everything_else_has_stopped() {
    let fleet = Fleet::new(2);
    let mut collector = fleet.start("collector", "collector");
    let mut owner = fleet.start("aggregator", "owner");
    let mut servers = ["one", "two"].map(|name| fleet.start("server", name));
    report(&collector, "deepinfra", "fp8", 300);
    report(&collector, "novita", "bf16", 900);
    let file = fleet.folder().join("snapshot");
    let urls = [&*servers[0].grpc, &*servers[1].grpc];
    let first = gateway(&urls, &file, 0);

    // The dearer one at first: nobody has evaluated the other's precision for the task.
    until("both endpoints", || {
        let decision = decide(&first, Tier::Standard);
        order(&decision) == ["novita/bf16"] && decision.candidates[0].has_enough
    })
    .await;
    put_gate(&servers[0], "green");
    let both = ["deepinfra/fp8", "novita/bf16"];
    until("the gate", || {
        order(&decide(&first, Tier::Standard)) == both
    })
    .await;

    // One server goes; the other tells what comes next, from where the first one left off.
    let full = first.stats().full;
    let Source::Server(followed) = first.held().unwrap().source else {
        panic!("it was heard from a server")
    };
    let lost = usize::from(!servers[0].grpc.contains(followed.trim_matches('/')));
    servers[lost].kill();
    put_gate(&servers[1 - lost], "red");
    until("what the other says", || {
        order(&decide(&first, Tier::Standard)) == both[1..]
    })
    .await;
    put_gate(&servers[1 - lost], "green");
    until("the gate again", || {
        order(&decide(&first, Tier::Standard)) == both
    })
    .await;
    assert_eq!(first.stats().full, full, "it was led on by changes alone");

    // Everything goes. What was true is chosen from, and is kept.
    servers[1 - lost].kill();
    owner.kill();
    collector.kill();
    assert_eq!(order(&decide(&first, Tier::Standard)), both);
    assert!(first.held().unwrap().age < Duration::from_secs(30));
    first.stop().await;
    drop(first);

    let urls = [&*servers[0].grpc, &*servers[1].grpc];
    goes_on_alone(&urls, &file, &both).await;
}

/// After its own restart too, with nobody to ask, and it says how old what it knows is.
async fn goes_on_alone(servers: &[&str], file: &Path, both: &[&str]) {
    for (away_s, freshness) in [
        (0, Freshness::Fresh),
        (100, Freshness::Aged),
        (1_000, Freshness::Stale),
    ] {
        let alone = gateway(servers, file, away_s);
        let held = alone.held().unwrap();
        assert_eq!(held.source, Source::File);
        let age = held.age.as_secs();
        let away = away_s.unsigned_abs();
        assert!((away..away + 40).contains(&age), "{age} s after {away} s");
        let decision = decide(&alone, Tier::Standard);
        assert_eq!(order(&decision), both, "gates and price stand");
        assert_eq!(decision.candidates[0].freshness, freshness);
        assert_eq!(decision.candidates[0].reason, Reason::Best);
        assert_eq!(decision.is_stale(), freshness == Freshness::Stale);
        assert_eq!(order(&decide(&alone, Tier::Realtime)), both[1..]);
        alone.stop().await;
    }
}

/// What one server takes, the others serve, and the store keeps.
#[test]
fn gates_reach_every_server_and_their_history_the_store() {
    let fleet = Fleet::new(1);
    let _owner = fleet.start("aggregator", "owner");
    let servers = ["one", "two"].map(|name| fleet.start("server", name));
    for (server, verdict) in [(0, "green"), (1, "red"), (0, "none"), (1, "green")] {
        put_gate(&servers[server], verdict);
        let listed = servers[server].get("/api/v1/gates");
        let stand = listed.as_array().unwrap().len();
        assert_eq!(stand, usize::from(verdict != "none"), "read your writes");
    }
    for server in &servers {
        eventually("the last ruling at every server", || {
            let listed = server.get("/api/v1/gates");
            (listed[0]["verdict"] == "green").then_some(())
        });
    }
    // One that starts now has it from its first answer on.
    let late = fleet.start("server", "late");
    assert_eq!(late.get("/api/v1/snapshot")["gates"][0]["verdict"], "green");
    let sql = "SELECT verdict, author, model, quantization, operation FROM gates ORDER BY since";
    let history = eventually("four rulings in the store", || {
        let rows = fleet.sql(sql);
        (rows.len() == 4).then_some(rows)
    });
    let verdicts: Vec<_> = history.iter().map(|row| row["verdict"].clone()).collect();
    assert_eq!(verdicts, ["green", "red", "none", "green"]);
    assert_eq!(history[0]["quantization"], "fp8");
    let wrong = json!([{"operation": "summarize", "model": "meta-llama/llama-4-scot",
                        "quantization": "fp8", "verdict": "green"}]);
    let (status, problem) = servers[0].put("/api/v1/gates", &wrong.to_string());
    assert_eq!(status, 422, "{problem}");
    assert_eq!(problem["wrong"][0]["field"], "model");
}
