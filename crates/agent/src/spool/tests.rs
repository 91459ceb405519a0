pub(crate) mod bench;
mod faults;

use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::Connection;
use sextant_reporter::parcel::Fate;
use sextant_reporter::report::DropReason;

use self::bench::*;
use super::*;

#[tokio::test]
async fn p1_what_was_kept_is_there_after_a_restart_under_the_same_number() {
    let bench = Bench::new();
    let spool = bench.open();
    let epoch = spool.epoch();
    spool.keep(numbered(41, &[1, 2])).await.unwrap();
    spool.keep(loose(&[3])).await.unwrap();
    let before = all(&spool).await;
    // As a crash leaves it: nothing is closed.
    let copy = Bench::new();
    for name in ["spool.db", "spool.db-wal"] {
        let from = bench.directory.path().join(name);
        std::fs::copy(from, copy.directory.path().join(name)).unwrap();
    }
    let again = copy.open();
    assert_eq!(again.epoch(), epoch);
    assert_eq!(all(&again).await, before);
    let identities: Vec<_> = before
        .iter()
        .map(|stored| stored.held.batch.identity.clone().unwrap())
        .collect();
    assert_eq!(
        (identities[0].agent.as_str(), identities[0].sequence),
        ("gateway", 41)
    );
    let own = &identities[1];
    assert_eq!(
        (own.agent.as_str(), own.epoch, own.sequence),
        ("agent-1", epoch, 1)
    );
    again.keep(loose(&[4])).await.unwrap();
    let next = all(&again).await.pop().unwrap();
    assert_eq!(next.held.batch.identity.unwrap().sequence, 2);
    assert_eq!(settled(&again).await.totals.recorded, 4);
}

#[tokio::test]
async fn what_has_ended_goes_and_is_counted_once() {
    let bench = Bench::new();
    let spool = bench.open();
    spool.keep(numbered(1, &[1, 2, 3])).await.unwrap();
    spool.keep(numbered(2, &[4])).await.unwrap();
    let tickets: Vec<u64> = all(&spool)
        .await
        .iter()
        .map(|stored| stored.ticket)
        .collect();
    spool.settle(vec![acknowledged(tickets[0], 3, 2)]).await;
    spool
        .settle(vec![Settled {
            ticket: tickets[1],
            observations: 1,
            fate: Fate::Dropped(DropReason::TooLarge),
        }])
        .await;
    let state = settled(&spool).await;
    assert_eq!((state.batches, state.observations, state.bytes), (0, 0, 0));
    assert_eq!(state.totals.recorded, 4);
    assert_eq!((state.totals.acknowledged, state.totals.refused), (2, 1));
    assert_eq!(state.totals.dropped["too_large"], 1);
    spool.close().await;
    let again = bench.open();
    assert_eq!(settled(&again).await.totals, state.totals);
}

#[tokio::test]
async fn p6_over_the_bound_the_oldest_go_that_are_not_on_their_way_and_are_counted() {
    let mut bench = Bench::new();
    bench.bounds.bytes_max = 4_000;
    let spool = bench.open();
    spool.keep(numbered(1, &[1])).await.unwrap();
    let first = all(&spool).await.pop().unwrap();
    let mut sent = 1;
    for sequence in 2..60 {
        spool
            .keep(numbered(sequence, &[sequence, sequence]))
            .await
            .unwrap();
        sent += 2;
    }
    let state = settled(&spool).await;
    assert!(state.bytes <= 4_000, "{state:?}");
    let left = emptied(&spool).await;
    assert_eq!(left[0], first, "what is on its way has gone");
    assert_eq!(left.last().unwrap().held.batch.sequence, 59);
    let held = observations(&left);
    assert_eq!(state.observations, held);
    assert_eq!(state.totals.recorded, sent);
    assert_eq!(state.totals.dropped["spool_full"], sent - held);
    let sequences: Vec<u64> = left[1..].iter().map(|it| it.held.batch.sequence).collect();
    let newest: Vec<u64> = (60 - sequences.len() as u64..60).collect();
    assert_eq!(sequences, newest, "not the oldest went");
}

#[tokio::test]
async fn p6_half_of_the_spool_may_be_on_its_way_and_the_rest_makes_room() {
    let mut bench = Bench::new();
    bench.bounds.bytes_max = 4_000;
    let spool = bench.open();
    let sequences = 1..=300;
    let (mut through, mut on_their_way) = (0, Vec::new());
    for sequence in sequences {
        spool.keep(numbered(sequence, &[sequence])).await.unwrap();
        let load = spool.load(through, u64::MAX).await.unwrap();
        through = load.through;
        on_their_way.extend(load.batches);
    }
    let bytes: usize = on_their_way.iter().map(|stored| stored.bytes).sum();
    assert!(
        (1_900..=2_200).contains(&bytes),
        "{bytes} bytes on their way"
    );
    let state = settled(&spool).await;
    assert!(!state.has_way && state.bytes <= 4_000, "{state:?}");
    assert_eq!(state.health, Health::Keeping);
    let ends = on_their_way.iter().map(|it| acknowledged(it.ticket, 1, 1));
    spool.settle(ends.collect()).await;
    assert!(settled(&spool).await.has_way);
    let left = emptied(&spool).await;
    let state = settled(&spool).await;
    assert_eq!(left.last().unwrap().held.batch.sequence, 300);
    assert_eq!(
        state.totals.acknowledged,
        observations(&on_their_way) + observations(&left)
    );
    assert_eq!(
        state.totals.acknowledged + state.totals.dropped["spool_full"],
        300
    );
}

