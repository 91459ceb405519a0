//! Batches that others numbered, on their way to targets that misbehave.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config;
use sextant_measure::id::AgentId;
use sextant_measure::observation::Definition;
use sextant_reporter::courier::{Courier, Errand};
use sextant_reporter::options::Options;
use sextant_reporter::parcel::{Fate, Parcel, Settled};
use sextant_reporter::relay::Relay;
use sextant_reporter::report::DropReason;
use sextant_wire::answer::BatchRefusalReason as Reason;
use sextant_wire::batch::{Batch, Heartbeat, Totals};
use sextant_wire::columns::{ColumnsBuilder, Row};
use sextant_wire::held::HeldBatch;
use sextant_wire::identity::Identity;
use tokio::sync::{mpsc, watch};

use crate::collector::{Collector, Reaction};
use crate::fake::Fake;
use crate::kit::{LONG, START, TestClock, ms, observation, options, until};

/// A courier, and all that it tells.
struct Bench {
    courier: Courier,
    ends: mpsc::Receiver<Settled>,
    totals: watch::Sender<Totals>,
    relay: Arc<Relay>,
}

impl Bench {
    fn new(options: Options, fake: Fake) -> Self {
        let (settled, ends) = mpsc::channel(4_096);
        let (totals, told) = watch::channel(Totals::default());
        let relay = Arc::new(Relay::new(2));
        let errand = Errand {
            settled,
            totals: told,
            relay: Arc::clone(&relay),
        };
        let clock = TestClock::new();
        Self {
            courier: Courier::start(options, Arc::new(fake), clock, errand).unwrap(),
            ends,
            totals,
            relay,
        }
    }

    /// Carries all of them; what became of each, by ticket.
    async fn carry(self, parcels: Vec<Parcel>, within: Duration) -> BTreeMap<u64, Settled> {
        let Self {
            courier, mut ends, ..
        } = self;
        for parcel in parcels {
            courier.carry(parcel).await.unwrap();
        }
        courier.finish(within).await;
        let mut fates = BTreeMap::new();
        while let Some(settled) = ends.recv().await {
            let before = fates.insert(settled.ticket, settled);
            assert_eq!(before, None, "{settled:?} is told twice");
        }
        fates
    }
}

/// A sender's batch with these observations, under ids that mean something else at each sender.
fn parcel(ticket: u64, sender: &str, sequence: u64, names: Range<u64>) -> Parcel {
    let (mut columns, mut ids) = (ColumnsBuilder::default(), HashMap::new());
    for n in names {
        let observation = observation(n);
        let next = u32::try_from(sender.len() * 100 + ids.len()).unwrap();
        let endpoint = *ids.entry(observation.definition).or_insert(next);
        let name = observation.request_id.unwrap();
        columns.push(&Row {
            endpoint,
            measurement: observation.measurement,
            tier: None,
            operation: None,
            request_id: Some(name.as_str()),
        });
    }
    let columns = columns.finish();
    let definitions: Vec<(u32, Definition)> = ids.into_iter().map(|(it, id)| (id, it)).collect();
    let identity = Identity {
        agent: sender.parse().unwrap(),
        epoch: 7,
        sequence,
    };
    let batch = Batch {
        identity: Some(identity),
        sequence,
        columns,
        ..Batch::default()
    };
    Parcel::new(ticket, HeldBatch { batch, definitions }, 1_000)
}

/// `each` batches of five from each sender, their numbers alike.
fn parcels(each: u64) -> Vec<Parcel> {
    let batches = (0..each).flat_map(|n| ["a", "bb", "ccc"].map(|sender| (n, sender)));
    let numbered = (0..).zip(batches);
    let parcel = |(ticket, (n, sender)): (u64, (u64, &str))| {
        parcel(ticket, sender, n + 1, ticket * 5..ticket * 5 + 5)
    };
    numbered.map(parcel).collect()
}

#[tokio::test(start_paused = true)]
async fn each_goes_under_its_senders_number_and_in_order() {
    let collector = Collector::obliging();
    let bench = Bench::new(options(), Fake::new(&collector));
    let fates = bench.carry(parcels(20), LONG).await;
    let fate = Fate::Acknowledged { accepted: 5 };
    let is_taken = |settled: &Settled| settled.fate == fate && settled.observations == 5;
    assert!(
        fates.len() == 60 && fates.values().all(is_taken),
        "{fates:?}"
    );
    collector.assert_holds_once(300);
    for sender in ["a", "bb", "ccc"] {
        let log = collector.log();
        let its = log.iter().filter(|it| it.identity.agent.as_str() == sender);
        let numbers: Vec<_> = its.map(|it| it.identity.sequence).collect();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>(), "{sender}");
    }
    assert!(collector.log().iter().all(|it| it.identity.epoch == 7));
}

#[tokio::test(start_paused = true)]
async fn two_of_one_number_are_never_on_their_way_together() {
    let collector = Collector::obliging();
    let fake = Fake::new(&collector);
    *fake.delays.lock().unwrap() = Box::new(|| ms(100));
    let bench = Bench::new(options(), fake);
    bench.carry(parcels(10), LONG).await;
    let log = collector.log();
    for (index, late) in log.iter().enumerate() {
        let alike = log[..index].iter().rev();
        let mut alike = alike.filter(|it| it.identity.sequence == late.identity.sequence);
        if let Some(before) = alike.next() {
            assert!(late.at - before.at >= ms(100), "{late:?} after {before:?}");
        }
    }
    collector.assert_holds_once(150);
}

