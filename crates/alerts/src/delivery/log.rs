//! The log as a receiver.

use sextant_incident::Incident;
use sextant_measure::time::Timestamp;
use sextant_wire::json::rfc3339;

use super::Event;
use super::error::DeliveryError;
use super::notifier::Notify;

/// What the log is called among receivers.
pub(super) const NAME: &str = "log";

/// The log, which always hears.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log;

impl Notify for Log {
    async fn notify(
        &self,
        incident: &Incident,
        event: Event,
        _now: Timestamp,
    ) -> Result<(), DeliveryError> {
        say(incident, event);
        Ok(())
    }
}

fn say(incident: &Incident, event: Event) {
    let (alert, opened_at) = (&incident.alert, rfc3339(incident.opened_at));
    let (kind, severity) = (incident.kind.name(), incident.severity.name());
    let worst = incident.worst.map(|it| it.to_string()).unwrap_or_default();
    match event {
        Event::Opened => {
            let reason = &incident.reason;
            tracing::warn!(%alert, kind, severity, opened_at, worst, reason, "incident opened");
        }
        Event::Closed => {
            let closed_at = incident.closed_at.map(rfc3339).unwrap_or_default();
            let reason = &incident.closed_because;
            tracing::info!(
                %alert, kind, severity, opened_at, closed_at, worst, reason, "incident closed"
            );
        }
    }
}
