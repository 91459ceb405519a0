//! A decision as JSON.

use serde::Serialize;
use sextant_catalog::Price;
use sextant_measure::time::Timestamp;
use sextant_router::board::View;
use sextant_router::candidate::Candidate;
use sextant_router::decision::{Choice, Decision, Empty};
use sextant_wire::json::rfc3339;

use super::asked::Asked;
use crate::http::numbers::thousandth;

/// When what was chosen from was known.
pub(super) struct Seen {
    pub(super) now: Timestamp,
    /// Of the snapshot; nothing of an earlier minute.
    pub(super) version: Option<String>,
}

#[derive(Serialize)]
pub(super) struct RouteJson {
    model: String,
    tier: &'static str,
    operation: Option<String>,
    region: String,
    at: String,
    version: Option<String>,
    seed: u64,
    candidates: Vec<CandidateJson>,
    excluded: Vec<ExcludedJson>,
    /// Why there is no candidate.
    reason: Option<&'static str>,
    observer_suspected: bool,
    /// What else holds for all of it.
    notes: Vec<&'static str>,
    /// The cheapest that may serve the operation and is not down.
    cheapest_green: Option<String>,
}

#[derive(Serialize)]
struct CandidateJson {
    tag: String,
    reason: &'static str,
    status: &'static str,
    /// Decimal USD per 1M tokens, blended.
    price: Option<String>,
    native: bool,
    ttft_p95_ms: Option<f64>,
    throughput_p95: Option<f64>,
    /// 0 to 1; nothing if there were too few requests in the last minute.
    success_1m: Option<f64>,
    age_ms: Option<u128>,
    freshness: &'static str,
}

#[derive(Serialize)]
struct ExcludedJson {
    tag: String,
    reason: &'static str,
}

impl RouteJson {
    pub(super) fn new(asked: &Asked, view: View<'_>, decision: &Decision, seen: &Seen) -> Self {
        let request = &asked.request;
        let region = request.region.as_ref();
        let places = decision.candidates.iter();
        let excluded = decision.excluded.iter();
        let green = request.operation.as_ref();
        let green = green.and_then(|operation| view.cheapest_green(&request.model, operation));
        Self {
            model: request.model.to_string(),
            tier: request.tier.name(),
            operation: request.operation.as_ref().map(ToString::to_string),
            region: region.map_or_else(|| "global".to_owned(), ToString::to_string),
            at: rfc3339(seen.now),
            version: seen.version.clone(),
            seed: asked.seed,
            candidates: places
                .filter_map(|place| {
                    let candidate = decision.candidate(place)?;
                    Some(CandidateJson::new(place, candidate, seen.now))
                })
                .collect(),
            excluded: excluded
                .filter_map(|one| {
                    Some(ExcludedJson {
                        tag: decision.left_out(one)?.id.tag(),
                        reason: one.reason.name(),
                    })
                })
                .collect(),
            reason: decision.empty.map(Empty::name),
            observer_suspected: decision.observer_suspected,
            notes: notes(decision),
            cheapest_green: green.map(|candidate| candidate.id.tag()),
        }
    }
}

fn notes(decision: &Decision) -> Vec<&'static str> {
    let notes = [
        (decision.no_operation, "no_operation"),
        (decision.all_down(), "all_down"),
        (decision.is_stale(), "stale"),
    ];
    let notes = notes.into_iter().filter(|(holds, _)| *holds);
    notes.map(|(_, note)| note).collect()
}

impl CandidateJson {
    fn new(place: &Choice, candidate: &Candidate, now: Timestamp) -> Self {
        Self {
            tag: candidate.id.tag(),
            reason: place.reason.name(),
            status: place.status.name(),
            price: place.price.map(Price::to_decimal),
            native: candidate.native,
            ttft_p95_ms: place.latency_p95_us.map(thousandth),
            throughput_p95: place.throughput_p95_mtps.map(thousandth),
            success_1m: place.success_1m,
            age_ms: candidate.age(now).map(|age| age.as_millis()),
            freshness: place.freshness.name(),
        }
    }
}
