//! A choice among 3, 10 and 100 candidates, and what it costs to lay out a snapshot for it.
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/market.rs"]
mod market;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sextant_router::choose;
use sextant_router::decision::Decision;
use sextant_router::tier::Tier;

use self::market::{Market, NOW, offer, request};

fn choices(c: &mut Criterion) {
    let mut group = c.benchmark_group("choose");
    for candidates in [3_u64, 10, 100] {
        let board = market(candidates).board();
        for tier in [Tier::Realtime, Tier::Standard] {
            let request = request(tier);
            let (mut decision, mut seed) = (Decision::default(), 0);
            let id = BenchmarkId::new(tier.name(), candidates);
            group.bench_function(id, |b| {
                b.iter(|| {
                    seed += 1;
                    let view = board.at(NOW, Duration::from_millis(300));
                    choose(view, black_box(&request), seed, &mut decision);
                    decision.candidates.len()
                });
            });
        }
    }
    group.finish();
}

fn boards(c: &mut Criterion) {
    let mut group = c.benchmark_group("board");
    for endpoints in [100, 1_000, 10_000] {
        group.throughput(Throughput::Elements(endpoints));
        let market = market(endpoints);
        group.bench_function(BenchmarkId::from_parameter(endpoints), |b| {
            let (snapshot, facts) = market.parts();
            b.iter(|| market::laid_out(black_box(&snapshot), &facts));
        });
    }
    group.finish();
}

criterion_group!(benches, choices, boards);
criterion_main!(benches);

fn market(candidates: u64) -> Market {
    Market::new((0..candidates).map(|n| offer(&format!("p{n}"), 100 + n * 7 % 90)))
}
