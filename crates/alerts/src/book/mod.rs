//! Incidents, from their opening until everyone has heard of their end. Values only: what changes
//! is told, and whoever holds the book makes it durable.
//!
//! One trouble is one incident: where a wider or more urgent incident stands, no narrower one is
//! opened beside it, and one that stood before ends in it. That holds as long as a rule's shorter
//! window still sees what was before the wider one's end.

mod entry;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use sextant_incident::{AlertKey, Incident, REASON_BYTES_MAX};
use sextant_measure::time::Timestamp;
use sextant_wire::alerts::Held;

use self::entry::Course as _;
use crate::delivery::{Audience, Board, Delivery, Event, Posted};
use crate::judge::{Breach, Judge, Verdict};

/// For so long after its end an incident is told to those that keep no state of their own.
const TOLD_AFTER_US: i64 = 5 * 60 * 1_000_000;
/// For so long someone who has not heard of an incident's end is waited for.
const WAITED_FOR_US: i64 = 25 * 60 * 60 * 1_000_000;
/// Ended incidents that one alert keeps.
const ENDED_MAX: usize = 8;

/// What the book goes by.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// For how long a condition must have been over.
    pub(crate) resolve_after_us: i64,
    /// Open incidents of each severity, so that tickets take no room from pages.
    pub(crate) incidents_max: usize,
    /// For how long ended incidents may still cover others.
    pub(crate) covers_for_us: i64,
    /// Who is to hear of each event.
    pub(crate) audience: Audience,
}

/// Incidents, from their opening until everyone has heard of their end.
#[derive(Debug)]
pub(crate) struct Book {
    terms: Terms,
    /// Of each alert the oldest first; only the last may be open.
    alerts: BTreeMap<AlertKey, Vec<Held>>,
    changed: BTreeSet<AlertKey>,
    is_full: bool,
}

/// What an evaluation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    pub(crate) opened: usize,
    pub(crate) closed: usize,
    /// Breaches that a wider or more urgent incident covers.
    pub(crate) covered: usize,
    /// Breaches for which there was no room.
    pub(crate) refused: usize,
}

impl Book {
    pub(crate) fn new(terms: Terms) -> Self {
        Self {
            terms,
            alerts: BTreeMap::new(),
            changed: BTreeSet::new(),
            is_full: false,
        }
    }

    /// Takes over what another has written.
    pub(crate) fn restore(&mut self, left: BTreeMap<AlertKey, Vec<Held>>) {
        self.alerts = left;
    }

    /// Opens and closes incidents by what is judged now.
    pub(crate) fn evaluate(&mut self, judge: &Judge<'_>, now: Timestamp) -> Outcome {
        let mut outcome = Outcome::default();
        let mut breaches = judge.breaches();
        // The widest and most urgent first, so that it covers the others.
        breaches.sort_by_key(|breach| (entry::width(&breach.alert.subject), breach.severity));
        let mut holding = BTreeSet::new();
        for breach in breaches {
            holding.insert(breach.alert.clone());
            self.breached(breach, judge, now, &mut outcome);
        }
        let open: Vec<_> = self
            .open()
            .map(|entry| entry.incident.alert.clone())
            .collect();
        for alert in open.iter().filter(|alert| !holding.contains(alert)) {
            self.not_breached(alert, &judge.standing(alert), now, &mut outcome);
        }
        self.end_covered(now, &mut outcome);
        self.forget(now);
        outcome
    }

    /// Notes that a receiver has heard of an event.
    pub(crate) fn heard(&mut self, alert: &AlertKey, opened_at: Timestamp, delivery: Delivery) {
        let entries = self.alerts.get_mut(alert).into_iter().flatten();
        let of_incident = |entry: &&mut Held| entry.incident.opened_at == opened_at;
        if let Some(entry) = entries.into_iter().find(of_incident)
            && entry.delivered.insert(delivery)
        {
            self.changed.insert(alert.clone());
        }
    }

