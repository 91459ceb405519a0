//! What a prober makes of what a server says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sextant_prober::sight::{Glimpse, Observed, Picture, Sight, View};
use tokio::time::sleep;

use crate::kit::{Running, Start, StillClock, start};
use crate::provider::{Act::*, Provider, say, status, whole};

const LIVE: &str = "sextant_prober_skipped_total{reason=\"live_traffic\"}";
const OTHER: &str = "sextant_prober_skipped_total{reason=\"another_agent\"}";
const BLIND: &str = "sextant_prober_blind_requests_total";
const REQUESTS: &str = "sextant_prober_requests_total{kind=\"chat\"}";

struct Told {
    glimpse: Mutex<Option<Glimpse>>,
    edition: AtomicU64,
}

impl Sight for Told {
    fn look(&self) -> View {
        let Some(glimpse) = *self.glimpse.lock().unwrap() else {
            return View::Away;
        };
        View::Sees(Arc::new(Picture {
            edition: self.edition.fetch_add(1, Ordering::Relaxed),
            glimpses: vec![glimpse],
        }))
    }
}

#[tokio::test]
async fn what_others_observe_is_not_asked_again_and_without_sight_all_is() {
    let provider = Provider::start([("p", whole())]).await;
    let many = |live| {
        Some(Glimpse::Fresh(Observed {
            all: 1_000_000,
            live,
        }))
    };
    let told = Arc::new(Told {
        glimpse: Mutex::new(many(5)),
        edition: AtomicU64::new(0),
    });
    let toml = format!(
        "[[targets]]\nmodel = \"a/b\"\nprovider = \"p\"\ninterval_ms = 20\n\
         url = \"http://127.0.0.1:{}/p/v1\"\n",
        provider.port
    );
    let start = Start {
        toml: &toml,
        data_dir: None,
        sight: Some(Arc::clone(&told) as _),
        clock: StillClock::at_day(1),
    };
    let running = start.start();
    running.until("skips", |it| it.metric(LIVE) >= 5.0).await;
    assert!(provider.requests().is_empty());
    *told.glimpse.lock().unwrap() = many(0);
    running.until("skips", |it| it.metric(OTHER) >= 5.0).await;
    assert!(provider.requests().is_empty());
    for blind in [None, Some(Glimpse::Aged)] {
        *told.glimpse.lock().unwrap() = blind;
        let before = running.metric(BLIND);
        running
            .until("blind", |it| it.metric(BLIND) >= before + 5.0)
            .await;
    }
    *told.glimpse.lock().unwrap() = Some(Glimpse::Fresh(Observed::default()));
    let before = running.metric(REQUESTS);
    running
        .until("seeing", |it| it.metric(REQUESTS) >= before + 5.0)
        .await;
    running.end().await;
}

fn snapshot(live: u64) -> String {
    format!(
        r#"{{"version":"v","generated_at":"2026-11-22T14:29:58Z","observer_suspected":false,
        "coverage":{{"partitions_whole":1,"partitions":1}},"gates":[],"endpoints":[
        {{"model":"a/b","provider":"p","quantization":"fp8","published_at":"2026-11-22T14:29:57Z",
        "regions":{{"here":{{"uptime_1m":{{"n":1000000}},"success_1m":{{"n":{live}}}}}}}}}]}}"#
    )
}

fn following(server: u16, other: u16, provider: u16) -> Running {
    start(&format!(
        "servers = [\"http://127.0.0.1:{server}\", \"http://127.0.0.1:{other}/below\"]\n\
         server_token = {{ env = \"TOKEN\" }}\nserver_poll_ms = 100\n\
         [[targets]]\nmodel = \"a/b\"\nprovider = \"p\"\ninterval_ms = 20\n\
         url = \"http://127.0.0.1:{provider}/p/v1\"\n"
    ))
}

#[tokio::test]
async fn servers_are_looked_at_one_after_the_other_and_say_nothing_twice() {
    let provider = Provider::start([("p", whole())]).await;
    let answer = vec![With(200, "etag", "\"v1\"".into()), say(&snapshot(3)), End];
    let server = Provider::start([("api", answer)]).await;
    let other = Provider::start([("below", status(503))]).await;
    let running = following(server.port, other.port, provider.port);
    running.until("skips", |it| it.metric(LIVE) >= 5.0).await;
    let first = &server.requests()[0];
    assert_eq!(first.line, "GET /api/v1/snapshot?models=a/b");
    assert_eq!(first.headers["authorization"], "Bearer secret-of-TOKEN");
    assert!(!first.headers.contains_key("if-none-match"));
    // What has not changed is not said again, and counts all the same.
    server.script("api", vec![Raw("HTTP/1.1 304 Not Modified\r\n\r\n")]);
    let looks = server.requests().len();
    running
        .until("looks", |_| server.requests().len() >= looks + 3)
        .await;
    let last = server.requests().pop().unwrap();
    assert_eq!(last.headers["if-none-match"], "\"v1\"");
    let before = running.metric(LIVE);
    running.until("skips", |it| it.metric(LIVE) > before).await;
    // The first goes away, and the second answers in its place.
    let probes = provider.requests().len();
    other.script("below", vec![Status(200), say(&snapshot(3)), End]);
    server.script("api", vec![Reset]);
    running
        .until("the second", |_| other.requests().len() >= 3)
        .await;
    assert_eq!(
        other.requests()[0].line,
        "GET /below/api/v1/snapshot?models=a/b"
    );
    assert_eq!(
        provider.requests().len(),
        probes,
        "what was held stands in for a minute"
    );
    assert!(running.metric("sextant_prober_errors_total{kind=\"sight\"}") >= 1.0);
    running.end().await;
}

#[tokio::test]
async fn servers_that_say_nothing_useful_leave_a_prober_to_itself() {
    let provider = Provider::start([("p", whole())]).await;
    let server = Provider::start([("api", vec![Status(200), say("{\"endpoints\":7}"), End])]).await;
    let other = Provider::start([("below", status(401))]).await;
    let running = following(server.port, other.port, provider.port);
    running.until("blind", |it| it.metric(BLIND) >= 5.0).await;
    running
        .until("both asked", |_| !other.requests().is_empty())
        .await;
    sleep(Duration::from_millis(50)).await;
    assert!(running.metric(LIVE) < 0.5);
    running.end().await;
}
