//! What must hold of a configuration, and what comes of one of which all of it does.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use sextant_incident::{RuleName, Severity};
use sextant_measure::figures::Percentile;

use super::objective::{Objective, Objectives};
use super::rule::{KindName, PercentileName, RuleConfig, SeverityName};
use super::{Config, ObjectiveConfig};
use crate::rule::{Condition, Rule, Scope};

const RULES_MAX: usize = 100;
const OBJECTIVES_MAX: usize = 10_000;
/// Shorter silence is that of a sender with nothing to say.
const SILENCE_S_MIN: u32 = 15;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, without its section.
    pub setting: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

/// A configuration without a problem.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub(crate) rules: Vec<Rule>,
    pub(crate) objectives: Objectives,
    pub(crate) observations_min: u64,
    pub(crate) agents_min: u8,
    pub(crate) evaluate_interval: Duration,
    pub(crate) resolve_after_us: i64,
    pub(crate) row_age_us_max: i64,
    pub(crate) incidents_max: usize,
}

impl Config {
    /// Reads the names, and sees that each rule can fire and has what it needs.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn resolve(&self) -> Result<Resolved, Vec<Problem>> {
        let mut problems = Problems::default();
        problems.range(
            "evaluate_interval_ms",
            self.evaluate_interval_ms,
            100,
            60_000,
        );
        problems.range("agents_min", self.agents_min.into(), 1, 16);
        problems.range("resolve_after_s", self.resolve_after_s, 0, 86_400);
        problems.range("row_age_s_max", self.row_age_s_max, 15, 3_600);
        let objectives = problems.objectives(self);
        let rules = problems.rules(&self.rules);
        for rule in &rules {
            problems.can_fire(rule, &objectives);
        }
        if !problems.0.is_empty() {
            return Err(problems.0);
        }
        Ok(Resolved {
            rules,
            objectives,
            observations_min: self.observations_min.get().into(),
            agents_min: self.agents_min,
            evaluate_interval: self.evaluate_interval(),
            resolve_after_us: seconds(self.resolve_after_s),
            row_age_us_max: seconds(self.row_age_s_max),
            incidents_max: usize::try_from(self.incidents_max.get()).unwrap_or(usize::MAX),
        })
    }
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn push(&mut self, setting: &'static str, what: String, advice: impl Into<String>) {
        let advice = advice.into();
        self.0.push(Problem {
            setting,
            what,
            advice,
        });
    }

    fn range(&mut self, setting: &'static str, given: u32, min: u32, max: u32) {
        if !(min..=max).contains(&given) {
            let what = format!("{given} is out of range");
            self.push(setting, what, format!("give {min} to {max}"));
        }
    }

    fn few(&mut self, setting: &'static str, given: usize, max: usize) {
        if given > max {
            let what = format!("{given} are more than {max}");
            self.push(setting, what, "take some out");
        }
    }

    fn share(&mut self, setting: &'static str, of: &str, given: f64) {
        if !(given > 0.0 && given < 1.0) {
            let what = format!("{of}{given} is no share between 0 and 1");
            self.push(setting, what, "give a number like 0.99");
        }
    }

    fn name<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        setting: &'static str,
        of: &str,
        text: &str,
    ) -> Option<T> {
        match text.parse() {
            Ok(name) => Some(name),
            Err(error) => {
                self.push(setting, format!("{of}{text:?}: {error}"), "correct it");
                None
            }
        }
    }

    fn objectives(&mut self, config: &Config) -> Objectives {
        const SETTING: &str = "objectives";
        self.share("objective", "", config.objective);
        self.few(SETTING, config.objectives.len(), OBJECTIVES_MAX);
        let mut seen = BTreeSet::new();
        let mut others = Vec::new();
        for (place, given) in (1_usize..).zip(&config.objectives) {
            let of = format!("number {place}: ");
            let ObjectiveConfig {
                model,
                provider,
                uptime,
            } = given;
            self.share(SETTING, &of, *uptime);
            if model.is_none() && provider.is_none() {
                let what = format!("{of}it names neither a model nor a provider");
                self.push(SETTING, what, "name one, or set objective for all");
            }
            if !seen.insert((model, provider)) {
                let what = format!("{of}it is for the same as one before");
                self.push(SETTING, what, "keep one of them");
            }
            let model = model.as_ref().map(|text| self.name(SETTING, &of, text));
            let provider = provider.as_ref().map(|text| self.name(SETTING, &of, text));
            if model != Some(None) && provider != Some(None) {
                others.push(Objective {
                    model: model.flatten(),
                    provider: provider.flatten(),
                    uptime: *uptime,
                });
            }
        }
        Objectives {
            usual: config.objective,
            others,
        }
    }

    fn rules(&mut self, given: &[RuleConfig]) -> Vec<Rule> {
        const SETTING: &str = "rules";
        self.few(SETTING, given.len(), RULES_MAX);
        let mut seen = BTreeSet::new();
        let mut rules = Vec::new();
        for (place, given) in (1_usize..).zip(given) {
            let of = format!("number {place} ({}): ", given.name);
            if !seen.insert(&given.name) {
                let what = format!("{of}another one is called so, too");
                self.push(SETTING, what, "give each a name of its own");
            }
            let name: Option<RuleName> = self.name(SETTING, &of, &given.name);
            let scope = self.scope(&of, given);
            let condition = self.condition(&of, given);
            if let (Some(name), Some(condition)) = (name, condition) {
                rules.push(Rule {
                    name,
                    severity: given.severity.into(),
                    condition,
                    scope,
                });
            }
        }
        rules
    }

    fn scope(&mut self, of: &str, given: &RuleConfig) -> Scope {
        let mut scope = Scope::default();
        for text in &given.models {
            scope.models.extend(self.name("rules", of, text));
        }
        for text in &given.providers {
            scope.providers.extend(self.name("rules", of, text));
        }
        let is_about_all = matches!(given.kind, KindName::NoData | KindName::Observer);
        if is_about_all && scope != Scope::default() {
            let what = format!("{of}it is about no model and no provider");
            self.push("rules", what, "leave models and providers out");
        }
        scope
    }

    fn condition(&mut self, of: &str, given: &RuleConfig) -> Option<Condition> {
        let before = self.0.len();
        self.fields(of, given);
        self.limits(of, given);
        let condition = match given.kind {
            KindName::Uptime => Condition::Uptime {
                burn_rate: given.burn_rate?,
                long: given.window?,
                short: given.short_window?,
            },
            KindName::RateLimited => Condition::RateLimited {
                above: given.above_ratio?,
            },
            KindName::Latency => Condition::Latency {
                percentile: given.percentile?.into(),
                above_us: thousandths(given.above_ms?)?,
            },
            KindName::Throughput => Condition::Throughput {
                percentile: given.percentile?.into(),
                below_mtps: thousandths(given.below_tps?)?,
            },
            KindName::NoData => Condition::NoData {
                after_us: seconds(given.after_s?),
            },
            KindName::Observer => Condition::Observer,
        };
        (self.0.len() == before).then_some(condition)
    }

    /// Whether those fields are given that the kind needs, and no others.
    fn fields(&mut self, of: &str, given: &RuleConfig) {
        let needed: &[&str] = match given.kind {
            KindName::Uptime => &["burn_rate", "window", "short_window"],
            KindName::RateLimited => &["above_ratio"],
            KindName::Latency => &["percentile", "above_ms"],
            KindName::Throughput => &["percentile", "below_tps"],
            KindName::NoData => &["after_s"],
            KindName::Observer => &[],
        };
        let fields = [
            ("burn_rate", given.burn_rate.is_some()),
            ("window", given.window.is_some()),
            ("short_window", given.short_window.is_some()),
            ("percentile", given.percentile.is_some()),
            ("above_ms", given.above_ms.is_some()),
            ("below_tps", given.below_tps.is_some()),
            ("above_ratio", given.above_ratio.is_some()),
            ("after_s", given.after_s.is_some()),
        ];
        for (field, is_given) in fields {
            match (needed.contains(&field), is_given) {
                (true, false) => {
                    let what = format!("{of}{field} is missing");
                    self.push("rules", what, format!("give {}", needed.join(", ")));
                }
                (false, true) => {
                    let what = format!("{of}{field} means nothing to this kind");
                    self.push("rules", what, format!("take {field} out"));
                }
                (true, true) | (false, false) => {}
            }
        }
    }

    /// Whether what is given makes sense by itself.
    fn limits(&mut self, of: &str, given: &RuleConfig) {
        if let (Some(long), Some(short)) = (given.window, given.short_window)
            && short >= long
        {
            let what = format!(
                "{of}short_window ({}) is not shorter than window ({})",
                short.name(),
                long.name()
            );
            self.push(
                "rules",
                what,
                "give a shorter one: the windows are 1m, 5m, 30m, 6h, 1d",
            );
        }
        let positive = [
            ("burn_rate", given.burn_rate),
            ("above_ms", given.above_ms),
            ("below_tps", given.below_tps),
            ("above_ratio", given.above_ratio),
        ];
        for (field, value) in positive {
            if value.is_some_and(|value| !(value > 0.0 && value.is_finite())) {
                let what = format!("{of}{field} is not above 0");
                self.push("rules", what, "give a positive number");
            }
        }
        if given.above_ratio.is_some_and(|value| value > 1.0) {
            let what = format!("{of}above_ratio is more than all of it: it could never fire");
            self.push("rules", what, "give a share of at most 1");
        }
        if given.after_s.is_some_and(|value| value < SILENCE_S_MIN) {
            let what = format!("{of}after_s is shorter than {SILENCE_S_MIN}");
            self.push("rules", what, format!("give at least {SILENCE_S_MIN}"));
        }
    }

    /// More errors than there are attempts never come.
    fn can_fire(&mut self, rule: &Rule, objectives: &Objectives) {
        let Condition::Uptime { burn_rate, .. } = rule.condition else {
            return;
        };
        let usual = Objective {
            model: None,
            provider: None,
            uptime: objectives.usual,
        };
        for objective in std::iter::once(&usual).chain(&objectives.others) {
            let budget = 1.0 - objective.uptime;
            if !objective.meets(&rule.scope) || burn_rate * budget < 1.0 - 1e-9 {
                continue;
            }
            let what = format!(
                "{}: it could never fire with the objective {}{}: errors cannot come {burn_rate} \
                 times as fast as the {:.4} that it allows",
                rule.name,
                objective.uptime,
                objective.of_whom(),
                budget
            );
            let advice = format!("give a burn_rate below {:.2}", 1.0 / budget);
            self.push("rules", what, advice);
        }
    }
}

