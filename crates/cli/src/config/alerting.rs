//! When to tell whom: the rules, and who is told.

use std::sync::Arc;

use sextant_alerts::config::Resolved;
use sextant_alerts::delivery::Receivers;

use super::Engines;
use super::rules::{Rules, secret};

/// When to tell whom.
#[derive(Debug, Clone)]
pub struct AlertSettings {
    /// The rules.
    pub rules: Arc<Resolved>,
    /// Who is told.
    pub receivers: Receivers,
}

impl Rules<'_> {
    /// Reads the secrets of receivers only for a process that tells them.
    pub(super) fn alerts(&mut self, engines: Engines) -> Option<AlertSettings> {
        let rules = self.config.alerts.resolve();
        let rules = rules.map_err(|wrong| {
            for one in wrong {
                self.blame_also("alerts", one.setting, &one.what, &one.advice);
            }
        });
        if !engines.receivers {
            return None;
        }
        let receivers = self.config.delivery.resolve(&secret);
        let receivers = receivers.map_err(|wrong| {
            for one in wrong {
                self.blame_also("delivery", &one.setting, &one.what, one.advice);
            }
        });
        Some(AlertSettings {
            rules: Arc::new(rules.ok()?),
            receivers: receivers.ok()?,
        })
    }
}
