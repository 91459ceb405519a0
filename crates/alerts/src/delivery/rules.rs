//! What must hold of a configuration, and what comes of one of which all of it does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;
use sextant_outbound::secret::Secrets;
use sextant_outbound::{Client, Place, Reach, shown, tls};

use super::alertmanager::{Alertmanager, Extras, LABELS, PATH, RESENDS};
use super::config::Config;
use super::post::Post;
use super::receivers::Receivers;
use super::webhook::Webhook;

mod alertmanager;
mod webhook;

const AGENT: &str = concat!("sextant-alerts/", env!("CARGO_PKG_VERSION"));
const RECEIVERS_MAX: usize = 16;
const LABELS_MAX: usize = 16;
const LABEL_BYTES_MAX: usize = 256;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, without its section, as `webhooks[0].url`.
    pub setting: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
}

impl Config {
    /// Reads the secrets by `secrets`, which gives each or says why not, and makes everything ready
    /// to be used.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn resolve(&self, secrets: &Secrets<'_>) -> Result<Receivers, Vec<Problem>> {
        let mut rules = Rules {
            secrets,
            wrong: Vec::new(),
        };
        rules.range("resend_s", self.resend_s, 1, 3_600);
        rules.range("timeout_ms", self.timeout_ms, 100, 60_000);
        rules.range("give_up_after_s", self.give_up_after_s, 1, 604_800);
        let extras = Arc::new(rules.extras(self));
        let alertmanagers = rules.alertmanagers(&self.alertmanagers);
        let webhooks = rules.webhooks(&self.webhooks);
        let places = alertmanagers.iter().map(|it| &it.place);
        let mut places = places.chain(webhooks.iter().map(|it| &it.place));
        let has_tls = places.any(|place| place.is_tls) || self.ca_file.is_some();
        let tls = has_tls.then(|| tls::client(self.ca_file.as_deref()));
        let tls = tls.transpose().unwrap_or_else(|what| {
            let advice = "name a PEM file with at least one certificate in ca_file";
            rules.push("ca_file", what, advice);
            None
        });
        if !rules.wrong.is_empty() {
            return Err(rules.wrong);
        }
        let post = |place, path, authorization, reach| Post {
            client: Client::new(AGENT, tls.clone(), reach),
            place,
            path,
            authorization,
            wait_max: Duration::from_millis(self.timeout_ms.into()),
        };
        let resend = Duration::from_secs(self.resend_s.into());
        let alertmanagers = alertmanagers.into_iter().map(|given| Alertmanager {
            name: format!("alertmanager@{}", given.place.authority),
            post: post(given.place, PATH, given.authorization, Reach::Anywhere),
            resend,
            lasts: resend * RESENDS,
            extras: Arc::clone(&extras),
        });
        let webhooks = webhooks.into_iter().map(|given| Webhook {
            name: given.name,
            post: post(given.place, given.path, None, given.reach),
            signer: given.signer,
            filter: given.filter,
        });
        Ok(Receivers {
            alertmanagers: alertmanagers.collect(),
            webhooks: webhooks.collect(),
            has_log: self.log,
            give_up_after: Duration::from_secs(self.give_up_after_s.into()),
        })
    }
}

struct Rules<'r> {
    secrets: &'r Secrets<'r>,
    wrong: Vec<Problem>,
}

impl Rules<'_> {
    fn range(&mut self, setting: &str, given: u32, least: u32, most: u32) {
        if !(least..=most).contains(&given) {
            let what = format!("{given} is not in {least} to {most}");
            self.push(setting, what, "give one that is, or leave it out");
        }
    }

    fn extras(&mut self, config: &Config) -> Extras {
        let mut base = |setting: &str, url: &Option<String>| {
            let url = url.as_ref()?;
            if let Err(why) = Place::parse(url) {
                let what = format!("{:?}: {why}", shown(url));
                self.push(setting, what, "give it as https://sextant.example.com");
            }
            Some(url.trim_end_matches('/').to_owned())
        };
        let page_url = base("page_url", &config.page_url);
        let runbook_url = base("runbook_url", &config.runbook_url);
        if config.labels.len() > LABELS_MAX {
            let what = format!("{} are more than {LABELS_MAX}", config.labels.len());
            self.push("labels", what, "leave some out");
        }
        for (name, value) in &config.labels {
            self.label(name, value);
        }
        Extras {
            page_url,
            runbook_url,
            labels: config.labels.clone(),
        }
    }

    fn label(&mut self, name: &str, value: &str) {
        let setting = "labels";
        let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        let is_name = name.starts_with(is_letter)
            && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
            && name.len() <= LABEL_BYTES_MAX;
        if !is_name {
            let what = format!("{name:?} is no name of a label");
            self.push(setting, what, "use letters, digits and '_', no digit first");
        }
        if LABELS.contains(&name) {
            let what = format!("{name} is what every alert has of itself");
            self.push(setting, what, "give it another name");
        }
        let is_value = (1..=LABEL_BYTES_MAX).contains(&value.len());
        if !is_value || value.chars().any(char::is_control) {
            let what = format!("the value of {name:?} is empty, too long, or not on one line");
            self.push(setting, what, "give 1 to 256 bytes");
        }
    }

    /// Where one receiver of a list is. What is wrong doesn't repeat it: paths hold secrets.
    fn place(&mut self, setting: &str, url: &str, advice: &'static str) -> Option<Place> {
        let wrong = |why: &str| self.push(setting, why.to_owned(), advice);
        Place::parse(url).map_err(wrong).ok()
    }

    fn count(&mut self, setting: &str, given: usize) {
        if given > RECEIVERS_MAX {
            let what = format!("{given} are more than {RECEIVERS_MAX}");
            self.push(setting, what, "leave some out");
        }
    }

    fn push(&mut self, setting: &str, what: String, advice: &'static str) {
        self.wrong.push(Problem {
            setting: setting.to_owned(),
            what,
            advice,
        });
    }
}
