//! Alertmanager's API v2: all alerts that fire or fired lately, again and again.
//!
//! An alert that fires ends by itself [`RESENDS`] intervals after it was last sent, so that nothing
//! fires for ever when nobody is left to say that it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use sextant_incident::{AlertKey, Incident, Subject};
use sextant_measure::time::{Clock, Timestamp};
use sextant_wire::json::rfc3339;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::about::About;
use super::board::{Ended, changed, emptied};
use super::error::DeliveryError;
use super::metrics::ReceiverMetrics;
use super::pause::Pause;
use super::post::Post;
use super::{Board, Posted};

/// Below an instance's base.
pub(super) const PATH: &str = "/api/v2/alerts";
/// How long it is told that something is over.
const CLOSED_AGE_MAX_US: i64 = 5 * 60_000_000;
/// Intervals after which an alert ends that is not sent again.
pub(super) const RESENDS: u32 = 4;

/// One instance.
#[derive(Debug, Clone)]
pub(super) struct Alertmanager {
    pub(super) name: String,
    pub(super) post: Post,
    /// After which it is told again of what fires.
    pub(super) resend: Duration,
    /// After which an alert is over that it is not told of again.
    pub(super) lasts: Duration,
    pub(super) extras: Arc<Extras>,
}

/// What alerts have beside what their incidents say.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// Where pages are, without a slash at its end.
    pub(super) page_url: Option<String>,
    /// Where it stands what to do.
    pub(super) runbook_url: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
}

/// Labels that alerts have of themselves.
pub(super) const LABELS: [&str; 8] = [
    "alertname",
    "kind",
    "severity",
    "subject",
    "model",
    "provider",
    "quantization",
    "agent",
];

/// Keeps one instance informed.
pub(super) struct Informer {
    pub(super) instance: Alertmanager,
    pub(super) board: watch::Receiver<Board>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: ReceiverMetrics,
    pub(super) pause: Pause,
    pub(super) told: Told,
}

/// What an instance was told, and when that is due again.
#[derive(Default)]
pub(super) struct Told {
    incidents: BTreeSet<State>,
    again_at: Option<Instant>,
}

type State = (AlertKey, Timestamp, Option<Timestamp>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

impl Informer {
    /// Tells of what is on the board, until nobody posts any more.
    pub(super) async fn run(mut self) {
        while self.step().await.is_ok() {}
    }

    async fn step(&mut self) -> Result<(), Ended> {
        let board = Arc::clone(&self.board.borrow_and_update());
        let now = self.clock.now();
        let shown = shown(&board, now);
        if shown.is_empty() {
            self.told = Told::default();
            self.metrics.set_pending(0);
            return changed(&mut self.board).await;
        }
        let states: BTreeSet<_> = shown.iter().map(|incident| state(incident)).collect();
        let again_at = self.told.again_at.filter(|_| states == self.told.incidents);
        if let Some(at) = self.pause.until().or(again_at)
            && at > Instant::now()
        {
            return tokio::select! {
                changed = changed(&mut self.board) => changed,
                () = sleep_until(at) => Ok(()),
            };
        }
        let sent = tokio::select! {
            emptied = emptied(self.board.clone()) => return emptied,
            sent = self.instance.send(&shown, now) => sent,
        };
        match sent {
            Ok(()) => self.was_told(states),
            Err(error) => self.was_not_told(&error, states.len()),
        }
        Ok(())
    }

    fn was_told(&mut self, states: BTreeSet<State>) {
        self.metrics.count_sent(states.len(), self.clock.now());
        self.metrics.set_pending(0);
        if self.pause.until().is_some() {
            tracing::info!(receiver = %self.instance.name, "hears of incidents again");
            self.pause.end();
        }
        self.told = Told {
            incidents: states,
            again_at: Some(Instant::now() + self.instance.resend),
        };
    }

    fn was_not_told(&mut self, error: &DeliveryError, alerts: usize) {
        self.metrics.count_failure(error.reason());
        self.metrics.set_pending(alerts);
        // Once for each outage, and not for each try.
        if self.pause.until().is_none() {
            let (receiver, advice) = (&self.instance.name, error.advice());
            tracing::warn!(%receiver, %error, advice, "can't be told of incidents, is tried again");
        }
        self.pause.begin(Instant::now(), None);
    }
}

impl Alertmanager {
    /// Sends incidents once; those that fire are to end by themselves some time after `now`.
    pub(super) async fn send(
        &self,
        incidents: &[&Incident],
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let lasts = i64::try_from(self.lasts.as_micros()).unwrap_or(i64::MAX);
        let ends_at = now.plus_micros(lasts);
        let alerts: Vec<_> = incidents
            .iter()
            .map(|incident| alert(incident, &self.extras, ends_at))
            .collect();
        // Nothing in it can fail to be written.
        let body = serde_json::to_vec(&alerts).unwrap_or_default();
        self.post.send(HeaderMap::new(), Bytes::from(body)).await
    }
}

/// What is told of: all that fires, and for a while what did. Alertmanager knows an alert by its
/// labels, so of its incidents only the latest is told of.
fn shown(board: &[Posted], now: Timestamp) -> Vec<&Incident> {
    let mut latest = BTreeMap::new();
    for posted in board {
        let incident = &posted.incident;
        let known = latest.entry(&incident.alert).or_insert(incident);
        if incident.opened_at > known.opened_at {
            *known = incident;
        }
    }
    latest.retain(|_, incident| {
        let closed_at = incident.closed_at;
        closed_at.is_none_or(|at| now.micros_since(at) < CLOSED_AGE_MAX_US)
    });
    latest.into_values().collect()
}

fn state(incident: &Incident) -> State {
    (
        incident.alert.clone(),
        incident.opened_at,
        incident.closed_at,
    )
}

fn alert(incident: &Incident, extras: &Extras, ends_at: Timestamp) -> Alert {
    let about = About::of(incident);
    let own = [
        Some(about.alert),
        Some(about.kind),
        Some(about.severity),
        Some(&*about.subject),
        about.model,
        about.provider,
        about.quantization.as_deref(),
        about.agent,
    ];
    let own = LABELS.iter().zip(own);
    let own = own.filter_map(|(name, value)| Some(((*name).to_owned(), value?.to_owned())));
    let mut labels = extras.labels.clone();
    labels.extend(own);
    let worst = incident.worst.map(|worst| format!(" (worst: {worst})"));
    let mut annotations = BTreeMap::from([
        (
            "summary",
            format!("{}: {}", about.alert, words(&incident.alert.subject)),
        ),
        (
            "description",
            format!("{}{}", incident.reason, worst.unwrap_or_default()),
        ),
    ]);
    if let Some(base) = &extras.runbook_url {
        let anchor = about.kind.replace('_', "-");
        annotations.insert("runbook_url", format!("{base}#{anchor}"));
    }
    let page = extras.page_url.as_ref().zip(about.model);
    Alert {
        labels,
        annotations,
        starts_at: rfc3339(incident.opened_at),
        ends_at: rfc3339(incident.closed_at.unwrap_or(ends_at)),
        generator_url: page.map(|(base, model)| format!("{base}/models/{model}")),
    }
}

/// A subject as people say it.
fn words(subject: &Subject) -> String {
    match subject {
        Subject::Endpoint(id) => format!("{} at {} ({})", id.model, id.provider, id.quantization),
        Subject::Provider(provider) => format!("all of {provider}"),
        Subject::Agent(agent) => format!("agent {agent}"),
        Subject::Fleet => "all that is observed".to_owned(),
    }
}
