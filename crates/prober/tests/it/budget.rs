//! What may be spent in a day, also by processes that die.

use std::path::Path;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use tempfile::TempDir;

use crate::kit::{Running, Start, StillClock, secret};
use crate::provider::{Provider, whole};

const LEFT: &str =
    "sextant_prober_budget_left{model=\"a/b\",provider=\"p\",quantization=\"\",unit=\"requests\"}";
const PAUSED: &str = "sextant_prober_skipped_total{reason=\"budget\"}";

fn start(port: u16, requests: u32, data_dir: &Path, clock: &Arc<StillClock>) -> Running {
    let toml = format!(
        "[[targets]]\nmodel = \"a/b\"\nprovider = \"p\"\ninterval_ms = 10\n\
         requests_per_day_max = {requests}\nurl = \"http://127.0.0.1:{port}/p/v1\"\n"
    );
    let start = Start {
        toml: &toml,
        data_dir: Some(data_dir),
        sight: None,
        clock: Arc::clone(clock) as _,
    };
    start.start()
}

#[tokio::test]
async fn no_restart_gives_a_day_more_than_it_has_and_the_next_day_has_its_own() {
    let provider = Provider::start([("p", whole())]).await;
    let directory = TempDir::new().unwrap();
    let clock = StillClock::at_day(20_000);
    let first = start(provider.port, 40, directory.path(), &clock);
    first
        .until("ten requests", |it| it.kept.count() >= 10)
        .await;
    first.end().await;
    let spent = provider.requests().len();
    let second = start(provider.port, 40, directory.path(), &clock);
    second
        .until("the rest", |it| it.metric(PAUSED) >= 1.0)
        .await;
    // The request that the end broke off may never have arrived.
    let all = provider.requests().len();
    assert!((39..=40).contains(&all), "{all}, {spent} before");
    assert!(second.metric(LEFT) < 0.5);
    clock.to_day(20_001);
    second
        .until("another day", |_| provider.requests().len() >= all + 10)
        .await;
    second.kill().await;
    // After a crash, what was noted ahead is lost, and no more.
    let third = start(provider.port, 40, directory.path(), &clock);
    third.until("the rest", |it| it.metric(PAUSED) >= 1.0).await;
    let both = provider.requests().len();
    assert!((75..=80).contains(&both), "{both}, {all} before");
    third.end().await;
}

#[tokio::test]
async fn what_was_spent_is_not_guessed() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("prober-budget.json"), "{").unwrap();
    let config = sextant_prober::Config::default();
    let sender = sextant_reporter::sender::Sender::start(
        sextant_reporter::options::Options::new("prober".parse().unwrap()),
        Arc::new(crate::kit::Kept::default()),
        StillClock::at_day(1),
    );
    let setup = sextant_prober::Setup {
        resolved: config.resolve(&secret).unwrap(),
        recorder: sender.unwrap().recorder(),
        region: None,
        sight: None,
        clock: StillClock::at_day(1),
        data_dir: Some(directory.path().to_owned()),
        seed: 1,
    };
    let started = sextant_prober::Prober::new(setup, &mut Registry::default());
    let error = started.err().unwrap().to_string();
    let is_told = error.contains("prober-budget.json") && error.contains("take the file away");
    assert!(is_told, "{error}");
}
