//! Answers that blame the configuration.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use sextant_measure::outcome::Outcome;
use sextant_prober::state::Misconfigured;
use tracing_subscriber::filter::LevelFilter;

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
    for (code, wrong, outcome) in [
        (401, Misconfigured::Key, Outcome::ProviderRefused),
        (307, Misconfigured::Redirect, Outcome::ProviderRefused),
        (402, Misconfigured::Payment, Outcome::ProviderRefused),
        (400, Misconfigured::Request, Outcome::ClientError),
        (404, Misconfigured::Model, Outcome::ProviderRefused),
        (405, Misconfigured::Request, Outcome::ClientError),
        (401, Misconfigured::Key, Outcome::ProviderRefused),
        (422, Misconfigured::Request, Outcome::ClientError),
    ] {
        provider.script("p", status(code));
        let shown = |it: &Running| is(it, Some(wrong), outcome);
        running.until("the flag", shown).await;
        assert!(running.metric(&total) >= 1.0);
    }
    // A failure tells nothing of the configuration.
    provider.script("p", status(503));
    let failing = |it: &Running| is(it, Some(Misconfigured::Request), Outcome::ProviderError);
    running.until("the failure", failing).await;
    let failures = "sextant_prober_outcomes_total{outcome=\"provider_error\"}";
    running
        .until("more failures", |it| it.metric(failures) >= 3.0)
        .await;
    assert!(running.metric(&flag) > 0.5, "the flag stays");
    provider.script("p", whole());
    running
        .until("all right", |it| {
            is(it, None, Outcome::Ok) && it.metric(&flag) < 0.5
        })
        .await;
    running.end().await;
}

/// Everything that is logged by all tests: what a thread's own subscriber is shown depends on the
/// others.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let all = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(LevelFilter::TRACE)
            .with_writer(move || writer.clone());
        tracing::subscriber::set_global_default(all.finish()).unwrap();
        log
    }

    /// Lines that have both.
    fn count(&self, whose: &str, what: &str) -> usize {
        let bytes = self.0.lock().unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let both = |line: &&str| line.contains(whose) && line.contains(what);
        text.lines().filter(both).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_misconfigured_probe_is_logged_once_and_its_secrets_never() {
    let log = Log::start();
    let provider = Provider::start([("logged", status(401))]).await;
    let running = start(&format!(
        "servers = [\"http://127.0.0.1:{0}/logged\"]\nserver_token = {{ env = \"TOKEN\" }}\n\
         server_poll_ms = 100\n\
         [[targets]]\nmodel = \"a/b\"\nprovider = \"logged\"\ninterval_ms = 10\n\
         url = \"http://127.0.0.1:{0}/logged/v1\"\nkey = {{ env = \"KEY\" }}\n\
         headers = {{ x-api-key = {{ env = \"OTHER\" }} }}\n",
        provider.port
    ));
    let (endpoint, server) = ("a/b/logged", format!("server=127.0.0.1:{}", provider.port));
    let refused = "sextant_prober_outcomes_total{outcome=\"provider_refused\"}";
    let blind = "sextant_prober_errors_total{kind=\"sight\"}";
    running
        .until("refused again and again", |it| {
            it.metric(refused) >= 5.0 && it.metric(blind) >= 2.0
        })
        .await;
    assert_eq!(log.count(endpoint, "a probe is misconfigured"), 1);
    assert_eq!(log.count(&server, "can't see what others observe"), 1);
    provider.script("logged", whole());
    running
        .until("all right", |it| is(it, None, Outcome::Ok))
        .await;
    assert_eq!(log.count(endpoint, "a probe is configured right again"), 1);
    running.end().await;
    assert_eq!(log.count("", "secret-of-"), 0);
}