    /// Alerts that changed since the last call.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<AlertKey> {
        std::mem::take(&mut self.changed)
    }

    /// They are to be made durable again.
    pub(crate) fn changed_still(&mut self, alerts: impl IntoIterator<Item = AlertKey>) {
        self.changed.extend(alerts);
    }

    /// All of them are.
    pub(crate) fn all_changed(&mut self) {
        self.changed.extend(self.alerts.keys().cloned());
    }

    /// What is held of an alert; nothing if everyone has heard everything.
    pub(crate) fn held(&self, alert: &AlertKey) -> &[Held] {
        self.alerts.get(alert).map_or(&[], Vec::as_slice)
    }

    /// Everything that someone may still have to hear of.
    pub(crate) fn board(&self, now: Timestamp) -> Board {
        let entries = self.alerts.values().flatten();
        let due = entries.filter(|entry| !entry.is_told(&self.terms.audience, now));
        let posted = due.map(|entry| Posted {
            incident: entry.incident.clone(),
            delivered: entry.delivered.clone(),
        });
        posted.collect()
    }

    /// Open incidents.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Held> {
        let last = self.alerts.values().filter_map(|entries| entries.last());
        last.filter(|entry| entry.incident.is_open())
    }

    fn open_of(&mut self, alert: &AlertKey) -> Option<&mut Held> {
        let last = self.alerts.get_mut(alert)?.last_mut()?;
        last.incident.is_open().then_some(last)
    }

    fn breached(
        &mut self,
        breach: Breach,
        judge: &Judge<'_>,
        now: Timestamp,
        outcome: &mut Outcome,
    ) {
        if let Some(entry) = self.open_of(&breach.alert) {
            if entry.goes_on(&breach) {
                self.changed.insert(breach.alert);
            }
            return;
        }
        let sees_back_us = judge.sees_back_us(&breach.alert.rule);
        let entries = self.alerts.values().flatten();
        let mut covering = entries.filter(|entry| entry.covers_at(now, sees_back_us));
        if covering.any(|entry| entry::covers(&entry.incident, &breach)) {
            outcome.covered += 1;
            return;
        }
        let alike = self.open();
        let alike = alike.filter(|entry| entry.incident.severity == breach.severity);
        if alike.count() >= self.terms.incidents_max {
            outcome.refused += 1;
            if !std::mem::replace(&mut self.is_full, true) {
                tracing::error!(
                    max = self.terms.incidents_max,
                    "no more incidents are opened; raise alerts.incidents_max, or narrow the rules"
                );
            }
            return;
        }
        self.is_full = false;
        outcome.opened += 1;
        let Breach {
            alert,
            kind,
            severity,
            evidence,
        } = breach;
        let entries = self.alerts.entry(alert.clone()).or_default();
        entries.push(Held {
            incident: Incident {
                alert: alert.clone(),
                kind,
                severity,
                // Two incidents of one alert never share their first moment.
                opened_at: entries
                    .last()
                    .map_or(now, |last| now.max(last.incident.opened_at.plus_micros(1))),
                closed_at: None,
                worst: evidence.worst,
                reason: short(evidence.reason),
                closed_because: String::new(),
            },
            clear_since: None,
            delivered: BTreeSet::new(),
        });
        let surplus = entries.len().saturating_sub(ENDED_MAX + 1);
        entries.drain(..surplus);
        self.changed.insert(alert);
    }

    fn not_breached(
        &mut self,
        alert: &AlertKey,
        verdict: &Verdict,
        now: Timestamp,
        outcome: &mut Outcome,
    ) {
        let resolve_after_us = self.terms.resolve_after_us;
        let Some(entry) = self.open_of(alert) else {
            return;
        };
        let has_changed = match verdict {
            Verdict::Breached(_) => false,
            Verdict::Unknown => entry.clear_since.take().is_some(),
            Verdict::Gone(why) => {
                entry.close(now, (*why).to_owned());
                true
            }
            Verdict::Clear(why) => {
                let is_new = entry.clear_since.is_none();
                // A clock may have been set back.
                let since = now.min(*entry.clear_since.get_or_insert(now));
                entry.clear_since = Some(since);
                let is_over = now.micros_since(since) >= resolve_after_us;
                if is_over {
                    entry.close(now, (*why).to_owned());
                }
                is_new || is_over
            }
        };
        let has_ended = !entry.incident.is_open();
        outcome.closed += usize::from(has_ended);
        if has_changed {
            self.changed.insert(alert.clone());
        }
    }

    /// Ends what a wider or more urgent incident, opened since, stands for.
    fn end_covered(&mut self, now: Timestamp, outcome: &mut Outcome) {
        let covered_by = |one: &Held| {
            let mut others = self.open();
            let wider = others.find(|other| entry::covers(&other.incident, &one.incident));
            wider.map(|other| other.incident.alert.clone())
        };
        let covered: Vec<_> = self
            .open()
            .filter_map(|one| Some((one.incident.alert.clone(), covered_by(one)?)))
            .collect();
        for (alert, by) in covered {
            if let Some(entry) = self.open_of(&alert) {
                entry.close(now, format!("it grew into {by}"));
                outcome.closed += 1;
                self.changed.insert(alert);
            }
        }
    }

    /// Lets go of what everyone has heard and nothing rests on any more.
    fn forget(&mut self, now: Timestamp) {
        let Terms {
            covers_for_us,
            audience,
            ..
        } = &self.terms;
        let changed = &mut self.changed;
        self.alerts.retain(|alert, entries| {
            let before = entries.len();
            entries.retain(|entry| {
                !entry.is_told(audience, now) || !entry.ended_before(now, *covers_for_us)
            });
            if entries.len() < before {
                changed.insert(alert.clone());
            }
            !entries.is_empty()
        });
    }
}

/// Cut at a character, never within one.
fn short(text: String) -> String {
    let mut text = text;
    let end = text.floor_char_boundary(REASON_BYTES_MAX);
    text.truncate(end);
    text
}

/// All that a receiver is to hear of an incident.
pub(crate) fn events(incident: &Incident) -> impl Iterator<Item = Event> {
    let is_open = incident.is_open();
    let all = Event::ALL.into_iter();
    all.filter(move |event| !is_open || *event == Event::Opened)
}
