//! Who is to hear of an incident before it is let go of.

use std::collections::BTreeSet;

use sextant_incident::{Delivery, Incident};

use super::outbox::Filter;
use crate::book::events;

/// Who is to hear of an incident before it is let go of, each of those that it is meant for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Audience(Vec<(String, Filter)>);

impl Audience {
    pub(super) fn add(&mut self, name: &str, filter: Filter) {
        self.0.push((name.to_owned(), filter));
    }

    /// Also someone who hears of everything.
    #[must_use]
    pub(crate) fn with(mut self, name: &str) -> Self {
        self.add(name, Filter::default());
        self
    }

    /// Whether all of them have heard of all that has happened to it.
    pub(crate) fn has_heard(&self, incident: &Incident, delivered: &BTreeSet<Delivery>) -> bool {
        let mut meant = self.0.iter().filter(|(_, filter)| filter.wants(incident));
        meant.all(|(name, _)| {
            events(incident).all(|event| {
                let receiver = name.clone();
                delivered.contains(&Delivery { receiver, event })
            })
        })
    }
}
