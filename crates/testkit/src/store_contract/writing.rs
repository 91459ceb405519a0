//! What becomes of rows that are written.

use std::cmp::Reverse;
use std::sync::Arc;

use sextant_measure::id::{AgentId, Operation};
use sextant_measure::quantization::Quantization;
use sextant_snapshot::gates::{GateKey, Ruling, Verdict};
use sextant_store::{AgentRow, Limits, Revision, Rows, RulingRow, Store, StoreError};

use super::attempts::{all_attempts, newest_first};
use super::incidents::{about, all_incidents, incident};
use super::traffic::Traffic;
use super::{
    Harness, all_minutes, all_windows, always, at, endpoint, model, of_minutes, of_windows, range,
    region, seeds, series,
};

/// Rows of all kinds: an endpoint in two regions, two agents in two partitions, and rulings on gates,
/// over a few minutes.
fn some_rows(traffic: &mut Traffic, model: &str, revision: Revision) -> Rows {
    let mut rows = Rows {
        rulings: rulings(model),
        incidents: vec![
            incident(&about(model), at(0), None),
            incident(&about(model), at(60), Some(at(61))),
        ],
        ..Rows::default()
    };
    let served = endpoint(model, "groq");
    for minute in [at(0), at(1), at(60), at(2_000)] {
        for place in ["eu", "us-west-2"] {
            let series = series(model, "groq", place);
            rows.minutes
                .push(traffic.minute_row(&series, minute, revision));
            let place = region(place);
            rows.windows
                .push(traffic.window_row(&served, Some(&place), minute));
        }
        rows.windows.push(traffic.window_row(&served, None, minute));
        for agent in ["edge 1", "kante-ü"] {
            let agent = AgentId::new(agent).unwrap();
            for partition in [3, 0] {
                rows.agents.push(AgentRow {
                    partition,
                    ..traffic.agent_row(&agent, minute, revision)
                });
            }
        }
        let place = series(model, "groq", "eu");
        rows.attempts.push(traffic.attempt_row(&place, minute));
    }
    rows
}

/// Records of a gates log for a model, in their order. A record is the same whoever writes it.
fn rulings(model_name: &str) -> Vec<RulingRow> {
    let verdicts = [Some(Verdict::Green), None, Some(Verdict::Red)];
    let operations = ["summarize", "it's \"quoted\" \\ and; --dropped", "ü"];
    let ruling = |n: u32| {
        let turn = (n % 3) as usize;
        let key = GateKey {
            operation: Operation::new(operations[turn]).unwrap(),
            model: model(model_name),
            quantization: Quantization::Fp8,
        };
        // Some at the same moment.
        let since = at(n / 2).start().plus_micros(i64::from(n / 2) * 7 + 1);
        let author = "évals\u{202e}".to_owned();
        Ruling::new(key, verdicts[turn], author, since).unwrap()
    };
    // A log for each, since a record is of one model only.
    let log_id = model_name.bytes().fold(u64::MAX, |id, byte| {
        id.wrapping_mul(31).wrapping_add(byte.into())
    });
    let row = |n: u32| RulingRow {
        log_id,
        offset: n.into(),
        ruling: ruling(n),
    };
    (0..9).map(row).collect()
}

/// All rows about a model and all agents', in the order of the answers.
async fn everything(store: &dyn Store, name: &str) -> Rows {
    Rows {
        minutes: store.minutes(&all_minutes(name)).await.unwrap(),
        windows: store.windows(&all_windows(name)).await.unwrap(),
        agents: store.agents(always()).await.unwrap(),
        rulings: store.rulings(&model(name), always()).await.unwrap(),
        attempts: store.attempts(&all_attempts(name)).await.unwrap(),
        incidents: store.incidents(&all_incidents(name)).await.unwrap(),
    }
}

/// Rows in the order of the answers.
fn sorted(mut rows: Rows) -> Rows {
    rows.minutes
        .sort_by_key(|row| (row.minute, row.series.clone()));
    rows.windows
        .sort_by_key(|row| (row.ending, row.endpoint.clone(), row.region.clone()));
    rows.agents
        .sort_by_key(|row| (row.minute, row.agent.clone(), row.partition));
    newest_first(&mut rows.attempts);
    rows.incidents
        .sort_by_key(|row| (Reverse(row.opened_at), row.alert.clone()));
    rows
}

