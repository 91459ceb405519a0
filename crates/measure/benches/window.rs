//! Filing, stepping and reading windows, at 1,000, 10,000 and 100,000 series.
//!
//! Times are per observation (`file`) and per series (`step`, `figures`).
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a benchmark"
)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sextant_measure::observation::Measurement;
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::time::{Step, Timestamp};
use sextant_measure::window::SlidingWindow;

const START: Step = Step::from_index(179_535_600);
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

/// Scatters like a hash, so that neither values nor series come in order.
fn scatter(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

fn answer(n: u64, at: Timestamp) -> Measurement {
    let ttft_us = 150_000 + scatter(n) % 250_000;
    Measurement {
        completed_at: at,
        outcome: Outcome::Ok,
        source: Source::Live,
        streamed: true,
        ttft_us: Some(ttft_us),
        duration_us: Some(ttft_us + 500_000 + scatter(n + 1) % 3_000_000),
        input_tokens: None,
        output_tokens: Some(150),
        status_code: None,
        attempt: 1,
        is_final: true,
    }
}

/// Windows with ten observations in each of the last steps.
fn filled(series: usize, steps: u32) -> Vec<SlidingWindow> {
    let mut windows = vec![SlidingWindow::new(START); series];
    for step in 0..steps {
        let now = START.plus(step);
        for (index, window) in windows.iter_mut().enumerate() {
            window.advance(now);
            for n in 0..10 {
                window.file(&answer((index * 10) as u64 + n, now.start()));
            }
        }
    }
    windows
}

fn file(c: &mut Criterion) {
    let mut group = c.benchmark_group("file");
    for series in SIZES {
        let mut windows = filled(series, 3);
        let at = START.plus(2).start();
        let events = 100_000_u64;
        group.throughput(Throughput::Elements(events));
        group
            .sample_size(10)
            .bench_function(series.to_string(), |b| {
                b.iter(|| {
                    for n in 0..events {
                        let index = usize::try_from(scatter(n * 31)).unwrap() % series;
                        if let Some(window) = windows.get_mut(index) {
                            black_box(window.file(&answer(n, at)));
                        }
                    }
                });
            });
    }
    group.finish();
}

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("step");
    for series in [1_000, 10_000] {
        let windows = filled(series, 181);
        let next = START.plus(181);
        group.throughput(Throughput::Elements(series as u64));
        group
            .sample_size(10)
            .bench_function(series.to_string(), |b| {
                b.iter_batched_ref(
                    || windows.clone(),
                    |windows| windows.iter_mut().for_each(|window| window.advance(next)),
                    BatchSize::LargeInput,
                );
            });
    }
    group.finish();
}

fn figures(c: &mut Criterion) {
    let mut group = c.benchmark_group("figures");
    for series in SIZES {
        // Fewer steps where there are many series, so that all fit into memory.
        let steps = if series > 10_000 { 18 } else { 180 };
        let windows = filled(series, steps);
        let at = START.plus(steps - 1).start();
        let bytes: usize = windows.iter().map(SlidingWindow::heap_bytes).sum();
        eprintln!(
            "{series} series, {steps} steps of 10 observations: {} bytes each",
            bytes / series
        );
        group.throughput(Throughput::Elements(series as u64));
        group
            .sample_size(10)
            .bench_function(series.to_string(), |b| {
                b.iter(|| {
                    windows.iter().for_each(|window| {
                        black_box(window.figures(at));
                    });
                });
            });
    }
    group.finish();
}

criterion_group!(benches, file, step, figures);
criterion_main!(benches);