#[tokio::test(start_paused = true)]
async fn one_that_has_to_wait_for_another_of_its_number_holds_up_nothing_else() {
    let collector = Collector::new(|it| match it.names[0].as_str() {
        "r0" => Reaction::SayNothing,
        _ => Reaction::Take,
    });
    let bench = Bench::new(options(), Fake::new(&collector));
    let mut parcels = vec![parcel(0, "a", 1, 0..5), parcel(1, "bb", 1, 5..10)];
    parcels.extend((2..10).map(|n| parcel(n, "ccc", n, n * 5..n * 5 + 5)));
    let fates = bench.carry(parcels, ms(500)).await;
    assert_eq!(
        fates.into_keys().collect::<Vec<_>>(),
        (2..10).collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn what_never_passes_is_told_whole_and_the_rest_goes_on() {
    let collector = Collector::new(|it| match it.names[0].as_str() {
        "r5" => Reaction::Refuse(Reason::Invalid, None),
        "r10" => Reaction::Refuse(Reason::TooLarge, None),
        "r15" => Reaction::TakeExcept(vec![0, 4]),
        _ => Reaction::Take,
    });
    let bench = Bench::new(options(), Fake::new(&collector));
    let fates = bench.carry(parcels(2), LONG).await;
    let fates: Vec<_> = fates.values().map(|settled| settled.fate).collect();
    let taken = Fate::Acknowledged { accepted: 5 };
    let expected = [
        taken,
        Fate::Dropped(DropReason::Invalid),
        Fate::Dropped(DropReason::TooLarge),
        Fate::Acknowledged { accepted: 3 },
        taken,
        taken,
    ];
    assert_eq!(fates, expected);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_answer_at_the_end_is_not_settled() {
    let collector = Collector::new(|it| match it.names[0].as_str() {
        "r5" => Reaction::SayNothing,
        _ => Reaction::Take,
    });
    let bench = Bench::new(options(), Fake::new(&collector));
    let parcels = (0..3).map(|n| parcel(n, "a", n + 1, n * 5..n * 5 + 5));
    let fates = bench.carry(parcels.collect(), ms(500)).await;
    assert_eq!(fates.into_keys().collect::<Vec<_>>(), [0, 2]);
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_of_others_are_passed_on_each_once_and_the_newest() {
    let collector = Collector::obliging();
    let bench = Bench::new(options(), Fake::new(&collector));
    let recorded = |recorded| Totals {
        recorded,
        ..Totals::default()
    };
    let sign = |agent: &str, n| Heartbeat {
        agent: AgentId::new(agent).unwrap(),
        epoch: 1,
        sent_at: START,
        clock_offset_us: 0,
        totals: recorded(n),
    };
    bench.totals.send_replace(recorded(1_000));
    assert!(bench.relay.pass_on(sign("a", 1)));
    assert!(bench.relay.pass_on(sign("b", 2)));
    assert!(bench.relay.pass_on(sign("a", 3)), "it replaces its last");
    assert!(!bench.relay.pass_on(sign("c", 4)), "it is bounded");
    let heard = |n| {
        let heard = collector.heartbeats();
        heard.iter().filter(|totals| totals.recorded == n).count()
    };
    until(|| heard(2) > 0 && heard(3) > 0 && heard(1_000) > 0).await;
    assert!(bench.relay.pass_on(sign("c", 4)));
    until(|| heard(4) > 0).await;
    assert_eq!([1, 2, 3, 4].map(heard), [0, 1, 1, 1]);
    bench.courier.finish(LONG).await;
}

proptest! {
    #![proptest_config(Config { cases: 100, ..Config::default() })]

    #[test]
    fn p1_p2_each_is_settled_once_and_what_is_acknowledged_was_taken_once(
        reactions in prop::collection::vec(reaction(), 0..80),
        delays_ms in prop::collection::vec(prop_oneof![Just(0), 0..20_000_u64], 0..8),
        in_flight_max in 1..6_usize,
        each in 1..20_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async move {
            let mut reactions = reactions.into_iter();
            let collector = Collector::new(move |_| reactions.next().unwrap_or(Reaction::Take));
            let fake = Fake::new(&collector);
            let mut delays = delays_ms.into_iter();
            *fake.delays.lock().unwrap() = Box::new(move || ms(delays.next().unwrap_or(0)));
            let bench = Bench::new(Options { in_flight_max, ..options() }, fake);
            let fates = bench.carry(parcels(each), LONG).await;
            assert_eq!(fates.len() as u64, each * 3);
            let taken = Fate::Acknowledged { accepted: 5 };
            assert!(fates.values().all(|settled| settled.fate == taken), "{fates:?}");
            collector.assert_holds_once(each * 15);
        });
    }
}

fn reaction() -> impl Strategy<Value = Reaction> {
    let wait = || prop::option::of((1..5_000_u64).prop_map(Duration::from_millis));
    prop_oneof![
        4 => Just(Reaction::Take),
        1 => Just(Reaction::TakeAndSayNothing),
        1 => Just(Reaction::TakeAndBreak),
        1 => Just(Reaction::TakeAfterNonsense),
        1 => Just(Reaction::SayNothing),
        1 => Just(Reaction::Break),
        1 => wait().prop_map(|wait| Reaction::Refuse(Reason::Load, wait)),
        1 => wait().prop_map(|wait| Reaction::Refuse(Reason::Rate, wait)),
    ]
}
