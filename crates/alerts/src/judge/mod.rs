//! Which rules are broken, as of a view.
//!
//! What is not known decides nothing: a row that its owner has not published lately, a window with
//! few observations, an endpoint that only one of several agents has used lately. It opens no
//! incident, and an open one stays open.

mod endpoint;
#[cfg(test)]
pub(crate) mod made;
mod providers;
#[cfg(test)]
mod tests;

use sextant_incident::{AlertKey, Kind, Quantity, RuleName, Severity, Subject};
use sextant_measure::id::AgentId;
use sextant_measure::time::Timestamp;
use sextant_snapshot::row::AgentRow;

use self::endpoint::Reading;
use self::providers::Providers;
use crate::config::Resolved;
use crate::rule::{Condition, Rule};
use crate::view::View;

/// That a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) alert: AlertKey,
    pub(crate) kind: Kind,
    pub(crate) severity: Severity,
    pub(crate) evidence: Evidence,
}

/// How it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) worst: Option<Quantity>,
    pub(crate) reason: String,
}

/// How a rule stands about a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is broken.
    Breached(Evidence),
    /// It is kept, or nothing is left to tell by.
    Clear(&'static str),
    /// Nobody can tell.
    Unknown,
    /// There is no such rule about it any more.
    Gone(&'static str),
}

/// Why an incident is over, for people.
const RECOVERED: &str = "it has recovered";
const TOO_LITTLE: &str = "too little is observed to tell";
const UNLISTED: &str = "it is no longer observed";
const HEARD: &str = "it is heard of again";

/// Judges one view.
pub(crate) struct Judge<'v> {
    resolved: &'v Resolved,
    view: &'v View,
    now: Timestamp,
    /// Of each uptime rule, in the order of all rules.
    providers: Vec<Option<Providers<'v>>>,
}

impl<'v> Judge<'v> {
    pub(crate) fn new(resolved: &'v Resolved, view: &'v View, now: Timestamp) -> Self {
        let mut judge = Self {
            resolved,
            view,
            now,
            providers: Vec::new(),
        };
        let of_rule = |rule| Providers::of(&judge, rule);
        judge.providers = resolved.rules.iter().map(of_rule).collect();
        judge
    }

    /// All that is broken.
    pub(crate) fn breaches(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for (rule, providers) in self.resolved.rules.iter().zip(&self.providers) {
            let mut push = |subject, verdict| {
                if let Verdict::Breached(evidence) = verdict {
                    breaches.push(Breach {
                        alert: AlertKey {
                            rule: rule.name.clone(),
                            subject,
                        },
                        kind: rule.kind(),
                        severity: rule.severity,
                        evidence,
                    });
                }
            };
            match rule.condition {
                Condition::Observer => push(Subject::Fleet, self.fleet(rule.severity)),
                Condition::NoData { after_us } => {
                    for agent in self.view.agents() {
                        push(
                            Subject::Agent(agent.agent.clone()),
                            self.silence(agent, after_us),
                        );
                    }
                }
                _ => {
                    for reading in self.readings(rule) {
                        push(Subject::Endpoint(reading.id().clone()), reading.verdict());
                    }
                    for (provider, verdict) in providers.iter().flat_map(Providers::verdicts) {
                        push(Subject::Provider(provider.clone()), verdict);
                    }
                }
            }
        }
        breaches
    }

    /// How an alert stands that has an open incident.
    pub(crate) fn standing(&self, alert: &AlertKey) -> Verdict {
        let rules = self.resolved.rules.iter().zip(&self.providers);
        let Some((rule, providers)) = rules.into_iter().find(|(rule, _)| rule.name == alert.rule)
        else {
            return Verdict::Gone("there is no such rule any more");
        };
        match (&alert.subject, rule.condition) {
            (Subject::Fleet, Condition::Observer) => self.fleet(rule.severity),
            (Subject::Agent(agent), Condition::NoData { after_us }) => self.agent(agent, after_us),
            (Subject::Provider(provider), Condition::Uptime { .. }) => {
                let providers = providers.as_ref();
                providers.map_or(Verdict::Unknown, |it| it.standing(provider))
            }
            (Subject::Endpoint(id), _) if rule.is_about_endpoints() => {
                if !rule.scope.has(id) {
                    return Verdict::Gone("the rule is no longer about it");
                }
                match self.view.row(id) {
                    Some(row) => Reading::new(self, rule, row).verdict(),
                    None => self.unlisted(),
                }
            }
            _ => Verdict::Gone("the rule is no longer about it"),
        }
    }

    /// How far back what a rule goes by now reaches, in microseconds.
    pub(crate) fn sees_back_us(&self, rule: &RuleName) -> i64 {
        let rule = self.resolved.rules.iter().find(|it| it.name == *rule);
        rule.map_or(0, |rule| rule.condition.sees_back_us())
    }

    fn readings(&self, rule: &'v Rule) -> impl Iterator<Item = Reading<'v>> {
        let rows = self.view.rows().iter();
        let meant = rows.filter(|row| rule.scope.has(row.id()));
        meant.map(|row| Reading::new(self, rule, row))
    }

    /// A part of the fleet says nothing of more than half of it.
    fn fleet(&self, severity: Severity) -> Verdict {
        let providers = || self.providers.iter().flatten();
        if !self.view.is_whole || providers().any(Providers::is_stale) {
            return Verdict::Unknown;
        }
        let troubled = providers().filter_map(|it| it.troubled(severity));
        let worst = troubled.max_by_key(|it| it.0);
        match worst {
            Some((troubled, all)) => Verdict::Breached(Evidence {
                worst: Some(Quantity::ratio(troubled, all)),
                reason: format!(
                    "{troubled} of {all} providers are in trouble at once: rather than all of \
                     them, what observes them may be"
                ),
            }),
            None if self.view.observer_suspected => Verdict::Breached(Evidence {
                worst: None,
                reason: "more than half of all providers are down at once: rather than all of \
                         them, what observes them may be"
                    .to_owned(),
            }),
            None => Verdict::Clear(RECOVERED),
        }
    }

    fn agent(&self, agent: &AgentId, after_us: i64) -> Verdict {
        let agents = self.view.agents();
        match agents.binary_search_by(|row| row.agent.cmp(agent)) {
            Ok(place) => agents
                .get(place)
                .map_or(Verdict::Unknown, |row| self.silence(row, after_us)),
            Err(_) => self.unlisted(),
        }
    }

    /// By how far the owners have read, so that nobody seems silent whose word waits in the log.
    fn silence(&self, agent: &AgentRow, after_us: i64) -> Verdict {
        let Some(as_of) = self.view.as_of else {
            return Verdict::Unknown;
        };
        let silent_us = as_of.micros_since(agent.heard_at);
        if silent_us <= after_us {
            return Verdict::Clear(HEARD);
        }
        if !self.view.is_whole {
            return Verdict::Unknown;
        }
        let silent = Quantity::micros(silent_us.unsigned_abs());
        Verdict::Breached(Evidence {
            worst: Some(silent),
            reason: format!("nothing has been heard of it for {silent}"),
        })
    }

    fn unlisted(&self) -> Verdict {
        if self.view.is_whole {
            Verdict::Clear(UNLISTED)
        } else {
            Verdict::Unknown
        }
    }
}
