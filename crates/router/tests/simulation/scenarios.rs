//! Who takes part, and what happens to them.

use std::ops::Range;

use sextant_measure::quantization::Quantization;

use super::provider::{Beyond, Event, Provider, Trouble};

/// What all gateways together send.
pub(crate) const REQUESTS_PER_S: f64 = 60.0;
/// Who has the least TTFT p95.
pub(crate) const QUICKEST: usize = 0;

#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) lasts_s: f64,
    pub(crate) providers: Vec<Provider>,
}

impl Scenario {
    /// All providers are well for so many minutes.
    pub(crate) fn new(minutes: f64) -> Self {
        Self {
            lasts_s: minutes * 60.0,
            providers: providers(),
        }
    }

    /// Something happens to the quickest, in seconds from the beginning.
    pub(crate) fn quickest_has(mut self, trouble: Trouble, span_s: Range<f64>) -> Self {
        let script = &mut self.providers[QUICKEST].script;
        script.push(Event { span_s, trouble });
        self
    }

    /// The quickest can serve this share of all requests.
    pub(crate) fn quickest_serves(self, share: f64, span_s: Range<f64>) -> Self {
        self.quickest_has(Trouble::Capacity(share * REQUESTS_PER_S), span_s)
    }

    /// The quickest lets requests wait that are beyond what it can serve.
    pub(crate) fn quickest_queues(mut self) -> Self {
        self.providers[QUICKEST].beyond = Beyond::Queues;
        self
    }
}

/// Five providers that can serve all requests, each alone: the quickest first. The second and the
/// third are within a tenth of each other; the fourth and the fifth are slower, and cheaper.
pub(crate) fn providers() -> Vec<Provider> {
    let provider = |name, quantization, price, ttft_s, pace| Provider {
        name,
        quantization,
        price: (price, price),
        ttft_s,
        pace,
        beyond: Beyond::RateLimits,
        capacity: 2.0 * REQUESTS_PER_S,
        script: Vec::new(),
    };
    let (bf16, fp8) = (Quantization::Bf16, Quantization::Fp8);
    vec![
        provider("alder", bf16, "0.60", (0.18, 0.30), 120.0),
        provider("birch", bf16, "0.40", (0.25, 0.42), 100.0),
        provider("cedar", fp8, "0.35", (0.26, 0.44), 90.0),
        provider("dogwood", bf16, "0.25", (0.40, 0.70), 70.0),
        provider("elm", fp8, "0.20", (0.60, 1.20), 60.0),
    ]
}