/// Whatever is in a row, it is read as it was written.
pub async fn rows_are_read_as_they_were_written(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    for (n, seed) in (1..).zip(seeds()) {
        let model = format!("model-{n}");
        let revision = Revision { epoch: n, n: 1 };
        let rows = some_rows(&mut Traffic::new(seed), &model, revision);
        store.write(rows.clone()).await.unwrap();
        assert_eq!(
            everything(&*store, &model).await,
            sorted(rows),
            "seed {seed}"
        );
    }
}

/// A store keeps its rows when it is closed.
pub async fn rows_survive_reopening(harness: &dyn Harness) {
    let rows = some_rows(&mut Traffic::new(1), "m", Revision { epoch: 1, n: 1 });
    let store = harness.open(Limits::default()).await;
    store.write(rows.clone()).await.unwrap();
    drop(store);
    let store = harness.open(Limits::default()).await;
    assert_eq!(everything(&*store, "m").await, sorted(rows));
}

/// Rows are whole, so a repeat adds nothing.
pub async fn writing_the_same_rows_again_changes_nothing(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let rows = some_rows(&mut Traffic::new(1), "m", Revision { epoch: 7, n: 7 });
    store.write(rows.clone()).await.unwrap();
    let endpoints = [endpoint("m", "groq")];
    let uptime = store.uptime(&endpoints, always()).await.unwrap();
    store.write(rows.clone()).await.unwrap();
    assert_eq!(everything(&*store, "m").await, sorted(rows));
    assert_eq!(store.uptime(&endpoints, always()).await.unwrap(), uptime);
}

/// By epoch first, then by number; earlier rows of the same write count too.
pub async fn the_highest_revision_stands_whatever_the_order(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let ascending = [(1, 1), (1, 2), (1, 900), (2, 1), (2, 2), (300, 0)];
    let ascending = ascending.map(|(epoch, n)| Revision { epoch, n });
    // The highest one is sometimes so by its epoch, sometimes by its number.
    let cuts = (1..=ascending.len()).flat_map(|cut| seeds().map(move |seed| (cut, seed)));
    for (cut, seed) in cuts {
        let mut traffic = Traffic::new(seed);
        let model = format!("m-{cut}-{seed}");
        let agent = AgentId::new(&model).unwrap();
        let series = series(&model, "groq", "eu");
        let mut row = |revision| {
            let minute = traffic.minute_row(&series, at(0), revision);
            (minute, traffic.agent_row(&agent, at(0), revision))
        };
        let mut left: Vec<_> = ascending[..cut].iter().map(|r| row(*r)).collect();
        let last = left.last().unwrap().clone();
        while !left.is_empty() {
            let some = 1 + traffic.below(3) as usize;
            let mut rows = Rows::default();
            for _ in 0..some.min(left.len()) {
                let count = u32::try_from(left.len()).unwrap();
                let (minute, agent) = left.remove(traffic.below(count) as usize);
                rows.minutes.push(minute);
                rows.agents.push(agent);
            }
            store.write(rows).await.unwrap();
        }
        let stored = everything(&*store, &model).await;
        assert_eq!(stored.minutes, [last.0], "seed {seed}");
        let stored: Vec<AgentRow> = stored
            .agents
            .into_iter()
            .filter(|row| row.agent == agent)
            .collect();
        assert_eq!(stored, [last.1], "seed {seed}");
    }
}

/// Two rows of one revision can't both be right; the first is as good as the second.
pub async fn an_equal_revision_replaces_nothing(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let revision = Revision { epoch: 3, n: 3 };
    let first = some_rows(&mut Traffic::new(1), "m", revision);
    let mut second = some_rows(&mut Traffic::new(2), "m", revision);
    // Those have no revision, and what they are known by is drawn.
    second.attempts.clone_from(&first.attempts);
    assert_ne!(first, second);
    store.write(first.clone()).await.unwrap();
    store.write(second).await.unwrap();
    assert_eq!(everything(&*store, "m").await, sorted(first));
}

