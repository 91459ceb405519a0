//! How each tier routes a model now.

use std::collections::BTreeSet;

use sextant_catalog::Price;
use sextant_measure::id::{ModelId, Operation};
use sextant_measure::status::Status;
use sextant_page::cell::ABSENT;
use sextant_page::model::{Pick, Tier as Shown};
use sextant_router::candidate::Candidate;
use sextant_router::choose;
use sextant_router::decision::{Choice, Decision, Exclusion, Reason};
use sextant_router::request::Request;
use sextant_router::tier::Tier;

use crate::http::numbers::thousandth;
use crate::http::route;
use crate::http::view::View;

/// Operations whose picks are shown.
const OPERATIONS_MAX: usize = 20;
/// Endpoints that are named among those left out.
const LEFT_OUT_MAX: usize = 3;

/// Every tier, with what it picks.
pub(super) fn tiers(view: View<'_>, model: &ModelId, gateway: &str) -> Vec<Shown> {
    let board = route::board(view.edition, model);
    let at = board.at(view.now, std::time::Duration::ZERO);
    let mut decision = Decision::default();
    let mut pick = |tier, operation: Option<&Operation>| {
        let mut request = Request::new(model.clone(), tier);
        request.operation = operation.cloned();
        request.region = view.region.cloned();
        // The first by the order is told by its reason, whoever is drawn.
        choose(at, &request, 0, &mut decision);
        picked(view, &decision, &request)
    };
    let (operations, more) = operations(view, model);
    let tier = |tier: Tier| {
        let (key, name, text) = words(tier, gateway);
        let is_gated = tier != Tier::Realtime;
        let named = operations.iter().filter(|_| is_gated);
        Shown {
            key,
            name,
            text,
            pick: pick(tier, None),
            by_operation: named
                .map(|operation| (operation.to_string(), pick(tier, Some(operation))))
                .collect(),
            unshown: if is_gated { more } else { 0 },
        }
    };
    Tier::ALL.map(tier).into()
}

fn words(tier: Tier, gateway: &str) -> (&'static str, &'static str, String) {
    let (name, text) = match tier {
        Tier::Realtime => (
            "Realtime tier",
            "direct passthrough at the upstream’s native precision. Best for hard latency / \
             quality guarantees."
                .to_owned(),
        ),
        Tier::Standard => (
            "Standard tier",
            format!(
                "{gateway} picks the cheapest provider variant whose quantization has stayed \
                 green on your operation’s eval gates."
            ),
        ),
        Tier::Batch => (
            "Batch tier",
            "async, biggest discount. Roadmapped to use provider batch APIs (OpenAI / Anthropic) \
             where available and queued spot capacity for open-weight workloads."
                .to_owned(),
        ),
    };
    (tier.name(), name, text)
}

/// Those that there are verdicts for, and how many more.
fn operations(view: View<'_>, model: &ModelId) -> (Vec<Operation>, usize) {
    let gates = view.edition.snapshot().gates().iter();
    let keys = gates.map(|gate| gate.value.key());
    let of_model = keys.filter(|key| key.model == *model);
    let operations: BTreeSet<_> = of_model.map(|key| &key.operation).collect();
    let more = operations.len().saturating_sub(OPERATIONS_MAX);
    let shown = operations.into_iter().take(OPERATIONS_MAX);
    (shown.cloned().collect(), more)
}

fn picked(view: View<'_>, decision: &Decision, request: &Request) -> Pick {
    let places = &decision.candidates;
    let passed_over = places.iter().find(|one| one.reason == Reason::PassedOver);
    let first = passed_over.or_else(|| places.first());
    let Some((place, candidate)) = first.and_then(|one| Some((one, decision.candidate(one)?)))
    else {
        return nobody(decision, request);
    };
    Pick {
        choice: named(view, candidate, request.tier),
        reason: reason(view, decision, request, place),
    }
}

/// `DeepInfra at $0.08/1M`.
fn named(view: View<'_>, candidate: &Candidate, tier: Tier) -> String {
    let name = view.provider_name(&candidate.id);
    match candidate.price(tier) {
        Some(price) => format!("{name} at {}/1M", price.input),
        None => format!("{name} at an unknown price"),
    }
}

