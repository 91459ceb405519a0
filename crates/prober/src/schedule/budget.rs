//! What may be spent in a day, and what was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Days that are remembered. A clock that is set back finds what it had spent.
const DAYS_MAX: usize = 8;
/// The part of a day's budget that is noted as spent ahead of it: so much may be lost by a crash, and
/// so many times a day is noted.
const LEASE_PART: u64 = 64;

/// What may be spent in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) requests: u64,
    pub(crate) tokens: u64,
}

/// What was spent in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Spent {
    pub(crate) requests: u64,
    pub(crate) tokens: u64,
}

/// The budget of one target.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    days: BTreeMap<i64, Day>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Day {
    spent: Spent,
    /// What is kept for the next process as spent; never less than what is.
    noted: Spent,
}

impl Budget {
    /// A budget of which an earlier process may have spent something.
    pub(crate) fn new(limits: Limits, spent: &BTreeMap<i64, Spent>) -> Self {
        let noted = |spent: Spent| Day {
            spent,
            noted: spent,
        };
        let days = spent.iter().rev().take(DAYS_MAX);
        Self {
            limits,
            days: days.map(|(day, spent)| (*day, noted(*spent))).collect(),
        }
    }

    /// Takes a request and what tokens it may take, if the day has them.
    pub(super) fn reserve(&mut self, day: i64, tokens: u64) -> bool {
        let left = self.left(day);
        if left.requests == 0 || left.tokens < tokens {
            return false;
        }
        while self.days.len() >= DAYS_MAX && !self.days.contains_key(&day) {
            self.days.pop_first();
        }
        let spent = &mut self.days.entry(day).or_default().spent;
        spent.requests += 1;
        spent.tokens += tokens;
        true
    }

    /// What was taken is known now: more or less than was reserved.
    pub(super) fn settle(&mut self, day: i64, reserved: u64, used: u64) {
        if let Some(day) = self.days.get_mut(&day) {
            let others = day.spent.tokens.saturating_sub(reserved);
            day.spent.tokens = others.saturating_add(used);
        }
    }

    pub(crate) fn left(&self, day: i64) -> Spent {
        let spent = self.days.get(&day).map(|day| day.spent);
        let spent = spent.unwrap_or_default();
        Spent {
            requests: self.limits.requests.saturating_sub(spent.requests),
            tokens: self.limits.tokens.saturating_sub(spent.tokens),
        }
    }

    /// Whether more was spent than is noted.
    pub(crate) fn is_ahead(&self) -> bool {
        let ahead = |day: &Day| {
            day.spent.requests > day.noted.requests || day.spent.tokens > day.noted.tokens
        };
        self.days.values().any(ahead)
    }

    /// What to keep for the next process while this one goes on: somewhat more than was spent, so
    /// that not every request is noted.
    pub(crate) fn note(&mut self) -> BTreeMap<i64, Spent> {
        let limits = self.limits;
        let ahead = |spent: u64, limit: u64| {
            let lease = (limit / LEASE_PART).max(1);
            spent.saturating_add(lease).min(limit).max(spent)
        };
        for day in self.days.values_mut() {
            day.noted = Spent {
                requests: ahead(day.spent.requests, limits.requests),
                tokens: ahead(day.spent.tokens, limits.tokens),
            };
        }
        let noted = self.days.iter();
        noted.map(|(day, held)| (*day, held.noted)).collect()
    }

    /// What to keep for the next process when this one ends.
    pub(crate) fn spent(&self) -> BTreeMap<i64, Spent> {
        let days = self.days.iter();
        days.map(|(day, held)| (*day, held.spent)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        requests: 100,
        tokens: 1_000,
    };

    fn spend(budget: &mut Budget, day: i64, tokens: u64) -> u64 {
        (0..10_000).filter(|_| budget.reserve(day, tokens)).count() as u64
    }

    #[test]
    fn a_day_has_its_requests_and_its_tokens_to_the_last() {
        let mut budget = Budget::new(LIMITS, &BTreeMap::new());
        assert_eq!(spend(&mut budget, 1, 0), 100);
        assert_eq!(spend(&mut budget, 1, 0), 0);
        assert_eq!(spend(&mut budget, 2, 30), 33, "990 of 1,000 tokens");
        budget.settle(2, 30, 5);
        assert_eq!(
            spend(&mut budget, 2, 30),
            1,
            "what was not used is there again"
        );
        budget.settle(2, 30, 400);
        assert_eq!(budget.left(2).tokens, 0, "what was used beyond counts");
        assert_eq!(spend(&mut budget, 2, 0), 66, "what costs none may go on");
    }

    #[test]
    fn a_clock_that_goes_to_and_fro_gives_nothing_twice() {
        let mut budget = Budget::new(LIMITS, &BTreeMap::new());
        let days = [5, 6, 5, 4, 5, 6, 9_999, 6];
        let spent: Vec<_> = days.iter().map(|day| spend(&mut budget, *day, 0)).collect();
        assert_eq!(spent, [100, 100, 0, 100, 0, 0, 100, 0]);
    }

    #[test]
    fn days_that_are_remembered_are_bounded() {
        let mut budget = Budget::new(LIMITS, &BTreeMap::new());
        for day in 0..1_000 {
            spend(&mut budget, day, 0);
        }
        assert_eq!(budget.spent().len(), DAYS_MAX);
    }

    #[test]
    fn whenever_a_process_dies_the_next_one_has_at_most_what_was_left() {
        let mut total = 0;
        let mut kept = BTreeMap::new();
        let mut notes = 0;
        for life in 0..1_000 {
            let mut budget = Budget::new(LIMITS, &kept);
            for _ in 0..life % 7 {
                if budget.reserve(3, 1) {
                    if budget.is_ahead() {
                        kept = budget.note();
                        notes += 1;
                    }
                    total += 1;
                }
            }
        }
        assert!((30..=100).contains(&total), "{total}");
        assert!(notes <= total);
        let mut budget = Budget::new(LIMITS, &BTreeMap::new());
        let mut notes = 0;
        while budget.reserve(3, 1) {
            if budget.is_ahead() {
                budget.note();
                notes += 1;
            }
        }
        assert!(notes <= 65, "{notes} for 100 requests");
        let mut next = Budget::new(LIMITS, &budget.spent());
        assert_eq!(spend(&mut next, 3, 0), 0);
    }
}