impl Objective {
    /// Whether there may be an endpoint of the scope that it is for.
    fn meets(&self, scope: &Scope) -> bool {
        let model = self.model.as_ref();
        let provider = self.provider.as_ref();
        model.is_none_or(|it| scope.models.is_empty() || scope.models.contains(it))
            && provider.is_none_or(|it| scope.providers.is_empty() || scope.providers.contains(it))
    }

    fn of_whom(&self) -> String {
        let model = self.model.as_ref().map(|it| format!(" of {it}"));
        let provider = self.provider.as_ref().map(|it| format!(" at {it}"));
        [model, provider].into_iter().flatten().collect()
    }
}

impl From<SeverityName> for Severity {
    fn from(name: SeverityName) -> Self {
        match name {
            SeverityName::Page => Self::Page,
            SeverityName::Ticket => Self::Ticket,
        }
    }
}

impl From<PercentileName> for Percentile {
    fn from(name: PercentileName) -> Self {
        match name {
            PercentileName::P50 => Self::P50,
            PercentileName::P75 => Self::P75,
            PercentileName::P90 => Self::P90,
            PercentileName::P95 => Self::P95,
            PercentileName::P99 => Self::P99,
        }
    }
}

fn seconds(seconds: u32) -> i64 {
    i64::from(seconds) * 1_000_000
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "of what is checked to be positive; as casts saturate"
)]
fn thousandths(given: f64) -> Option<u64> {
    (given > 0.0 && given.is_finite()).then(|| (given * 1_000.0).round() as u64)
}