fn nobody(decision: &Decision, request: &Request) -> Pick {
    let reason = match (request.tier, &request.operation) {
        _ if decision.excluded.is_empty() => "no endpoint serves it".to_owned(),
        (Tier::Realtime, _) => "no endpoint serves it at its native precision".to_owned(),
        (_, Some(operation)) => format!("no precision of it is green for {operation}"),
        (_, None) => "no endpoint discloses a precision that may serve it".to_owned(),
    };
    Pick {
        choice: ABSENT.to_owned(),
        reason,
    }
}

fn reason(view: View<'_>, decision: &Decision, request: &Request, first: &Choice) -> String {
    let mut parts = vec![rule(request, first)];
    if decision.observer_suspected {
        parts.push("statuses are left aside while the observer is suspected".to_owned());
    } else if decision.all_down() {
        parts.push("all are down".to_owned());
    } else if first.status != Status::Healthy
        && let Some(candidate) = decision.candidate(first)
    {
        parts.push(format!("it is {}", status(view, candidate, first.status)));
    }
    if decision.is_stale() {
        parts.push("the numbers are too old to count".to_owned());
    } else if let Some((better, its)) = better(decision, first, request.tier) {
        let word = match request.tier {
            Tier::Realtime => "quicker",
            Tier::Standard | Tier::Batch => "cheaper",
        };
        let name = view.provider_name(&better.id);
        parts.push(format!(
            "{name} is {word}, but {}",
            status(view, better, its)
        ));
    }
    parts.extend(left_out(view, decision));
    parts.join("; ")
}

/// By what it comes first.
fn rule(request: &Request, first: &Choice) -> String {
    match (request.tier, &request.operation) {
        (Tier::Realtime, _) => match first.latency_p95_us {
            Some(us) => format!(
                "the quickest to its first token at native precision, {:.0} ms at p95",
                thousandth(us).round()
            ),
            None => "at native precision; its latency isn’t known yet, so price decides".to_owned(),
        },
        (_, Some(operation)) => format!("the cheapest that is green for {operation}"),
        (_, None) => "the cheapest that discloses its precision".to_owned(),
    }
}

/// A router goes by the last minute as well, which a table of 30 minutes doesn't show.
fn status(view: View<'_>, candidate: &Candidate, its: Status) -> String {
    if view.status(&candidate.id) < its {
        format!("{} in the last minute", its.name())
    } else {
        its.name().to_owned()
    }
}

/// Who would be the choice but for its status.
fn better<'d>(
    decision: &'d Decision,
    first: &Choice,
    tier: Tier,
) -> Option<(&'d Candidate, Status)> {
    let figure = |one: &Choice| match tier {
        Tier::Realtime => one.latency_p95_us,
        Tier::Standard | Tier::Batch => one.price.map(Price::as_nano_usd),
    };
    let worse = decision.candidates.iter();
    let worse = worse.filter(|one| one.status > first.status);
    let better = worse.filter(|one| match (figure(one), figure(first)) {
        (Some(its), Some(of_first)) => its < of_first,
        (its, None) => its.is_some(),
        (None, Some(_)) => false,
    });
    let best = better.min_by_key(|one| figure(one))?;
    Some((decision.candidate(best)?, best.status))
}

/// Who may not serve it, and why: `left out: Groq (undisclosed)`.
fn left_out(view: View<'_>, decision: &Decision) -> Option<String> {
    let named = decision.excluded.iter().filter_map(|one| {
        let name = view.provider_name(&decision.left_out(one)?.id).to_owned();
        Some(format!("{name} ({})", words_of(one.reason)))
    });
    let named: Vec<_> = named.take(LEFT_OUT_MAX).collect();
    let more = decision.excluded.len().saturating_sub(named.len());
    let more = (more > 0).then(|| format!("and {more} more"));
    let all: Vec<_> = named.into_iter().chain(more).collect();
    (!all.is_empty()).then(|| format!("left out: {}", all.join(", ")))
}

const fn words_of(reason: Exclusion) -> &'static str {
    match reason {
        Exclusion::NotNative => "not native",
        Exclusion::Undisclosed => "undisclosed",
        Exclusion::Red => "red",
        Exclusion::NotGreen => "no verdict",
        // None that a page asks for.
        Exclusion::NotAsked | Exclusion::Ignored | Exclusion::AbovePrice | Exclusion::NoPrice => {
            "not asked for"
        }
    }
}