#[tokio::test]
async fn p6_a_batch_larger_than_the_spool_is_not_kept_and_costs_no_other() {
    let mut bench = Bench::new();
    bench.bounds.bytes_max = 2_000;
    let spool = bench.open();
    spool.keep(numbered(1, &[1])).await.unwrap();
    let large: Vec<u64> = (0..1_000).collect();
    let unkept = spool.keep(numbered(2, &large)).await.unwrap_err();
    assert!(matches!(unkept.error, SpoolError::Full(_)), "{unkept:?}");
    assert_eq!(durations(&unkept.held.unwrap()), large);
    assert_eq!(all(&spool).await.len(), 1);
    assert_eq!(settled(&spool).await.totals.dropped.len(), 0);
}

#[tokio::test]
async fn p6_what_is_too_old_goes_and_is_counted() {
    let bench = Bench::new();
    let spool = bench.open();
    spool.keep(numbered(1, &[1, 2])).await.unwrap();
    bench.clock.0.fetch_add(30_000_000, Ordering::SeqCst);
    spool.keep(numbered(2, &[3])).await.unwrap();
    bench.clock.0.fetch_add(31_000_000, Ordering::SeqCst);
    spool.tick().await;
    let state = settled(&spool).await;
    assert_eq!(
        (state.batches, state.totals.dropped["spool_expired"]),
        (1, 2)
    );
    assert_eq!(all(&spool).await[0].held.batch.sequence, 2);
}

#[tokio::test]
async fn reports_without_a_number_travel_together() {
    let bench = Bench::new();
    let spool = bench.open();
    let keeps = (0..250_u64).map(|n| spool.keep(loose(&[n])));
    for kept in futures::future::join_all(keeps).await {
        kept.unwrap();
    }
    let batches = all(&spool).await;
    assert!(batches.len() < 250, "each travels alone");
    assert!(batches.iter().all(|it| it.held.batch.columns.len() <= 100));
    let mut found: Vec<u64> = batches.iter().flat_map(|it| durations(&it.held)).collect();
    found.sort_unstable();
    assert_eq!(found, (0..250).collect::<Vec<_>>());
    let sequences: Vec<u64> = batches.iter().map(|it| it.held.batch.sequence).collect();
    assert_eq!(sequences, (1..=batches.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_large_report_without_a_number_is_divided() {
    let mut bench = Bench::new();
    bench.bounds.sizes.bytes_max = 1_000;
    let spool = bench.open();
    let sent: Vec<u64> = (0..100).collect();
    spool.keep(loose(&sent)).await.unwrap();
    let batches = all(&spool).await;
    assert!(batches.len() > 1, "it travels whole");
    let sizes: Vec<_> = batches.iter().map(|it| it.bytes).collect();
    assert!(sizes.iter().all(|bytes| *bytes <= 1_000), "{sizes:?}");
    let found: Vec<u64> = batches.iter().flat_map(|it| durations(&it.held)).collect();
    assert_eq!(found, sent);
}

#[tokio::test]
async fn two_processes_never_share_a_spool() {
    let bench = Bench::new();
    let _spool = bench.open();
    assert!(matches!(
        bench.try_open().err(),
        Some(AgentError::Locked { .. })
    ));
}

#[tokio::test]
async fn p6_a_batch_that_is_too_large_hinders_no_other() {
    let mut bench = Bench::new();
    bench.bounds.bytes_max = 4_000;
    let spool = bench.open();
    let large: Vec<u64> = (0..1_000).collect();
    let (first, refused, second) = tokio::join!(
        spool.keep(numbered(1, &[1])),
        spool.keep(numbered(2, &large)),
        spool.keep(numbered(3, &[3])),
    );
    assert!(matches!(refused.unwrap_err().error, SpoolError::Full(_)));
    first.unwrap();
    second.unwrap();
    spool.keep(numbered(4, &[4])).await.unwrap();
    let state = settled(&spool).await;
    assert_eq!((state.health, state.batches), (Health::Keeping, 3));
    assert_eq!(state.errors.full, 1);
}

#[tokio::test]
async fn what_is_on_its_way_keeps_nothing_else_from_growing_old() {
    let bench = Bench::new();
    let spool = bench.open();
    spool.keep(numbered(1, &[1])).await.unwrap();
    let first = all(&spool).await;
    for sequence in 2..10 {
        spool.keep(numbered(sequence, &[1])).await.unwrap();
        bench.pass(Duration::from_secs(10));
    }
    spool.tick().await;
    let state = settled(&spool).await;
    // Those of the last minute stay, and the one that is on its way.
    assert_eq!(state.batches, 1 + 6, "{state:?}");
    assert_eq!(state.totals.dropped["spool_expired"], 2);
    assert_eq!(emptied(&spool).await[0], first[0]);
}

#[tokio::test]
async fn a_reader_is_not_sent_after_what_has_gone() {
    let bench = Bench::new();
    let spool = bench.open();
    for sequence in 1..10 {
        spool.keep(numbered(sequence, &[1])).await.unwrap();
    }
    bench.pass(Duration::from_mins(2));
    spool.tick().await;
    let state = settled(&spool).await;
    assert_eq!((state.batches, state.newest), (0, 9));
    let load = spool.load(0, u64::MAX).await.unwrap();
    assert_eq!((load.batches.len(), load.through), (0, 9));
}
