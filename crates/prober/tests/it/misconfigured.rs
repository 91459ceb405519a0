//! Answers that blame the configuration.

use sextant_measure::outcome::Outcome;
use sextant_prober::state::Misconfigured;

use crate::kit::{Running, start};
use crate::provider::{Provider, status, whole};

const LABELS: &str = "{model=\"a/b\",provider=\"p\",quantization=\"\"}";

fn is(running: &Running, wrong: Option<Misconfigured>, outcome: Outcome) -> bool {
    let state = &running.states.all()[0];
    state.misconfigured == wrong && state.last.is_some_and(|last| last.outcome == outcome)
}

#[tokio::test]
async fn a_misconfigured_probe_is_shown_until_it_is_put_right() {
    let provider = Provider::start([("p", status(401))]).await;
    let running = start(&format!(
        "[[targets]]\nmodel = \"a/b\"\nprovider = \"p\"\ninterval_ms = 20\n\
         url = \"http://127.0.0.1:{}/p/v1\"\n",
        provider.port
    ));
    let flag = format!("sextant_prober_is_misconfigured{LABELS}");
    let total = format!("sextant_prober_misconfigured_total{LABELS}");
    for (code, wrong) in [
        (401, Misconfigured::Key),
        (402, Misconfigured::Payment),
        (404, Misconfigured::Model),
    ] {
        provider.script("p", status(code));
        let shown = |it: &Running| is(it, Some(wrong), Outcome::ProviderRefused);
        running.until("the flag", shown).await;
        assert!(running.metric(&total) >= 1.0);
    }
    // A failure tells nothing of the configuration.
    provider.script("p", status(503));
    let failing = |it: &Running| is(it, Some(Misconfigured::Model), Outcome::ProviderError);
    running.until("the failure", failing).await;
    provider.script("p", whole());
    running
        .until("all right", |it| {
            is(it, None, Outcome::Ok) && it.metric(&flag) < 0.5
        })
        .await;
    running.end().await;
}