/// What was published stays as it was.
pub async fn a_published_window_is_never_rewritten(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let mut traffic = Traffic::new(1);
    let served = endpoint("m", "groq");
    let place = region("eu");
    let mut rows =
        |minute| [None, Some(&place)].map(|place| traffic.window_row(&served, place, minute));
    let (first, second, later) = (rows(at(0)), rows(at(0)), rows(at(1)));
    store.write(of_windows(first.clone())).await.unwrap();
    store
        .write(of_windows(second.into_iter().chain(later.clone())))
        .await
        .unwrap();
    let expected: Vec<_> = first.into_iter().chain(later).collect();
    assert_eq!(store.windows(&all_windows("m")).await.unwrap(), expected);
}

/// A write is taken whole or not at all.
pub async fn a_refused_write_changes_nothing(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let mut rows = some_rows(&mut Traffic::new(1), "m", Revision { epoch: 1, n: 1 });
    let broken = rows.minutes.last_mut().unwrap();
    broken.sums.bins.swap(0, 2);
    let refused = store.write(rows).await;
    assert!(
        matches!(refused, Err(StoreError::Invalid { .. })),
        "{refused:?}"
    );
    assert!(everything(&*store, "m").await.is_empty());
}

/// Nothing of a write that is too large is taken.
pub async fn a_write_over_the_bound_is_refused_with_both_figures(harness: &dyn Harness) {
    let written_rows_max = 10;
    let store = harness
        .open(Limits {
            written_rows_max,
            ..Limits::default()
        })
        .await;
    let mut traffic = Traffic::new(1);
    let series = series("m", "groq", "eu");
    let mut rows = |count| {
        let row = |minute| traffic.minute_row(&series, at(minute), Revision::default());
        of_minutes((0..count).map(row))
    };
    let refused = store.write(rows(11)).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::TooMany {
                count: 11,
                max: 10,
                ..
            })
        ),
        "{refused:?}"
    );
    assert!(everything(&*store, "m").await.is_empty());
    store.write(rows(10)).await.unwrap();
    assert_eq!(everything(&*store, "m").await.len(), 10);
}

/// Owners of many partitions write at once.
pub async fn concurrent_writes_all_stand(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let row = |n: u32| {
        let series = series("m", &format!("provider-{n}"), "eu");
        Traffic::new(n.into()).minute_row(&series, at(n), Revision::default())
    };
    let writes = (0..16).map(|n| {
        let store = Arc::clone(&store);
        async move { store.write(of_minutes([row(n)])).await }
    });
    let mut tasks: tokio::task::JoinSet<_> = writes.collect();
    while let Some(written) = tasks.join_next().await {
        written.unwrap().unwrap();
    }
    let expected: Vec<_> = (0..16).map(row).collect();
    assert_eq!(store.minutes(&all_minutes("m")).await.unwrap(), expected);
}

/// Rulings are found by the time at which they were given, however they come in.
pub async fn rulings_are_found_by_model_and_time(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let (ours, others) = (rulings("m"), rulings("other"));
    let write = async |rulings: Vec<RulingRow>| {
        let rows = Rows {
            rulings,
            ..Rows::default()
        };
        store.write(rows).await.unwrap();
    };
    write(ours.iter().rev().take(4).cloned().collect()).await;
    write(others).await;
    write(ours.clone()).await;
    let m = model("m");
    assert_eq!(store.rulings(&m, always()).await.unwrap(), ours);
    // Two a minute, from the first one on.
    assert_eq!(store.rulings(&m, range(1, 3)).await.unwrap(), ours[2..6]);
    assert_eq!(store.rulings(&m, range(3, 1)).await.unwrap(), []);
    assert_eq!(store.rulings(&model("none"), always()).await.unwrap(), []);
    drop(store);
    let few = Limits {
        rows_max: 8,
        ..Limits::default()
    };
    let store = harness.open(few).await;
    let refused = store.rulings(&m, always()).await;
    let is_told = |it: &_| {
        matches!(
            it,
            Err(StoreError::TooMany {
                count: 9,
                max: 8,
                ..
            })
        )
    };
    assert!(is_told(&refused), "{refused:?}");
}
