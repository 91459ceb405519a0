//! Who is told of incidents.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub use sextant_outbound::SecretSource;

pub use super::rules::Problem;

/// Who is told of incidents. Every field has a default, which tells the log and nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// All instances of Alertmanager, at most 16. Each is told of everything.
    pub alertmanagers: Vec<AlertmanagerConfig>,
    /// Webhooks, at most 16.
    pub webhooks: Vec<WebhookConfig>,
    /// Whether the log says when an incident is opened and closed. Default: true.
    pub log: bool,
    /// Seconds after which Alertmanager is told again what still fires. Default: 60.
    #[schemars(range(min = 1, max = 3_600))]
    pub resend_s: u32,
    /// Milliseconds that a receiver may take, from connecting to its answer. Default: 10,000.
    #[schemars(range(min = 100, max = 60_000))]
    pub timeout_ms: u32,
    /// Seconds after an event in which a webhook is tried, a week at most. Default: 86,400.
    #[schemars(range(min = 1, max = 604_800))]
    pub give_up_after_s: u32,
    /// Where people find the pages, as `https://sextant.example.com`: an alert of Alertmanager then
    /// links to its model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_url: Option<String>,
    /// Where it stands what to do: an alert of Alertmanager links to the section that is called as
    /// its kind, as `…#rate-limited`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runbook_url: Option<String>,
    /// Labels that each alert of Alertmanager has beside its own, at most 16.
    pub labels: BTreeMap<String, String>,
    /// PEM file of authorities that may vouch for receivers, in place of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// One instance of Alertmanager.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertmanagerConfig {
    /// Where it is, without `/api/v2`, as `http://alertmanager:9093`.
    pub url: String,
    /// A bearer token: `{ file = "…" }` or `{ env = "…" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretSource>,
    /// In place of a token, a user with a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The user's password: `{ file = "…" }` or `{ env = "…" }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretSource>,
}

/// One webhook.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// What it is called in metrics and in what is kept: 1 to 64 of a-z, 0-9, '_' and '-'. Under
    /// another name it is another receiver, which has heard of nothing.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// What signs what is sent, `whsec_` and 24 to 64 bytes in base64: `{ file = "…" }` or
    /// `{ env = "…" }`.
    pub secret: SecretSource,
    /// Whether it may be at an address that is not of the public internet. Default: false.
    #[serde(default)]
    pub allow_private: bool,
    /// Of which severities it is told. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub severities: Vec<String>,
    /// Of which kinds it is told. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            alertmanagers: Vec::new(),
            webhooks: Vec::new(),
            log: true,
            resend_s: 60,
            timeout_ms: 10_000,
            give_up_after_s: 86_400,
            page_url: None,
            runbook_url: None,
            labels: BTreeMap::new(),
            ca_file: None,
        }
    }
}
