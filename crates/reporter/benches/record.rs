//! What a gateway pays for an observation: handing it over, and watching an attempt with its stream.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and says what it found"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use sextant_measure::observation::{Definition, Measurement, Observation};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::time::{Clock, Timestamp};
use sextant_reporter::attempt::About;
use sextant_reporter::openai::Exchange;
use sextant_reporter::options::Options;
use sextant_reporter::recorder::Recorder;
use sextant_reporter::sender::Sender;
use sextant_reporter::transport::{Event, Lost, Outgoing, Transport};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// Nobody is there, so that the sender's own work stands in nobody's way.
struct Away;

#[async_trait]
impl Transport for Away {
    fn observation_bytes_max(&self, _: &Observation) -> usize {
        100
    }

    async fn serve(&self, _: mpsc::Receiver<Outgoing>, _: mpsc::Sender<Event>) -> Lost {
        std::future::pending().await
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000)
    }
}

fn about() -> About {
    About::new(Definition {
        model: "meta-llama/llama-4-scout".parse().unwrap(),
        provider: "deepinfra".parse().unwrap(),
        quantization: None,
        region: None,
    })
}

/// A sender whose queue holds so many, and what hands over to it.
fn recorder(runtime: &Runtime, queue_observations_max: usize) -> (Sender, Recorder) {
    let options = Options {
        queue_observations_max,
        ..Options::new("bench".parse().unwrap())
    };
    let _entered = runtime.enter();
    let sender = Sender::start(options, Arc::new(Away), Arc::new(Still)).unwrap();
    let recorder = sender.recorder();
    (sender, recorder)
}

fn observation() -> Observation {
    Observation {
        definition: about().definition,
        measurement: Measurement {
            completed_at: Still.now(),
            outcome: Outcome::Ok,
            source: Source::Live,
            streamed: true,
            ttft_us: Some(200_000),
            duration_us: Some(900_000),
            input_tokens: Some(500),
            output_tokens: Some(150),
            status_code: Some(200),
            attempt: 1,
            is_final: true,
        },
        request_id: None,
        tier: None,
        operation: None,
    }
}

fn records(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = c.benchmark_group("record");
    for (name, room) in [("queued", 1 << 24), ("dropped, the queue being full", 1)] {
        let (_sender, recorder) = recorder(&runtime, room);
        let made = observation();
        group.bench_function(name, |b| {
            b.iter_batched(
                || made.clone(),
                |observation| recorder.record(black_box(observation)),
                BatchSize::SmallInput,
            );
        });
        let made = observation();
        let info = allocation_counter::measure(|| recorder.record(made));
        println!("allocations of one record ({name}): {}", info.count_total);
    }
    group.finish();
}

fn attempts(c: &mut Criterion) {
    const TOKEN: &[u8] =
        b"data: {\"id\":\"gen-1\",\"object\":\"chat.completion.chunk\",\"model\":\"x\",\
                           \"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"}}]}\n\n";
    const STOP: &[u8] = b"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
                          data: [DONE]\n\n";
    let runtime = Runtime::new().unwrap();
    let (_sender, recorder) = recorder(&runtime, 1);
    let mut group = c.benchmark_group("attempt");
    group.measurement_time(Duration::from_secs(3));
    group.bench_function("guard alone", |b| {
        b.iter(|| {
            let mut attempt = recorder.attempt(about());
            attempt.dispatched();
            attempt.token();
            attempt.end(Outcome::Ok);
        });
    });
    group.bench_function("a stream of 150 tokens", |b| {
        b.iter(|| {
            let mut exchange = Exchange::new(recorder.attempt(about()));
            exchange.dispatched();
            exchange.answered(200);
            for _ in 0..150 {
                exchange.received(black_box(TOKEN));
            }
            exchange.received(STOP);
            exchange.closed();
        });
    });
    group.finish();
}

criterion_group!(benches, records, attempts);
criterion_main!(benches);
