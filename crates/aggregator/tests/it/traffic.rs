//! Parts of batches, and the windows that they must give.

use sextant_measure::figures::Figures;
use sextant_measure::id::{AgentId, EndpointId, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::observation::Measurement;
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_measure::window::SlidingWindow;
use sextant_wire::columns::{Columns, ColumnsBuilder, Row};
use sextant_wire::identity::Identity;
use sextant_wire::part::Part;

pub(crate) fn endpoint() -> EndpointId {
    EndpointId {
        model: ModelId::new("meta-llama/llama-4-scout").unwrap(),
        provider: ProviderId::new("deepinfra").unwrap(),
        quantization: Quantization::Fp8,
    }
}

pub(crate) fn series(region: &str) -> SeriesId {
    SeriesId {
        endpoint: endpoint(),
        region: Region::new(region).unwrap(),
    }
}

/// The `n`th answer: mostly good, each with values of its own.
pub(crate) fn answer(n: u64, completed_at: Timestamp) -> Measurement {
    let outcome = match n % 20 {
        7 => Outcome::RateLimited,
        13 => Outcome::Timeout,
        _ => Outcome::Ok,
    };
    let ttft_us = 150_000 + n * 7_919 % 90_000;
    Measurement {
        completed_at,
        outcome,
        source: Source::Live,
        streamed: true,
        ttft_us: (outcome == Outcome::Ok).then_some(ttft_us),
        duration_us: Some(ttft_us + 700_000 + n * 104_729 % 400_000),
        input_tokens: Some(550),
        output_tokens: Some(150),
        status_code: None,
        attempt: 1,
        is_final: true,
    }
}

pub(crate) fn columns(measurements: &[Measurement]) -> Columns {
    let mut columns = ColumnsBuilder::default();
    for measurement in measurements {
        let measurement = *measurement;
        columns.push(&Row {
            endpoint: 0,
            measurement,
            tier: None,
            operation: None,
            request_id: None,
        });
    }
    columns.finish()
}

/// A part whose content hash is as good as its sequence, unless told otherwise.
pub(crate) fn part(region: &str, sequence: u64, measurements: &[Measurement]) -> Part {
    Part {
        identity: Identity {
            agent: AgentId::new("edge-1").unwrap(),
            epoch: 1,
            sequence,
        },
        anonymous: false,
        content_hash: sequence,
        received_at: measurements
            .last()
            .map_or_else(Timestamp::default, |m| m.completed_at),
        early: 0,
        series: vec![series(region)],
        columns: columns(measurements),
    }
}

/// The window that these observations give at `at`, filed one by one.
pub(crate) fn expected(measurements: &[Measurement], at: Timestamp) -> Figures {
    let mut window = SlidingWindow::new(at.step());
    for measurement in measurements {
        window.file(measurement);
    }
    window.figures(at)
}

/// Equal but for the moment they are for and the long windows.
pub(crate) fn assert_same(found: &Figures, expected: &Figures) {
    let level = |figures: &Figures| Figures {
        window_start: Timestamp::default(),
        window_end: Timestamp::default(),
        uptime_6h: None,
        uptime_1d: None,
        ..*figures
    };
    assert_eq!(level(found), level(expected));
}
