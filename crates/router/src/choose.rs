//! The choice.

use std::sync::Arc;

use sextant_measure::status::Status;

use crate::board::View;
use crate::candidate::Candidate;
use crate::decision::{Choice, Decision, Empty, Excluded, Reason};
use crate::draw::draw;
use crate::filter::Filter;
use crate::order::Key;
use crate::request::Request;

/// Puts all candidates of the request's model in order, with the reason for every place, and says
/// who was left out. The seed decides who is drawn; with the same one, the same comes out.
///
/// It never waits, and allocates nothing once `decision` has held as many candidates before.
pub fn choose(view: View<'_>, request: &Request, seed: u64, decision: &mut Decision) {
    decision.clear();
    let gated = request.tier.is_gated();
    decision.no_operation = gated && request.operation.is_none();
    decision.observer_suspected = view.board.observer_suspected();
    let Some(model) = view.board.model(&request.model) else {
        decision.empty = Some(Empty::UnknownModel);
        return;
    };
    let gates = request.operation.as_ref().filter(|_| gated);
    let filter = Filter::new(request, gates.and_then(|operation| model.gates(operation)));
    for (index, candidate) in model.candidates().iter().enumerate() {
        match filter.excludes(candidate) {
            Some(reason) => decision.excluded.push(Excluded { index, reason }),
            None => decision
                .candidates
                .push(choice(view, request, index, candidate)),
        }
    }
    decision.model = Some(Arc::clone(model));
    put_in_order(request, seed, decision);
}

fn choice(view: View<'_>, request: &Request, index: usize, candidate: &Candidate) -> Choice {
    let freshness = view.freshness(candidate);
    let numbers = candidate.numbers(request.region.as_ref()).at(freshness);
    let price = candidate.price(request.tier);
    let counts_as = if view.board.observer_suspected() {
        Status::Healthy
    } else {
        numbers.status
    };
    Choice {
        index,
        reason: Reason::Best,
        status: numbers.status,
        freshness,
        price: price.map(|price| price.blended(request.mix)),
        latency_p95_us: numbers.latency_p95_us,
        throughput_p95_mtps: numbers.throughput_p95_mtps,
        success_1m: numbers.success(),
        has_enough: numbers.suffice(),
        key: Key::new(request, index, counts_as, &numbers, price),
    }
}

fn put_in_order(request: &Request, seed: u64, decision: &mut Decision) {
    let candidates = &mut decision.candidates;
    if candidates.is_empty() {
        decision.empty = Some(Empty::NoCandidate);
        return;
    }
    candidates.sort_unstable_by_key(|one| one.key);
    let mut before: Option<Key> = None;
    for one in &mut *candidates {
        if let Some(before) = &before {
            one.reason = one.key.behind(before, request.tier);
        }
        before = Some(one.key);
    }
    let suspected = decision.observer_suspected;
    let all_down = candidates.iter().all(|one| one.status == Status::Down);
    // Where all are down, nobody is better for a draw.
    if all_down && !suspected {
        return;
    }
    let (place, reason) = draw(candidates, request.tier, seed, !suspected);
    if place > 0
        && let Some(best) = candidates.first_mut()
    {
        best.reason = Reason::PassedOver;
    }
    if let Some(to_front) = candidates.get_mut(..=place) {
        to_front.rotate_right(1);
    }
    if let Some(first) = candidates.first_mut() {
        first.reason = reason;
    }
}
