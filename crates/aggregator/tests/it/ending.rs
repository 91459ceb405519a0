//! An owner that is told to end while its engines answer nothing.

use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::EventLog as _;
use sextant_wire::topics::{AGGREGATORS, OBSERVATIONS};
use tokio::time::Instant;

use crate::flaky::Flaky;
use crate::rig::Rig;
use crate::storing::assert_stored;
use crate::traffic::{answer, endpoint, part};

const LONG: Duration = Duration::from_hours(1);
/// Half of the time that a process has for its end, by default.
const IN_TIME: Duration = Duration::from_secs(5);

async fn rig() -> (Rig, Arc<Flaky>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Flaky::open(folder.path());
    let rig = Rig::with_store(Arc::clone(&store) as Arc<_>, folder).await;
    (rig, store)
}

async fn stop_in_time(rig: &mut Rig) {
    let begun = Instant::now();
    rig.stop().await;
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn commits_that_hang_keep_no_window_back_and_no_end() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let mut all: Vec<_> = (0..20).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 1, &all)).await;
    rig.log.delay_commits(LONG);
    // So that there is something to commit.
    rig.pass(90).await;
    let newer: Vec<_> = (100..110).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 2, &newer)).await;
    all.extend(newer);
    rig.pass(2).await;
    assert_eq!(rig.row(&endpoint()).await.global().counts.all(), 30);
    stop_in_time(&mut rig).await;
    assert_stored(&rig, &all).await;
    let committed = rig.log.committed(AGGREGATORS, OBSERVATIONS, 0).await;
    assert_eq!(committed.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_keeps_no_end_back_and_what_it_lacks_is_not_committed() {
    let (mut rig, store) = rig().await;
    store.hang();
    rig.start("a");
    let all: Vec<_> = (0..20).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 1, &all)).await;
    rig.pass(90).await;
    stop_in_time(&mut rig).await;
    let committed = rig.log.committed(AGGREGATORS, OBSERVATIONS, 0).await;
    assert_eq!(committed.unwrap(), None);
    store.answer();
    rig.start("b");
    rig.pass(3).await;
    rig.stop().await;
    assert_stored(&rig, &all).await;
}

#[tokio::test(start_paused = true)]
async fn appends_that_hang_keep_no_end_back_and_what_was_read_is_stored() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let all: Vec<_> = (0..20).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 1, &all)).await;
    rig.pass(3).await;
    rig.log.delay_appends(LONG);
    // Publishing hangs by now.
    rig.pass(3).await;
    stop_in_time(&mut rig).await;
    assert_stored(&rig, &all).await;
    rig.log.delay_appends(Duration::ZERO);
    rig.start("b");
    rig.log.delay_appends(LONG);
    // So does its claim.
    rig.pass(3).await;
    stop_in_time(&mut rig).await;
}
