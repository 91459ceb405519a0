//! Random schedules of failures: nothing is taken twice when repeats are left out, and what may
//! not have been taken is told.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config;
use sextant_reporter::options::Options;
use sextant_reporter::report::DropReason;
use sextant_reporter::transport::{Lost, Ready, Transport};
use sextant_wire::answer::BatchRefusalReason as Reason;

use crate::collector::{Collector, Reaction};
use crate::fake::Fake;
use crate::kit::{LONG, ms, options, send_all};

#[derive(Debug, Clone)]
struct Schedule {
    reactions: Vec<Reaction>,
    delays_ms: Vec<u64>,
    /// Refused, or ready after so many milliseconds.
    doors: Vec<Option<u64>>,
    in_flight_max: usize,
    batch_observations_max: usize,
    /// What the hellos allow, one after another.
    observations_max: Vec<Option<usize>>,
    size_max: usize,
    definitions_max: usize,
    count: u64,
}

proptest! {
    #![proptest_config(Config { cases: 200, ..Config::default() })]

    #[test]
    fn everything_is_taken_or_told_and_counts_once(schedule in schedule()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(play(schedule));
    }
}

async fn play(schedule: Schedule) {
    let Schedule {
        in_flight_max,
        size_max,
        count,
        ..
    } = schedule;
    let is_too_large_once =
        schedule.observations_max.len() > 1 || size_max < schedule.batch_observations_max;
    let mut reactions = schedule.reactions.into_iter();
    let collector = Collector::new(move |it| {
        if it.names.len() > size_max {
            return Reaction::Refuse(Reason::TooLarge, None);
        }
        reactions.next().unwrap_or(Reaction::Take)
    });
    let hellos = schedule.observations_max.iter();
    let hellos = hellos.map(|max| Ready {
        batch_observations_max: *max,
        ..Ready::default()
    });
    let fake = Fake {
        hellos: hellos.collect(),
        definitions_max: schedule.definitions_max,
        ..Fake::new(&collector)
    };
    let mut delays = schedule.delays_ms.into_iter();
    *fake.delays.lock().unwrap() = Box::new(move || ms(delays.next().unwrap_or(0)));
    let doors = schedule.doors;
    *fake.doors.lock().unwrap() = Box::new(move |nth| match doors.get(nth) {
        Some(None) => Err(Lost::new("connection refused")),
        Some(Some(wait)) => Ok(ms(*wait)),
        None => Ok(Duration::ZERO),
    });
    let options = Options {
        in_flight_max,
        batch_observations_max: schedule.batch_observations_max,
        ..options()
    };
    let fake = Arc::new(fake);
    let transport = Arc::clone(&fake) as Arc<dyn Transport>;
    let report = send_all(options, transport, count, LONG).await;
    assert!(report.failure.is_none(), "{report:?}");
    let given_up = report.dropped.values().sum::<u64>();
    let unacknowledged = report.dropped.get(&DropReason::Unacknowledged);
    assert_eq!(given_up, unacknowledged.copied().unwrap_or(0));
    assert_eq!(
        (report.recorded, report.acknowledged + given_up),
        (count, count)
    );
    // Some of it may have been taken. Nothing is given up that is not too large for a target.
    assert!(collector.missing(count) <= given_up);
    assert!(given_up == 0 || is_too_large_once, "{report:?}");
    assert!(fake.in_flight_max() <= in_flight_max);
}

fn schedule() -> impl Strategy<Value = Schedule> {
    (
        prop::collection::vec(reaction(), 0..60),
        prop::collection::vec(prop_oneof![Just(0), 0..50_u64, 0..20_000_u64], 0..8),
        prop::collection::vec(prop::option::of(0..20_000_u64), 0..10),
        1..6_usize,
        1..12_usize,
        prop::collection::vec(prop::option::of(1..12_usize), 0..4),
        1..12_usize,
        // At least as many as a batch may need.
        11..40_usize,
        0..200_u64,
    )
        .prop_map(|parts| Schedule {
            reactions: parts.0,
            delays_ms: parts.1,
            doors: parts.2,
            in_flight_max: parts.3,
            batch_observations_max: parts.4,
            observations_max: parts.5,
            size_max: parts.6,
            definitions_max: parts.7,
            count: parts.8,
        })
}

fn reaction() -> impl Strategy<Value = Reaction> {
    let passing = prop::sample::select(vec![
        Reason::Rate,
        Reason::Load,
        Reason::Unavailable,
        Reason::NewSenders,
    ]);
    let wait = prop::option::of((0..30_000_u64).prop_map(ms));
    prop_oneof![
        4 => Just(Reaction::Take),
        1 => Just(Reaction::TakeAndSayNothing),
        1 => Just(Reaction::TakeAndBreak),
        1 => Just(Reaction::TakeAndSayTwice),
        1 => Just(Reaction::TakeAndSayLater),
        1 => Just(Reaction::TakeAfterNonsense),
        1 => Just(Reaction::SayNothing),
        1 => Just(Reaction::Break),
        2 => (passing, wait).prop_map(|(reason, wait)| Reaction::Refuse(reason, wait)),
    ]
}
