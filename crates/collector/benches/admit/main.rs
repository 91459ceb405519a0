//! What a collector does with a batch, in observations per second of one core.
//!
//! `admit`: judging, stamping, splitting and encoding a decoded batch.
//! `stream`: all of a warm gRPC stream but the socket and the disk: decoding the frame, `admit`,
//! handing over to a log that takes everything, answering.
#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "what fails here ends the benchmark"
)]

mod nowhere;
mod warm_stream;

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sextant_catalog::{Catalog, LiveCatalog};
use sextant_collector::admission::{Stamp, admit};
use sextant_collector::directory::{Directory, Rules};
use sextant_measure::id::{AgentId, ModelId, ProviderId, Region};
use sextant_measure::observation::{Definition, Measurement};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::time::Timestamp;
use sextant_wire::batch::Batch;
use sextant_wire::columns::{ColumnsBuilder, Row};
use sextant_wire::identity::Identity;
use sextant_wire::part::ObservationsRecord;

use self::warm_stream::WarmStream;

const PARTITIONS: u32 = 8;
const NOW: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);
const DEFINITIONS: [u32; 2] = [1_000, 10_000];
const OBSERVATIONS: [u32; 4] = [10, 100, 1_000, 10_000];

criterion_group!(benches, admission, stream);
criterion_main!(benches);

fn admission(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admit");
    for definitions in DEFINITIONS {
        let (rules, mut directory) = (rules(), Directory::default());
        for id in 0..definitions {
            directory.define(id, Ok(definition(id)), &rules);
        }
        for observations in OBSERVATIONS {
            let batch = batch(observations, definitions);
            let stamp = Stamp {
                identity: batch.identity.clone().unwrap_or_else(identity),
                anonymous: false,
                received_at: NOW,
            };
            group.throughput(Throughput::Elements(observations.into()));
            let name = BenchmarkId::new(format!("{definitions} definitions"), observations);
            group.bench_function(name, |bencher| {
                let admit_one = |batch: Batch| {
                    let admitted = admit(batch.into(), &mut directory, &rules, &stamp);
                    let parts = admitted.map(|admitted| admitted.parts).unwrap_or_default();
                    for (_, part) in parts {
                        black_box(ObservationsRecord::Part(Box::new(part)).encode());
                    }
                };
                bencher.iter_batched(|| batch.clone(), admit_one, BatchSize::SmallInput);
            });
        }
    }
    group.finish();
}

fn stream(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream");
    for definitions in DEFINITIONS {
        for observations in OBSERVATIONS {
            let mut stream = WarmStream::open(definitions, &batch(observations, definitions));
            group.throughput(Throughput::Elements(observations.into()));
            let name = BenchmarkId::new(format!("{definitions} definitions"), observations);
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|batches| stream.send(batches));
            });
        }
    }
    group.finish();
}

fn rules() -> Rules {
    Rules {
        catalog: LiveCatalog::new(Catalog::shipped().expect("the shipped catalog can be read")),
        region: Region::default(),
        partitions: PARTITIONS,
    }
}

/// Ten providers for each model.
fn definition(id: u32) -> Definition {
    let model = format!("author-{}/model-{}", id / 100, id / 10);
    Definition {
        model: ModelId::new(&model).expect("a model's name"),
        provider: ProviderId::new(&format!("provider-{}", id % 10)).expect("a provider's name"),
        quantization: None,
        region: Region::new("us-west-2").ok(),
    }
}

fn identity() -> Identity {
    Identity {
        agent: AgentId::new("edge-1").expect("an agent's name"),
        epoch: 1,
        sequence: 1,
    }
}

/// Attempts of a second, each at an endpoint of its own turn.
fn batch(observations: u32, definitions: u32) -> Batch {
    let mut columns = ColumnsBuilder::default();
    for n in 0..observations {
        // A step that is prime to both counts visits the endpoints in a scattered order.
        let spread = n.wrapping_mul(7_919);
        let ttft_us = 150_000 + u64::from(spread % 200_000);
        columns.push(&Row {
            endpoint: spread % definitions,
            measurement: Measurement {
                completed_at: NOW.plus_micros(i64::from(n) - 1_000_000),
                outcome: Outcome::Ok,
                source: Source::Live,
                streamed: true,
                ttft_us: Some(ttft_us),
                duration_us: Some(ttft_us * 4),
                input_tokens: Some(550),
                output_tokens: Some(100 + spread % 100),
                status_code: Some(200),
                attempt: 1,
                is_final: true,
            },
            tier: None,
            operation: None,
            request_id: None,
        });
    }
    Batch {
        identity: Some(identity()),
        sequence: 1,
        sent_at: NOW,
        clock_offset_us: 250,
        totals: None,
        columns: columns.finish(),
    }
}
