//! What must hold of a webhook.

use secrecy::ExposeSecret as _;
use sextant_incident::{Kind, Severity};
use sextant_outbound::SecretSource;

use super::{BTreeSet, Place, RECEIVERS_MAX, Reach, Rules};
use crate::delivery::config::WebhookConfig;
use crate::delivery::log::NAME as LOG;
use crate::delivery::outbox::Filter;
use crate::delivery::signature::Signer;
use crate::recorder::NAME as STORE;

const NAME_BYTES_MAX: usize = 64;
const URL_ADVICE: &str = "give it as https://hooks.example.com/sextant";
const PRIVATE_ADVICE: &str = "set allow_private = true, if it is meant to be there";
const SECRET_ADVICE: &str = "write whsec_ and what `openssl rand -base64 32` prints into what holds \
    it, and nothing else";

/// One of which all holds.
pub(super) struct Hook {
    pub(super) name: String,
    pub(super) place: Place,
    /// Behind the place's own.
    pub(super) path: &'static str,
    pub(super) reach: Reach,
    pub(super) signer: Signer,
    pub(super) filter: Filter,
}

impl Rules<'_> {
    pub(super) fn webhooks(&mut self, given: &[WebhookConfig]) -> Vec<Hook> {
        self.count("webhooks", given.len());
        let mut seen = BTreeSet::new();
        let mut hooks = Vec::new();
        for (n, config) in given.iter().take(RECEIVERS_MAX).enumerate() {
            let setting = format!("webhooks[{n}]");
            self.name(&setting, &config.name);
            if !seen.insert(&config.name) {
                let what = format!("{:?} stands there already", config.name);
                self.push(&format!("{setting}.name"), what, "give each its own name");
            }
            hooks.extend(self.webhook(&setting, config));
        }
        hooks
    }

    fn webhook(&mut self, setting: &str, config: &WebhookConfig) -> Option<Hook> {
        let filter = Filter {
            severities: self.named(setting, "severities", &config.severities, Severity::parse),
            kinds: self.named(setting, "kinds", &config.kinds, Kind::parse),
        };
        let signer = self.signer(setting, &config.secret);
        let url = format!("{setting}.url");
        let place = self.place(&url, &config.url, URL_ADVICE)?;
        let mut reach = Reach::Anywhere;
        if !config.allow_private {
            reach = Reach::PublicOnly;
            if place.is_private() {
                let what = format!("{} is no public address", place.host());
                self.push(&url, what, PRIVATE_ADVICE);
            } else if !place.is_tls {
                let what = "what is sent can be read on its way by anyone".to_owned();
                self.push(&url, what, "give a url that begins with https://");
            }
        }
        Some(Hook {
            name: config.name.clone(),
            // A place has no slash at its end, and a webhook may.
            path: if config.url.ends_with('/') || place.path.is_empty() {
                "/"
            } else {
                ""
            },
            place,
            reach,
            signer: signer?,
            filter,
        })
    }

    fn name(&mut self, setting: &str, name: &str) {
        let is_name = (1..=NAME_BYTES_MAX).contains(&name.len())
            && name
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
        let setting = format!("{setting}.name");
        if !is_name {
            let what = format!("{name:?} is no name");
            self.push(&setting, what, "use 1 to 64 of a-z, 0-9, '_' and '-'");
        } else if name == STORE {
            let what = format!("{STORE:?} is the store");
            self.push(&setting, what, "give it another name");
        } else if name == LOG {
            let what = format!("{LOG:?} is the log");
            self.push(&setting, what, "give it another name");
        }
    }

    fn signer(&mut self, setting: &str, source: &SecretSource) -> Option<Signer> {
        let secret = source.text(self.secrets);
        let signer = secret.and_then(|secret| {
            let read = Signer::parse(secret.expose_secret());
            read.map_err(|why| format!("{source} {why}"))
        });
        let wrong = |what| self.push(&format!("{setting}.secret"), what, SECRET_ADVICE);
        signer.map_err(wrong).ok()
    }

    fn named<T>(
        &mut self,
        setting: &str,
        list: &str,
        names: &[String],
        parse: fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let mut read = Vec::new();
        for name in names {
            let Some(one) = parse(name) else {
                let what = format!("{name:?} is none");
                let advice = "use the names that rules have, or leave it out for all";
                self.push(&format!("{setting}.{list}"), what, advice);
                continue;
            };
            read.push(one);
        }
        read
    }
}
