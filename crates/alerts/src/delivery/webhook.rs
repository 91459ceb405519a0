//! Webhooks: a request for each event.
//!
//! ```json
//! {
//!   "id": "uptime-page/endpoint/meta-llama/llama-4-scout/groq/fp8@1795390207000000",
//!   "event": "closed",
//!   "alert": "uptime-page",
//!   "kind": "uptime",
//!   "severity": "page",
//!   "subject": "endpoint/meta-llama/llama-4-scout/groq/fp8",
//!   "model": "meta-llama/llama-4-scout",
//!   "provider": "groq",
//!   "quantization": "fp8",
//!   "agent": null,
//!   "opened_at": "2026-11-22T23:30:07Z",
//!   "closed_at": "2026-11-22T23:52:10Z",
//!   "worst": {"value": 0.4213, "unit": "ratio"},
//!   "reason": "…",
//!   "closed_because": "…",
//!   "sent_at": "2026-11-22T23:52:11.120332Z"
//! }
//! ```
//!
//! `id` names the incident and is the same in both of its events; `event` is `opened` or `closed`.
//! What a subject doesn't have is `null`, and so are `closed_at` of what was `opened` and `worst` where
//! nothing was measured.
//! `worst.unit` is `ratio` (of 1), `seconds` or `tokens_per_second`. `sent_at` is of this try.
//!
//! Headers are those of Standard Webhooks: `webhook-id` (the same each time that an event is tried),
//! `webhook-timestamp` (of this try, in seconds) and `webhook-signature`.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use sextant_incident::{Incident, Quantity};
use sextant_measure::time::Timestamp;
use sextant_wire::json::rfc3339;

use super::Event;
use super::about::About;
use super::error::DeliveryError;
use super::notifier::Notify;
use super::outbox::Filter;
use super::post::Post;
use super::signature::{Signer, message_id};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// One webhook.
#[derive(Debug, Clone)]
pub(super) struct Webhook {
    pub(super) name: String,
    pub(super) post: Post,
    pub(super) signer: Signer,
    pub(super) filter: Filter,
}

/// What is said of an event.
#[derive(Serialize)]
struct Body<'i> {
    id: String,
    event: &'static str,
    #[serde(flatten)]
    about: About<'i>,
    opened_at: String,
    closed_at: Option<String>,
    worst: Option<Worst>,
    reason: &'i str,
    closed_because: &'i str,
    sent_at: String,
}

#[derive(Serialize)]
struct Worst {
    value: f64,
    unit: &'static str,
}

impl Notify for Webhook {
    async fn notify(
        &self,
        incident: &Incident,
        event: Event,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let body = body(incident, event, now);
        let id = message_id(&format!("{}/{}", incident.id(), event.name()));
        let timestamp = now.as_micros().div_euclid(1_000_000);
        let mut headers = HeaderMap::new();
        headers.insert(TIMESTAMP, timestamp.into());
        for (name, text) in [
            (SIGNATURE, self.signer.sign(&id, timestamp, &body)),
            (ID, id),
        ] {
            // Both are ASCII.
            headers.extend(HeaderValue::try_from(text).map(|value| (name, value)));
        }
        self.post.send(headers, body).await
    }
}

fn body(incident: &Incident, event: Event, now: Timestamp) -> Bytes {
    let closed_at = incident.closed_at.filter(|_| event == Event::Closed);
    let body = Body {
        id: incident.id(),
        event: event.name(),
        about: About::of(incident),
        opened_at: rfc3339(incident.opened_at),
        closed_at: closed_at.map(rfc3339),
        worst: incident.worst.map(worst),
        reason: &incident.reason,
        closed_because: match event {
            Event::Opened => "",
            Event::Closed => &incident.closed_because,
        },
        sent_at: rfc3339(now),
    };
    // Nothing in it can fail to be written.
    serde_json::to_vec(&body).unwrap_or_default().into()
}

fn worst(quantity: Quantity) -> Worst {
    Worst {
        value: quantity.value(),
        unit: quantity.unit.name(),
    }
}
