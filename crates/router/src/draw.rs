//! Who is tried first, when the order alone would send everyone to the same place.
//!
//! Those about as good as the best share its traffic, each as far as it serves what it gets; what
//! they give up goes to the next. A few requests go to those that nothing is known of. Chance comes
//! from the caller's seed alone.

use sextant_measure::status::Status;

use crate::decision::{Choice, Reason};
use crate::freshness::Freshness;
use crate::tier::Tier;

/// The share of requests that explore.
const EXPLORING: f64 = 0.01;

/// Which place is tried first, and why.
pub(crate) fn draw(candidates: &[Choice], tier: Tier, seed: u64, trusts: bool) -> (usize, Reason) {
    let mut chance = Chance(seed);
    let Some(best) = candidates.first() else {
        return (0, Reason::Best);
    };
    if best.freshness != Freshness::Fresh {
        return (0, Reason::Best);
    }
    if chance.next() < EXPLORING
        && let Some(place) = explored(candidates, &mut chance)
    {
        return (place, Reason::Explored);
    }
    shared(candidates, tier, chance.next(), trusts)
}

/// One that too little is known of, if there is another of the best status that enough is known of.
fn explored(candidates: &[Choice], chance: &mut Chance) -> Option<usize> {
    let best = candidates.first()?.status;
    if !candidates
        .iter()
        .any(|one| one.status == best && one.has_enough)
    {
        return None;
    }
    let is_open = |one: &Choice| {
        let may_serve = matches!(one.status, Status::Healthy | Status::Unknown);
        !one.has_enough && may_serve && one.freshness == Freshness::Fresh
    };
    let open = || {
        candidates
            .iter()
            .enumerate()
            .filter(|(_, one)| is_open(one))
    };
    let place = chance.below(open().count())?;
    open().nth(place).map(|(place, _)| place)
}

/// One of those about as good as the best, or the next after them.
fn shared(candidates: &[Choice], tier: Tier, drawn: f64, trusts: bool) -> (usize, Reason) {
    let Some(best) = candidates.first() else {
        return (0, Reason::Best);
    };
    let is_about = |one: &&Choice| one.key.is_about(&best.key) && one.freshness == Freshness::Fresh;
    let group = candidates.iter().take_while(is_about).count();
    let group = candidates.get(..group).unwrap_or_default();
    let weight = |one: &Choice| {
        let share = one.key.share_of(&best.key);
        match tier {
            Tier::Realtime => share,
            Tier::Standard | Tier::Batch => share * share,
        }
    };
    let serves = |one: &Choice| {
        let success = one.success_1m.filter(|_| trusts);
        // What is not known is taken for good.
        success.unwrap_or(1.0)
    };
    let all: f64 = group.iter().map(weight).sum();
    let served: f64 = group.iter().map(|one| weight(one) * serves(one)).sum();
    let next = candidates.get(group.len());
    let next = next.filter(|next| {
        let keeps_limits = best.key.misses_a_limit() || !next.key.misses_a_limit();
        next.status != Status::Down && keeps_limits
    });
    // Without a next, the group keeps what it would give up.
    let whole = if next.is_some() { all } else { served };
    let mut left = drawn * whole;
    for (place, one) in group.iter().enumerate() {
        left -= weight(one) * serves(one);
        if left < 0.0 {
            let reason = if group.len() > 1 {
                Reason::Shared
            } else {
                Reason::Best
            };
            return (place, reason);
        }
    }
    match next {
        Some(_) if !group.is_empty() => (group.len(), Reason::Spilled),
        _ => (0, Reason::Best),
    }
}

/// Numbers that look random and follow from a seed: `SplitMix64` (G. L. Steele, D. Lea, C. H.
/// Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
struct Chance(u64);

impl Chance {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to just below 1.
    fn next(&mut self) -> f64 {
        let bits = u32::try_from(self.bits() >> 32).unwrap_or_default();
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    /// From 0 to just below a number; nothing below 0.
    fn below(&mut self, end: usize) -> Option<usize> {
        let end = u64::try_from(end).ok().filter(|end| *end > 0)?;
        usize::try_from(self.bits() % end).ok()
    }
}
