//! Someone who posts incidents, and what becomes of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use secrecy::SecretString;
use sextant_alerts::delivery::config::{Config, SecretSource};
use sextant_alerts::delivery::{Board, Delivered, Delivery, Event, Metrics, Posted, Setup};
use sextant_incident::{Incident, Kind, Quantity, Severity};
use sextant_measure::time::{Clock, Timestamp};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Longer than a loaded machine takes for anything here.
const PATIENT: Duration = Duration::from_mins(1);
/// What signs what tests send, of the reference implementations' example.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Tells receivers what is posted, until it is dropped.
pub(crate) struct Desk {
    board: watch::Sender<Board>,
    heard: Arc<Mutex<Vec<Delivered>>>,
    registry: Registry,
    stop: CancellationToken,
    tracker: TaskTracker,
    _tasks: JoinSet<()>,
}

pub(crate) struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(jiff::Timestamp::now().as_microsecond())
    }
}

impl Desk {
    pub(crate) fn start(toml: &str) -> Self {
        let config: Config = toml::from_str(toml).unwrap();
        let receivers = config.resolve(&secret).unwrap();
        let (board, boards) = watch::channel(Board::from([]));
        let (delivered, mut deliveries) = mpsc::channel(1);
        let mut registry = Registry::default();
        let setup = Setup {
            board: boards,
            delivered,
            clock: Arc::new(RealClock),
            metrics: Metrics::register(&mut registry),
        };
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        receivers.start(&setup, &tracker, &stop);
        let heard = Arc::<Mutex<Vec<Delivered>>>::default();
        let its_heard = Arc::clone(&heard);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Some(one) = deliveries.recv().await {
                its_heard.lock().unwrap().push(one);
            }
        });
        Self {
            board,
            heard,
            registry,
            stop,
            tracker,
            _tasks: tasks,
        }
    }

    /// Posts incidents of which nobody has heard.
    pub(crate) fn post(&self, incidents: &[Incident]) {
        self.post_as_heard(incidents, &[]);
    }

    /// Posts incidents of all of which receivers have heard this.
    pub(crate) fn post_as_heard(&self, incidents: &[Incident], heard: &[(&str, Event)]) {
        let delivered = heard.iter().map(|(receiver, event)| Delivery {
            receiver: (*receiver).to_owned(),
            event: *event,
        });
        let posted = incidents.iter().map(|incident| Posted {
            incident: incident.clone(),
            delivered: delivered.clone().collect(),
        });
        self.board.send_replace(posted.collect());
    }

    /// Who has heard what, as `receiver event rule`, in the order in which it was said.
    pub(crate) fn heard(&self) -> Vec<String> {
        let line = |it: &Delivered| {
            let Delivery { receiver, event } = &it.delivery;
            format!("{receiver} {} {}", event.name(), it.alert.rule)
        };
        self.heard.lock().unwrap().iter().map(line).collect()
    }

    pub(crate) async fn until_heard(&self, count: usize) -> Vec<String> {
        until(|| self.heard().len() >= count).await;
        self.heard()
    }

    /// The value of a metric, as it is shown.
    pub(crate) fn metric(&self, name: &str) -> String {
        let mut page = String::new();
        text::encode(&mut page, &self.registry).unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name} in {page}"));
        value.trim().to_owned()
    }

    pub(crate) fn count(&self, name: &str) -> u64 {
        self.metric(name).parse().unwrap()
    }

    pub(crate) async fn until_count(&self, name: &str, least: u64) {
        until(|| self.count(name) >= least).await;
    }

    /// Ends it, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    let patience = tokio::time::Instant::now() + PATIENT;
    while !holds() {
        assert!(tokio::time::Instant::now() < patience, "it does not come");
        sleep(Duration::from_millis(10)).await;
    }
}

/// The secrets of tests: a variable's value is its name, but of one that is called so.
pub(crate) fn secret(source: &SecretSource) -> Result<SecretString, String> {
    match source {
        SecretSource::File(_) => Err("can't be read".to_owned()),
        SecretSource::Env(name) if name == "UNSET" => Err("is not set".to_owned()),
        SecretSource::Env(name) if name == "SIGNS" => Ok(SECRET.into()),
        SecretSource::Env(name) => Ok(format!("secret-of-{name}").into()),
    }
}

/// An incident that was opened a minute ago.
pub(crate) fn opened(rule: &str) -> Incident {
    Incident {
        alert: format!("{rule}/endpoint/meta-llama/llama-3.1/groq/fp8")
            .parse()
            .unwrap(),
        kind: Kind::RateLimited,
        severity: Severity::Page,
        opened_at: RealClock.now().plus_micros(-60_000_000),
        closed_at: None,
        worst: Some(Quantity::ratio(1, 4)),
        reason: "25.00 % were rate-limited".to_owned(),
        closed_because: String::new(),
    }
}

/// The same, which was closed now.
pub(crate) fn closed(incident: &Incident) -> Incident {
    Incident {
        closed_at: Some(RealClock.now()),
        closed_because: "0.00 % were rate-limited".to_owned(),
        ..incident.clone()
    }
}
