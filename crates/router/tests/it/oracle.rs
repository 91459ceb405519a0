//! The order by the letter of its definition, slowly: candidates are compared two by two.

use std::cmp::Ordering;

use sextant_measure::status::Status;
use sextant_router::request::Request;
use sextant_router::tier::Tier;

use crate::market::{Offer, pricing};

/// Offers that may serve the request, in order. All of them are fresh.
pub(crate) fn order<'o>(offers: &'o [Offer], request: &Request) -> Vec<&'o Offer> {
    let mut admitted: Vec<_> = offers.iter().filter(|one| admits(one, request)).collect();
    admitted.sort_by(|one, other| compare(one, other, request));
    admitted
}

fn admits(offer: &Offer, request: &Request) -> bool {
    let may_be_priced = request.max_price.is_none_or(|highest| {
        let price = price(offer, request.tier).map(pricing);
        price.is_some_and(|price| price.blended(request.mix) <= highest)
    });
    let by_precision = match request.tier {
        Tier::Realtime => offer.native,
        Tier::Standard | Tier::Batch => {
            offer.quantization != sextant_measure::quantization::Quantization::Unknown
        }
    };
    may_be_priced && by_precision
}

fn price(offer: &Offer, tier: Tier) -> Option<(&'static str, &'static str)> {
    match tier {
        Tier::Batch => offer.batch_price.or(offer.price),
        _ => offer.price,
    }
}

fn compare(one: &Offer, other: &Offer, request: &Request) -> Ordering {
    let misses = |offer: &Offer| {
        let slow = request.max_latency_p95_us.zip(latency(offer));
        let low = request.min_throughput_p95_mtps.zip(throughput(offer));
        slow.is_some_and(|(most, us)| us > most) || low.is_some_and(|(least, mtps)| mtps < least)
    };
    let by_limit = misses(one).cmp(&misses(other));
    let by_status = status(one).cmp(&status(other));
    let by_speed = match request.tier {
        Tier::Realtime => present_first(latency(one), latency(other), Ord::cmp).then(
            present_first(throughput(one), throughput(other), |a, b| b.cmp(a)),
        ),
        Tier::Standard | Tier::Batch => Ordering::Equal,
    };
    let prices = [one, other].map(|offer| price(offer, request.tier).map(pricing));
    let by_price = present_first(prices[0], prices[1], |a, b| {
        let nano = |price: sextant_catalog::Pricing| {
            3 * u128::from(price.input.as_nano_usd()) + u128::from(price.output.as_nano_usd())
        };
        nano(*a).cmp(&nano(*b)).then(a.output.cmp(&b.output))
    });
    let by_name = one.id().cmp(&other.id());
    by_limit
        .then(by_status)
        .then(by_speed)
        .then(by_price)
        .then(by_name)
}

fn present_first<T>(
    one: Option<T>,
    other: Option<T>,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => compare(&one, &other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

fn latency(offer: &Offer) -> Option<u64> {
    offer.figures?.latency_us.p95
}

fn throughput(offer: &Offer) -> Option<u64> {
    offer.figures?.throughput_mtps.p95
}

fn status(offer: &Offer) -> Status {
    let Some(figures) = offer.figures else {
        return Status::Unknown;
    };
    let below_80 = |ratio: sextant_measure::ratio::Ratio| {
        ratio.whole >= 20 && ratio.part * 100 < ratio.whole * 80
    };
    if below_80(figures.uptime_1m) {
        Status::Down
    } else if below_80(figures.success_1m) {
        figures.status.max(Status::Degraded)
    } else {
        figures.status
    }
}
