//! Decoding what carries observations, at 100, 1,000 and 10,000 of them; times are per observation.
//!
//! `batch`: a batch as it comes on a warm stream, its definitions sent before. `record`: a part of
//! a batch as an owner reads it from the log, with the names of its series. Both end at columns of
//! equal length; `rows` visits these one by one, which is where each value is checked.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a benchmark stops at the first surprise and says what it found"
)]

use std::collections::HashMap;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use prost::Message as _;
use sextant_measure::id::{AgentId, EndpointId, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::observation::{Definition, Measurement};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;
use sextant_wire::batch::Batch;
use sextant_wire::columns::{Columns, ColumnsBuilder, Row};
use sextant_wire::definition::definition_hash;
use sextant_wire::identity::Identity;
use sextant_wire::part::{ObservationsRecord, Part, PartBuilder};
use sextant_wire::v1::{self, report_request::Message};
use xxhash_rust::xxh3::xxh3_64;

const NOW: Timestamp = Timestamp::from_micros(1_795_357_798_000_000);
const SIZES: [u32; 3] = [100, 1_000, 10_000];
/// Endpoints that a sender has defined on its stream.
const DEFINITIONS: u32 = 2_000;

criterion_group!(benches, batches, records, rows);
criterion_main!(benches);

fn batches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("batch");
    for observations in SIZES {
        let bytes = batch(observations);
        say_bytes("batch", observations, &bytes);
        group.throughput(Throughput::Elements(observations.into()));
        group.bench_function(observations.to_string(), |bencher| {
            bencher.iter(|| decode_batch(black_box(&bytes)));
        });
    }
    group.finish();
}

fn records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    for observations in SIZES {
        let bytes = record(observations);
        say_bytes("record", observations, &bytes);
        group.throughput(Throughput::Elements(observations.into()));
        group.bench_function(observations.to_string(), |bencher| {
            bencher.iter(|| ObservationsRecord::decode(black_box(&bytes)).unwrap());
        });
    }
    group.finish();
}

fn rows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rows");
    for observations in SIZES {
        let columns = decode_batch(&batch(observations)).columns;
        group.throughput(Throughput::Elements(observations.into()));
        group.bench_function(observations.to_string(), |bencher| {
            bencher.iter(|| visit(black_box(&columns)));
        });
    }
    group.finish();
}

fn decode_batch(bytes: &Bytes) -> Batch {
    match v1::ReportRequest::decode(bytes.clone()).unwrap().message {
        Some(Message::Batch(batch)) => batch.try_into().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn visit(columns: &Columns) {
    for row in columns.rows() {
        black_box(row.unwrap());
    }
}

fn say_bytes(what: &str, observations: u32, bytes: &Bytes) {
    let each = f64::from(u32::try_from(bytes.len()).unwrap()) / f64::from(observations);
    eprintln!("a {what} of {observations} observations: {each:.1} bytes each");
}

fn batch(observations: u32) -> Bytes {
    let mut columns = ColumnsBuilder::default();
    for n in 0..observations {
        columns.push(&row(n));
    }
    let batch = Batch {
        identity: Some(identity()),
        sequence: 1,
        sent_at: NOW,
        clock_offset_us: 250,
        totals: None,
        columns: columns.finish(),
    };
    let message = Some(Message::Batch(batch.into()));
    v1::ReportRequest { message }.encode_to_vec().into()
}

fn record(observations: u32) -> Bytes {
    let (mut builder, mut series, mut places) =
        (PartBuilder::default(), Vec::new(), HashMap::new());
    for n in 0..observations {
        let row = row(n);
        let definition = definition(row.endpoint);
        let place = *places.entry(row.endpoint).or_insert_with(|| {
            series.push(series_of(&definition));
            u32::try_from(series.len() - 1).unwrap()
        });
        let hash = definition_hash(&definition);
        builder.push(&row, hash, place, row.measurement.completed_at);
    }
    let (columns, content_hash) = builder.finish();
    let part = Part {
        identity: identity(),
        anonymous: false,
        content_hash,
        received_at: NOW,
        early: 0,
        series,
        columns,
    };
    ObservationsRecord::Part(Box::new(part)).encode()
}

/// The `n`th attempt of a sender, without a request id: mostly good, each with values of its own.
fn row(n: u32) -> Row<'static> {
    let drawn = xxh3_64(&n.to_le_bytes());
    let outcome = match drawn % 50 {
        0 => Outcome::RateLimited,
        1 => Outcome::Timeout,
        _ => Outcome::Ok,
    };
    let ok = outcome == Outcome::Ok;
    let ttft_us = 150_000 + drawn % 250_007;
    let duration_us = ttft_us + 500_000 + drawn % 3_000_017;
    let tokens = |below: u64| u32::try_from(drawn % below).unwrap();
    Row {
        endpoint: skewed(drawn),
        measurement: Measurement {
            completed_at: NOW.plus_micros(i64::from(n) * 100 - 1_000_000),
            outcome,
            source: Source::Live,
            streamed: true,
            ttft_us: ok.then_some(ttft_us),
            duration_us: Some(duration_us),
            input_tokens: Some(100 + tokens(4_001)),
            output_tokens: ok.then_some(50 + tokens(401)),
            status_code: match outcome {
                Outcome::Ok => Some(200),
                Outcome::RateLimited => Some(429),
                _ => None,
            },
            attempt: 1,
            is_final: true,
        },
        tier: None,
        operation: None,
        request_id: None,
    }
}

/// An endpoint, the first ones most often: the share of the `k`th falls about as `1 / k`.
fn skewed(drawn: u64) -> u32 {
    let among = DEFINITIONS >> ((drawn >> 32) % u64::from(DEFINITIONS.ilog2()));
    u32::try_from(drawn >> 40).unwrap() % among
}

/// Ten providers for each model.
fn definition(id: u32) -> Definition {
    let model = format!("some-author-{}/some-model-{}", id / 100, id / 10);
    Definition {
        model: ModelId::new(&model).unwrap(),
        provider: ProviderId::new(&format!("provider-{}", id % 10)).unwrap(),
        quantization: Some(Quantization::Fp8),
        region: Region::new("us-west-2").ok(),
    }
}

fn series_of(definition: &Definition) -> SeriesId {
    SeriesId {
        endpoint: EndpointId {
            model: definition.model.clone(),
            provider: definition.provider.clone(),
            quantization: Quantization::Fp8,
        },
        region: definition.region.clone().unwrap_or_default(),
    }
}

fn identity() -> Identity {
    Identity {
        agent: AgentId::new("edge-1").unwrap(),
        epoch: 0x5eed_5eed_5eed_5eed,
        sequence: 1,
    }
}
