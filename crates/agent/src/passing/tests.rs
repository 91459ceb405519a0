use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::*;
use crate::spool::tests::bench::{loose, numbered};

struct Bench {
    passing: Arc<Passing>,
    parcels: mpsc::Receiver<Parcel>,
    spool: watch::Sender<State>,
    counters: watch::Sender<Counters>,
    bytes: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Bench {
    fn new() -> Self {
        let (parcels, taken) = mpsc::channel(8);
        let (spool, state) = watch::channel(State::default());
        let connected = Counters {
            takes_batches: true,
            ..Counters::default()
        };
        let (counters, counted) = watch::channel(connected);
        let agent = AgentId::new("agent-1").unwrap();
        Self {
            passing: Arc::new(Passing::new(agent, parcels, state, counted)),
            parcels: taken,
            spool,
            counters,
            bytes: Arc::new(Semaphore::new(1_000)),
            tasks: TaskTracker::new(),
        }
    }

    fn carry(&self, held: HeldBatch) -> tokio::task::JoinHandle<Result<(), NotPassed>> {
        let room = Arc::clone(&self.bytes).try_acquire_many_owned(100).unwrap();
        let passing = Arc::clone(&self.passing);
        self.tasks
            .spawn(async move { passing.carry(held, room).await })
    }

    /// What the courier says of a parcel.
    fn settle(&self, parcel: &Parcel, fate: Fate) {
        self.passing.hear(Settled {
            ticket: parcel.ticket(),
            observations: 1,
            fate,
        });
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_acknowledged_once_a_collector_has_it() {
    let mut bench = Bench::new();
    let carried = bench.carry(numbered(7, &[1]));
    let parcel = bench.parcels.recv().await.unwrap();
    assert!(bench.passing.is_awaited(parcel.ticket()));
    assert!(!carried.is_finished());
    bench.settle(&parcel, Fate::Acknowledged { accepted: 1 });
    assert_eq!(carried.await.unwrap(), Ok(()));
    let carried = bench.carry(numbered(8, &[1]));
    let parcel = bench.parcels.recv().await.unwrap();
    bench.settle(&parcel, Fate::Dropped(DropReason::TooLarge));
    let refused = NotPassed::Refused(DropReason::TooLarge);
    assert_eq!(carried.await.unwrap(), Err(refused));
    assert_eq!(bench.bytes.available_permits(), 1_000, "room is given back");
}

#[tokio::test(start_paused = true)]
async fn p1_nothing_with_a_number_overtakes_what_is_on_the_disk() {
    let mut bench = Bench::new();
    bench.spool.send_modify(|state| state.undelivered = 1);
    let refused = bench.carry(numbered(2_000, &[1])).await.unwrap();
    assert!(matches!(refused, Err(NotPassed::Now(why)) if why.contains("goes first")));
    // What has none yet gets one of another life.
    let carried = bench.carry(loose(&[1]));
    let parcel = bench.parcels.recv().await.unwrap();
    bench.settle(&parcel, Fate::Acknowledged { accepted: 1 });
    assert_eq!(carried.await.unwrap(), Ok(()));
    bench.spool.send_modify(|state| state.undelivered = 0);
    let carried = bench.carry(numbered(2_001, &[1]));
    let parcel = bench.parcels.recv().await.unwrap();
    bench.settle(&parcel, Fate::Acknowledged { accepted: 1 });
    assert_eq!(carried.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn p2_who_is_told_to_come_again_is_not_carried_before() {
    let mut bench = Bench::new();
    let carried = bench.carry(loose(&[1]));
    let parcel = bench.parcels.recv().await.unwrap();
    assert_eq!(carried.await.unwrap(), Err(NotPassed::Now(UNANSWERED)));
    assert!(!bench.passing.is_awaited(parcel.ticket()));
    assert_eq!(bench.bytes.available_permits(), 1_000, "room is given back");
}

#[tokio::test(start_paused = true)]
async fn p6_a_parcel_under_way_holds_its_room_until_its_end() {
    let mut bench = Bench::new();
    let carried = bench.carry(loose(&[1]));
    let parcel = bench.parcels.recv().await.unwrap();
    assert!(carried.await.unwrap().is_err());
    assert_eq!(
        bench.bytes.available_permits(),
        900,
        "it is in memory still"
    );
    bench.settle(&parcel, Fate::Acknowledged { accepted: 1 });
    assert_eq!(bench.bytes.available_permits(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn without_a_collector_nobody_waits() {
    let mut bench = Bench::new();
    bench.counters.send_modify(|it| it.takes_batches = false);
    let refused = bench.carry(loose(&[1])).await.unwrap();
    assert!(matches!(refused, Err(NotPassed::Now(why)) if why.contains("no collector answers")));
    assert!(bench.parcels.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_large_report_passes_in_parts() {
    let mut bench = Bench::new();
    let many: Vec<u64> = (0..2_500).collect();
    let carried = bench.carry(loose(&many));
    for _ in 0..3 {
        let parcel = bench.parcels.recv().await.unwrap();
        bench.settle(&parcel, Fate::Acknowledged { accepted: 1_000 });
    }
    assert_eq!(carried.await.unwrap(), Ok(()));
}
