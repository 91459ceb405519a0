//! Batches to send.

use sextant_catalog::{Catalog, LiveCatalog};
use sextant_collector::directory::{Directory, Rules};
use sextant_measure::id::{AgentId, ModelId, ProviderId, Region};
use sextant_measure::observation::{Definition, Measurement};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_wire::batch::{Batch, Totals, definition_message};
use sextant_wire::columns::{Columns, ColumnsBuilder, Row};
use sextant_wire::identity::Identity;
use sextant_wire::v1;

use crate::harness::{NOW, PARTITIONS};

pub(crate) const MODEL: &str = "meta-llama/llama-4-scout";

pub(crate) fn definition(provider: &str) -> Definition {
    Definition {
        model: ModelId::new(MODEL).unwrap(),
        provider: ProviderId::new(provider).unwrap(),
        quantization: Some(Quantization::Fp8),
        region: Some(Region::new("us-west-2").unwrap()),
    }
}

pub(crate) fn rules() -> Rules {
    Rules {
        catalog: LiveCatalog::new(Catalog::shipped().unwrap()),
        region: Region::default(),
        partitions: PARTITIONS,
    }
}

/// The definition with this id; they spread over partitions.
pub(crate) fn numbered(id: u32) -> Definition {
    definition(&format!("provider-{id}"))
}

pub(crate) fn directory(ids: impl IntoIterator<Item = u32>, rules: &Rules) -> Directory {
    let mut directory = Directory::default();
    for id in ids {
        directory.define(id, Ok(numbered(id)), rules);
    }
    directory
}

pub(crate) fn definitions(ids: impl IntoIterator<Item = u32>) -> Vec<v1::Definition> {
    ids.into_iter()
        .map(|id| definition_message(id, &numbered(id)))
        .collect()
}

/// An attempt that took `duration_us` and has just ended.
pub(crate) fn measurement(duration_us: u64) -> Measurement {
    Measurement {
        completed_at: NOW.plus_micros(-1_000),
        outcome: Outcome::Ok,
        source: Source::Live,
        streamed: true,
        ttft_us: Some(duration_us / 4),
        duration_us: Some(duration_us),
        input_tokens: Some(550),
        output_tokens: Some(150),
        status_code: Some(200),
        attempt: 1,
        is_final: true,
    }
}

pub(crate) fn row(endpoint: u32, measurement: Measurement) -> Row<'static> {
    Row {
        endpoint,
        measurement,
        tier: None,
        operation: None,
        request_id: None,
    }
}

pub(crate) fn columns<'a>(rows: impl IntoIterator<Item = Row<'a>>) -> Columns {
    let mut columns = ColumnsBuilder::default();
    for row in rows {
        columns.push(&row);
    }
    columns.finish()
}

pub(crate) fn completed_at(completed_at: Timestamp) -> Columns {
    let measurement = measurement(800_000);
    columns([row(
        0,
        Measurement {
            completed_at,
            ..measurement
        },
    )])
}

/// `count` observations of the first `endpoints` numbered definitions, each its own duration.
pub(crate) fn spread(count: u32, endpoints: u32) -> Columns {
    let one = |n: u32| row(n % endpoints, measurement(500_000 + u64::from(n)));
    columns((0..count).map(one))
}

pub(crate) fn identity(agent: &str, epoch: u64, sequence: u64) -> Identity {
    Identity {
        agent: AgentId::new(agent).unwrap(),
        epoch,
        sequence,
    }
}

pub(crate) fn batch(sequence: u64, columns: Columns) -> Batch {
    Batch {
        identity: Some(identity("agent", 7, sequence)),
        sequence,
        sent_at: NOW,
        clock_offset_us: 0,
        totals: None,
        columns,
    }
}

pub(crate) fn anonymous(sequence: u64, columns: Columns) -> Batch {
    Batch {
        identity: None,
        ..batch(sequence, columns)
    }
}

pub(crate) fn totals(recorded: u64) -> Totals {
    Totals {
        recorded,
        ..Totals::default()
    }
}
