//! Rows to serve.

use sextant_measure::figures::Figures;
use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region};
use sextant_measure::observation::Measurement;
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::window::SlidingWindow;
use sextant_snapshot::record::Entry;
use sextant_snapshot::row::{AgentsSeen, EndpointRow, RegionFigures};

use crate::rig::NOW;

/// Attempts in the minute before the present step.
#[derive(Clone, Copy, Default)]
pub(crate) struct Attempts {
    pub(crate) ok: u64,
    pub(crate) timeouts: u64,
    pub(crate) rate_limited: u64,
    pub(crate) probes: u64,
    pub(crate) is_unstreamed: bool,
    /// Tokens per second of all of them; 0 is 200.
    pub(crate) tps: u32,
}

pub(crate) fn ok(ok: u64) -> Attempts {
    Attempts {
        ok,
        ..Attempts::default()
    }
}

/// What an aggregator finds of these attempts: the k-th took k milliseconds to its first token.
pub(crate) fn figures(attempts: Attempts) -> Figures {
    let now = NOW.step();
    let mut window = SlidingWindow::new(now.minus(3));
    let completed_at = now.minus(3).start();
    let mut file = |n: u64, outcome, source| {
        for k in 1..=n {
            let streamed = !attempts.is_unstreamed;
            window.file(&Measurement {
                completed_at,
                outcome,
                source,
                streamed,
                ttft_us: streamed.then_some(k * 1_000),
                duration_us: Some(1_000_000),
                input_tokens: None,
                output_tokens: Some(if attempts.tps == 0 { 200 } else { attempts.tps }),
                status_code: None,
                attempt: 1,
                is_final: true,
            });
        }
    };
    file(attempts.ok, Outcome::Ok, Source::Live);
    file(attempts.timeouts, Outcome::Timeout, Source::Live);
    file(attempts.rate_limited, Outcome::RateLimited, Source::Live);
    file(attempts.probes, Outcome::Ok, Source::Probe);
    window.advance(now);
    window.figures(NOW)
}

pub(crate) fn endpoint(model: &str, provider: &str, quantization: Quantization) -> EndpointId {
    EndpointId {
        model: ModelId::new(model).unwrap(),
        provider: ProviderId::new(provider).unwrap(),
        quantization,
    }
}

/// An endpoint of the shipped catalog.
pub(crate) fn deepinfra() -> EndpointId {
    endpoint("meta-llama/llama-4-scout", "deepinfra", Quantization::Fp8)
}

/// An endpoint that no catalog has.
pub(crate) fn unlisted(model: &str) -> EndpointId {
    endpoint(model, "somebody", Quantization::Int4)
}

/// Seen from one region.
pub(crate) fn row(id: EndpointId, figures: &Figures) -> Entry {
    let region = RegionFigures {
        region: Region::new("us-west-2").unwrap(),
        figures: *figures,
    };
    let row = EndpointRow::new(id, NOW, agents(), vec![region], None);
    Entry::Endpoint(row.unwrap())
}

/// Seen from two regions.
pub(crate) fn row_of_two(id: EndpointId, regions: [&Figures; 2], global: &Figures) -> Entry {
    let names = ["eu-north-1", "us-west-2"];
    let regions = names
        .into_iter()
        .zip(regions)
        .map(|(name, figures)| RegionFigures {
            region: Region::new(name).unwrap(),
            figures: *figures,
        });
    let row = EndpointRow::new(id, NOW, agents(), regions.collect(), Some(*global));
    Entry::Endpoint(row.unwrap())
}

fn agents() -> AgentsSeen {
    AgentsSeen {
        five_minutes: 1,
        one_hour: 2,
    }
}
