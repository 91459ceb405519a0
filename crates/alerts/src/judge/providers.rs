//! Which providers are in trouble as a whole, by one rule on uptime.
//!
//! Endpoints of one provider fail together more often than not. If more than half of them burn
//! their budgets in the shorter window at the moment when the first of them breaks the rule, one
//! incident is about the provider; they need not break it one after another.

use std::collections::BTreeMap;

use sextant_incident::{Quantity, Severity};
use sextant_measure::figures::minimum;
use sextant_measure::id::ProviderId;

use super::endpoint::Reading;
use super::{Evidence, Judge, RECOVERED, TOO_LITTLE, UNLISTED, Verdict};
use crate::config::Window;
use crate::rule::{Condition, Rule, Scope};

/// Below this many providers, that more than half are in trouble says nothing of the observer.
const PROVIDERS_MIN: u64 = 5;
/// A provider with one endpoint is that endpoint.
const ENDPOINTS_MIN: u64 = 2;

/// All providers, as one rule sees them.
pub(super) struct Providers<'v> {
    tallies: BTreeMap<&'v ProviderId, Tally>,
    is_whole: bool,
    rule: &'v Rule,
}

/// Endpoints of a provider.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// With enough observations in both windows, of enough agents.
    judged: u64,
    /// Of these, which burn their budgets there.
    burning: u64,
    /// Which break the rule.
    breached: u64,
    /// Of which anything can be told, or could if their rows were fresh.
    told: u64,
    /// Whose rows are not.
    stale: u64,
}

impl<'v> Providers<'v> {
    /// Nothing for rules that aren't about uptime.
    pub(super) fn of(judge: &Judge<'v>, rule: &'v Rule) -> Option<Self> {
        let Condition::Uptime {
            burn_rate,
            long,
            short,
        } = rule.condition
        else {
            return None;
        };
        let mut tallies: BTreeMap<_, Tally> = BTreeMap::new();
        for reading in judge.readings(rule) {
            let tally = tallies.entry(&reading.id().provider).or_default();
            tally.add(&reading, burn_rate, long, short);
        }
        Some(Self {
            tallies,
            is_whole: judge.view.is_whole,
            rule,
        })
    }

    /// How many of how many are in trouble, if that is more than half of enough, and one has broken
    /// the rule. Only of a rule about all endpoints that is at least as urgent.
    pub(super) fn troubled(&self, severity: Severity) -> Option<(u64, u64)> {
        if self.rule.scope != Scope::default() || self.rule.severity > severity {
            return None;
        }
        let judged = self.tallies.values().filter(|tally| tally.judged > 0);
        let (troubled, all) = judged.fold((0, 0), |(troubled, all), tally| {
            (troubled + u64::from(tally.is_troubled()), all + 1)
        });
        let is_any_broken = self.tallies.values().any(|tally| tally.breached > 0);
        (is_any_broken && all >= PROVIDERS_MIN && 2 * troubled > all).then_some((troubled, all))
    }

    /// Whether any row is not fresh.
    pub(super) fn is_stale(&self) -> bool {
        self.tallies.values().any(|tally| tally.stale > 0)
    }

    /// Of each provider, whether an incident is to be opened.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = (&'v ProviderId, Verdict)> {
        let tallies = self.tallies.iter();
        let broken = tallies.filter(|(_, tally)| tally.breached > 0 && tally.is_breached());
        broken.map(|(provider, tally)| (*provider, tally.breached()))
    }

    /// How a provider stands that has an open incident.
    pub(super) fn standing(&self, provider: &ProviderId) -> Verdict {
        match self.tallies.get(provider) {
            Some(tally) if tally.is_breached() => tally.breached(),
            Some(tally) if tally.is_well() => Verdict::Clear(RECOVERED),
            Some(tally) if tally.told > 0 => Verdict::Unknown,
            Some(_) => Verdict::Clear(TOO_LITTLE),
            None if self.is_whole => Verdict::Clear(UNLISTED),
            None => Verdict::Unknown,
        }
    }
}

impl Tally {
    fn add(&mut self, reading: &Reading<'_>, limit: f64, long: Window, short: Window) {
        let n = reading.uptime(long).map_or(0, |ratio| ratio.whole);
        if !reading.is_fresh() {
            (self.told, self.stale) = (self.told + 1, self.stale + 1);
            return;
        }
        self.told += u64::from(reading.is_told_by_enough(n));
        let recent = reading.uptime(short);
        let recent = recent.filter(|ratio| ratio.whole >= minimum::RATIO);
        if let Some(recent) = recent.filter(|_| reading.is_sound(n)) {
            self.judged += 1;
            let burns = reading.burn_rate(recent).is_some_and(|rate| rate > limit);
            self.burning += u64::from(burns);
        }
        let is_breached = matches!(reading.verdict(), Verdict::Breached(_));
        self.breached += u64::from(is_breached);
    }

    fn is_troubled(self) -> bool {
        2 * self.burning > self.judged
    }

    /// Nothing that is known of it speaks against it, and nothing is unknown that might.
    fn is_well(self) -> bool {
        self.judged > 0 && self.stale == 0 && !self.is_troubled()
    }

    fn is_breached(self) -> bool {
        self.judged >= ENDPOINTS_MIN && self.is_troubled()
    }

    fn breached(self) -> Verdict {
        Verdict::Breached(Evidence {
            worst: Some(Quantity::ratio(self.judged - self.burning, self.judged)),
            reason: format!(
                "{} of its {} endpoints with enough traffic lose uptime faster than the rule allows",
                self.burning, self.judged
            ),
        })
    }
}
