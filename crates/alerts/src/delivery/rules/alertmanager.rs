//! What must hold of an instance of Alertmanager.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use sextant_outbound::SecretSource;
use sextant_outbound::secret::ADVICE as SECRET_ADVICE;

use super::{BTreeSet, HeaderValue, Place, RECEIVERS_MAX, Rules};
use crate::delivery::config::AlertmanagerConfig;

/// What clients append themselves, and people copy along.
const ENDINGS: [&str; 2] = ["/alerts", "/api/v2"];
const URL_ADVICE: &str = "give its base, as http://alertmanager:9093";

/// One of which all holds.
pub(super) struct Instance {
    pub(super) place: Place,
    pub(super) authorization: Option<HeaderValue>,
}

impl Rules<'_> {
    pub(super) fn alertmanagers(&mut self, given: &[AlertmanagerConfig]) -> Vec<Instance> {
        self.count("alertmanagers", given.len());
        let mut seen = BTreeSet::new();
        let mut instances = Vec::new();
        for (n, config) in given.iter().take(RECEIVERS_MAX).enumerate() {
            let setting = format!("alertmanagers[{n}]");
            let url = format!("{setting}.url");
            let authorization = self.authorization(&setting, config);
            let Some(mut place) = self.place(&url, &config.url, URL_ADVICE) else {
                continue;
            };
            for ending in ENDINGS {
                if let Some(base) = place.path.strip_suffix(ending) {
                    place.path.truncate(base.len());
                }
            }
            if !seen.insert((place.authority.clone(), place.path.clone())) {
                let what = format!("{} stands there already", place.authority);
                self.push(&url, what, "name each instance once");
            }
            instances.push(Instance {
                place,
                authorization,
            });
        }
        instances
    }

    fn authorization(&mut self, setting: &str, config: &AlertmanagerConfig) -> Option<HeaderValue> {
        match (&config.token, &config.user, &config.password) {
            (None, None, None) => None,
            (Some(token), None, None) => {
                let value = token.header(self.secrets, "Bearer ");
                let wrong = |what| self.push(&format!("{setting}.token"), what, SECRET_ADVICE);
                value.map_err(wrong).ok()
            }
            (None, Some(user), Some(password)) => {
                let value = self.basic(user, password);
                let setting = format!("{setting}.password");
                let wrong = |what| self.push(&setting, what, SECRET_ADVICE);
                value.map_err(wrong).ok()
            }
            _ => {
                let what = "it has a token beside a user or password, or one of these alone";
                let advice = "give a token, or a user and a password, or nothing";
                self.push(setting, what.to_owned(), advice);
                None
            }
        }
    }

    /// As RFC 7617 has it.
    fn basic(&self, user: &str, password: &SecretSource) -> Result<HeaderValue, String> {
        if user.contains(':') || user.chars().any(char::is_control) {
            return Err("the user beside it has a colon or a control character".to_owned());
        }
        let password = password.text(self.secrets)?;
        let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
        let value = HeaderValue::from_str(&format!("Basic {pair}"));
        let mut value = value.map_err(|error| error.to_string())?;
        value.set_sensitive(true);
        Ok(value)
    }
}
