//! Which of two candidates comes first, and by what.

use sextant_catalog::{Mix, Pricing};
use sextant_measure::status::Status;

use crate::candidate::Numbers;
use crate::decision::Reason;
use crate::request::Request;
use crate::tier::Tier;

/// What is absent comes after all that is present.
const ABSENT: u128 = u128::MAX;

/// A candidate's place in the order of one request; the least comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    misses_a_limit: bool,
    status: Status,
    /// What the tier looks at, one after the other.
    by: [u128; 4],
    /// Candidates stand in the order of their names.
    index: usize,
}

impl Key {
    /// Of a candidate with these numbers and this price. `status` is what its status counts as.
    pub(crate) fn new(
        request: &Request,
        index: usize,
        status: Status,
        numbers: &Numbers,
        price: Option<Pricing>,
    ) -> Self {
        let [price, output] = [weight(price, request.mix), output(price)];
        let by = match request.tier {
            Tier::Realtime => {
                let latency = numbers.latency_p95_us.map_or(ABSENT, u128::from);
                let throughput = numbers.throughput_p95_mtps;
                let throughput = throughput.map_or(ABSENT, |mtps| u128::from(u64::MAX - mtps));
                [latency, throughput, price, output]
            }
            Tier::Standard | Tier::Batch => [price, output, 0, 0],
        };
        Self {
            misses_a_limit: misses_a_limit(request, numbers),
            status,
            by,
            index,
        }
    }

    /// What puts it behind the one before it.
    pub(crate) fn behind(&self, before: &Self, tier: Tier) -> Reason {
        if self.misses_a_limit != before.misses_a_limit {
            return Reason::Limit;
        }
        if self.status != before.status {
            return Reason::Status;
        }
        let looked_at = match tier {
            Tier::Realtime => [
                Reason::Latency,
                Reason::Throughput,
                Reason::Price,
                Reason::Price,
            ],
            Tier::Standard | Tier::Batch => [Reason::Price; 4],
        };
        let mut by = self.by.iter().zip(&before.by).zip(looked_at);
        let differs = by.find(|((own, other), _)| own != other);
        differs.map_or(Reason::Name, |(_, reason)| reason)
    }

    /// Whether it is about as good as the best: of the same status, and within a tenth of what the
    /// tier looks at first.
    pub(crate) fn is_about(&self, best: &Self) -> bool {
        let ([own, ..], [least, ..]) = (self.by, best.by);
        self.misses_a_limit == best.misses_a_limit
            && self.status == best.status
            && own != ABSENT
            && own.saturating_mul(10) <= least.saturating_mul(11)
    }

    /// How much better than this the best is in what the tier looks at first, from 0 to 1.
    pub(crate) fn share_of(&self, best: &Self) -> f64 {
        let ([own, ..], [least, ..]) = (self.by, best.by);
        if own == least {
            return 1.0;
        }
        as_f64(least) / as_f64(own)
    }

    pub(crate) fn misses_a_limit(&self) -> bool {
        self.misses_a_limit
    }
}

/// A number that nobody knows misses no limit.
fn misses_a_limit(request: &Request, numbers: &Numbers) -> bool {
    let is_slow = |most: u64| numbers.latency_p95_us.is_some_and(|us| us > most);
    let is_low = |least: u64| numbers.throughput_p95_mtps.is_some_and(|mtps| mtps < least);
    request.max_latency_p95_us.is_some_and(is_slow)
        || request.min_throughput_p95_mtps.is_some_and(is_low)
}

fn weight(price: Option<Pricing>, mix: Mix) -> u128 {
    price.map_or(ABSENT, |price| price.weighted(mix))
}

fn output(price: Option<Pricing>) -> u128 {
    price.map_or(ABSENT, |price| u128::from(price.output.as_nano_usd()))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share of traffic needs no more than a float has"
)]
fn as_f64(value: u128) -> f64 {
    value as f64
}
