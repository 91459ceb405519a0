//! Telling every receiver of an incident that is none.

use std::time::Duration;

use sextant_incident::{AlertKey, Incident, IncidentError, Kind, Severity, Subject};
use sextant_measure::time::Timestamp;
use tokio::task::JoinSet;

use super::Event;
use super::alertmanager::Alertmanager;
use super::error::DeliveryError;
use super::log::{Log, NAME as LOG};
use super::notifier::Notify;
use super::receivers::Receivers;

/// What the alert is called.
const RULE: &str = "test";
const REASON: &str = "This is a test of `sextant alerts test`; nothing is wrong.";
/// After which Alertmanager takes it for over.
const LASTS: Duration = Duration::from_mins(1);

/// How it went with one receiver.
pub type Tested = (String, Result<(), DeliveryError>);

/// Tells every receiver of an incident that is none, opened at `now`: webhooks that it was opened and
/// closed, whatever they are told of otherwise; Alertmanager that it lasts a minute. Each is tried
/// once, all at the same time.
///
/// # Errors
/// None that can happen: the incident's name is one.
pub async fn test(receivers: &Receivers, now: Timestamp) -> Result<Vec<Tested>, IncidentError> {
    let incident = Incident {
        alert: AlertKey {
            rule: RULE.parse()?,
            subject: Subject::Fleet,
        },
        kind: Kind::Observer,
        severity: Severity::Ticket,
        opened_at: now,
        closed_at: None,
        worst: None,
        reason: REASON.to_owned(),
        closed_because: String::new(),
    };
    let mut tasks = JoinSet::new();
    for (place, instance) in receivers.alertmanagers.iter().cloned().enumerate() {
        let incident = incident.clone();
        let name = instance.name.clone();
        tasks.spawn(async move { (place, name, tell(instance, incident, now).await) });
    }
    let first = receivers.alertmanagers.len();
    for (place, webhook) in (first..).zip(receivers.webhooks.iter().cloned()) {
        let incident = incident.clone();
        let name = webhook.name.clone();
        tasks.spawn(async move { (place, name, notify(webhook, incident, now).await) });
    }
    let mut tested = tasks.join_all().await;
    tested.sort_by_key(|(place, ..)| *place);
    let mut tested: Vec<_> = tested
        .into_iter()
        .map(|(_, name, how)| (name, how))
        .collect();
    if receivers.has_log {
        let told = notify(Log, incident, now).await;
        tested.push((LOG.to_owned(), told));
    }
    Ok(tested)
}

async fn tell(
    mut instance: Alertmanager,
    incident: Incident,
    now: Timestamp,
) -> Result<(), DeliveryError> {
    instance.lasts = LASTS;
    instance.send(&[&incident], now).await
}

async fn notify<N: Notify>(
    receiver: N,
    mut incident: Incident,
    now: Timestamp,
) -> Result<(), DeliveryError> {
    receiver.notify(&incident, Event::Opened, now).await?;
    incident.closed_at = Some(now);
    REASON.clone_into(&mut incident.closed_because);
    receiver.notify(&incident, Event::Closed, now).await
}
