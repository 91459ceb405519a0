//! Records as collectors write them.

use std::collections::HashMap;

use bytes::Bytes;
use sextant_eventlog::Offset;
use sextant_measure::id::{AgentId, EndpointId, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::observation::{Definition, Measurement};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_wire::columns::Row;
use sextant_wire::definition::definition_hash;
use sextant_wire::identity::Identity;
use sextant_wire::part::{ObservationsRecord, Part, PartBuilder};
use xxhash_rust::xxh3::xxh3_64;

use crate::{PER_RECORD, START};

/// Agents that take turns.
const SENDERS: u64 = 8;
/// Log time between two records of the intake: 200,000 observations a second.
const RECORD_EVERY_US: i64 = 5_000;

pub(crate) struct Traffic {
    series: Vec<(SeriesId, u64)>,
    regions: usize,
    pub(crate) now: Timestamp,
    records: u64,
    drawn: u64,
}

impl Traffic {
    pub(crate) fn new(series: usize, regions: usize) -> Self {
        Self {
            series: (0..series)
                .map(|index| named(index / regions, index % regions))
                .collect(),
            regions,
            now: START,
            records: 0,
            drawn: 0,
        }
    }

    pub(crate) fn endpoints(&self) -> usize {
        self.series.len() / self.regions
    }

    pub(crate) fn of_endpoints(&self, one_in: usize) -> Vec<usize> {
        let chosen = |index: &usize| (index / self.regions).is_multiple_of(one_in);
        (0..self.series.len()).filter(chosen).collect()
    }

    /// A record a little later than the last one, with the few busy series most often in it.
    pub(crate) fn skewed_record(&mut self) -> (Offset, Timestamp, Bytes) {
        self.now = self.now.plus_micros(RECORD_EVERY_US);
        let indices: Vec<_> = (0..PER_RECORD).map(|_| self.skewed()).collect();
        self.record(&indices)
    }

    /// A series; the share of the `k`th busiest falls about as `1 / k`, and they lie scattered.
    fn skewed(&mut self) -> usize {
        const SCATTER: usize = 7_919;
        let count = self.series.len();
        let drawn = usize::try_from(self.draw()).unwrap();
        let among = count >> ((drawn >> 32) % (count.ilog2() as usize));
        (drawn >> 40) % among * SCATTER % count
    }

    pub(crate) fn record(&mut self, indices: &[usize]) -> (Offset, Timestamp, Bytes) {
        let (mut builder, mut series, mut places) =
            (PartBuilder::default(), Vec::new(), HashMap::new());
        for index in indices {
            let drawn = self.draw();
            let (id, definition_hash) = &self.series[*index];
            let endpoint = *places.entry(index).or_insert_with(|| {
                series.push(id.clone());
                u32::try_from(series.len() - 1).unwrap()
            });
            let row = Row {
                endpoint,
                measurement: attempt(drawn, self.now),
                tier: None,
                operation: None,
                request_id: None,
            };
            builder.push(
                &row,
                *definition_hash,
                endpoint,
                row.measurement.completed_at,
            );
        }
        let (columns, content_hash) = builder.finish();
        let part = Part {
            identity: Identity {
                agent: AgentId::new(&format!("edge-{}", self.records % SENDERS)).unwrap(),
                epoch: 1,
                sequence: self.records / SENDERS,
            },
            anonymous: false,
            content_hash,
            received_at: self.now,
            early: 0,
            series,
            columns,
        };
        self.records += 1;
        let bytes = ObservationsRecord::Part(Box::new(part)).encode();
        (Offset(self.records), self.now, bytes)
    }

    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        xxh3_64(&self.drawn.to_le_bytes())
    }
}

/// A series, and the hash of what its sender called it.
fn named(endpoint: usize, region: usize) -> (SeriesId, u64) {
    const REGIONS: [&str; 2] = ["us-west-2", "eu-central-1"];
    let model = format!("some-author-{}/some-model-{}", endpoint / 100, endpoint / 8);
    let definition = Definition {
        model: ModelId::new(&model).unwrap(),
        provider: ProviderId::new(&format!("provider-{}", endpoint % 8)).unwrap(),
        quantization: Some(Quantization::Fp8),
        region: Region::new(REGIONS[region]).ok(),
    };
    let hash = definition_hash(&definition);
    let endpoint = EndpointId {
        model: definition.model,
        provider: definition.provider,
        quantization: Quantization::Fp8,
    };
    let region = definition.region.unwrap_or_default();
    (SeriesId { endpoint, region }, hash)
}

/// Mostly good, each with values of its own, within the last 200 ms.
fn attempt(drawn: u64, now: Timestamp) -> Measurement {
    let outcome = match drawn % 50 {
        0 => Outcome::RateLimited,
        1 => Outcome::Timeout,
        _ => Outcome::Ok,
    };
    let ok = outcome == Outcome::Ok;
    let ttft_us = 150_000 + drawn % 250_007;
    let ago_us = i64::try_from(drawn % 200_003).unwrap();
    Measurement {
        completed_at: now.plus_micros(-ago_us),
        outcome,
        source: Source::Live,
        streamed: true,
        ttft_us: ok.then_some(ttft_us),
        duration_us: Some(ttft_us + 500_000 + drawn % 3_000_017),
        input_tokens: Some(550),
        output_tokens: ok.then_some(150),
        status_code: None,
        attempt: 1,
        is_final: true,
    }
}
