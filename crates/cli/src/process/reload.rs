//! What changes while the process runs: told to, it reads its settings again.
//!
//! Taken over are the tokens, the catalog and what to log. Any other setting that has changed is
//! named and waits for the next start. If anything is wrong, all of it is named and everything
//! stays as it was.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use sextant_catalog::LiveCatalog;

use super::Job;
use crate::access::{Access, Guard};
use crate::config::{Key, Problems, Setting, Settings};
use crate::environment::Environment;
use crate::telemetry::{LISTS, LiveFilter};

/// Reads the settings again, and puts in force what can be.
pub(super) struct Reload<'p> {
    pub(super) job: Job<'p>,
    pub(super) environment: &'p Environment,
    /// As they were at the start.
    pub(super) started: &'p Settings,
    pub(super) guard: Guard,
    pub(super) catalog: LiveCatalog,
    pub(super) filter: LiveFilter,
    pub(super) counted: Counted,
}

/// How it went, each time.
pub(super) struct Counted {
    taken: Counter,
    refused: Counter,
}

impl Counted {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let family = Family::<[(&str, &str); 1], Counter>::default();
        let help = "Times the settings were read again";
        registry.register("sextant_settings_readings", help, family.clone());
        let counter = |outcome| family.get_or_create(&[("outcome", outcome)]).clone();
        Self {
            taken: counter("taken"),
            refused: counter("refused"),
        }
    }
}

impl Reload<'_> {
    /// Says in the process' own log what came of it.
    pub(super) fn run(&self) {
        match self.job.settings(self.environment) {
            Ok(settings) => {
                self.take(settings);
                self.counted.taken.inc();
                tracing::info!("the settings were read again");
            }
            Err(problems) => {
                self.counted.refused.inc();
                say(&problems);
            }
        }
    }

    fn take(&self, settings: Settings) {
        for key in waiting(self.started.all(), settings.all()) {
            tracing::warn!(target: LISTS, setting = %key, "has changed, and holds from the next start on");
        }
        if let Err(error) = self.filter.replace(&settings.config.telemetry.filter) {
            tracing::warn!("telemetry.filter stays as it was: {error:#}");
        }
        // Whether there are tokens at all was weighed against the addresses that are listened on.
        if let (Access::Tokens(_), Access::Tokens(tokens)) = (&self.started.access, settings.access)
        {
            self.guard.replace(tokens);
        }
        self.catalog.replace(settings.catalog);
    }
}

fn say(problems: &Problems) {
    for problem in problems.listed() {
        tracing::error!(target: LISTS, "{problem}");
    }
    let count = problems.count();
    tracing::error!(
        count,
        "all settings stay as they were, for what is wrong with them"
    );
}

/// The settings that have changed since the start and can't change while the process runs.
fn waiting<'s>(started: &[Setting], read: &'s [Setting]) -> Vec<&'s Key> {
    let waits = |(was, is): &(&Setting, &Setting)| {
        let may_change = match (is.key.section.as_str(), is.key.name.as_str()) {
            ("catalog", "file") | ("telemetry", "filter") => true,
            ("access", "token_file") => was.value.is_some() && is.value.is_some(),
            _ => false,
        };
        was.value != is.value && !may_change
    };
    let pairs = started.iter().zip(read).filter(waits);
    pairs.map(|(_, is)| &is.key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn setting(section: &str, name: &str, value: Option<&str>) -> Setting {
        Setting {
            key: Key {
                section: section.to_owned(),
                name: name.to_owned(),
            },
            value: value.map(|text| toml::Value::String(text.to_owned())),
            source: Source::Default,
        }
    }

    #[test]
    fn only_what_cannot_change_while_it_runs_waits() {
        for (section, name, was, is, waits) in [
            ("http", "listen", Some("a"), Some("b"), true),
            ("http", "listen", Some("a"), Some("a"), false),
            ("catalog", "file", None, Some("b"), false),
            ("telemetry", "filter", Some("a"), Some("b"), false),
            ("telemetry", "format", Some("a"), Some("b"), true),
            ("access", "token_file", Some("a"), Some("b"), false),
            ("access", "token_file", None, Some("b"), true),
            ("access", "token_file", Some("a"), None, true),
        ] {
            let (was, is) = (setting(section, name, was), setting(section, name, is));
            assert_eq!(
                waiting(&[was], &[is]).len(),
                usize::from(waits),
                "{section}.{name}"
            );
        }
    }
}
