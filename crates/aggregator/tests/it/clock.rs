//! Clocks that step.

use crate::rig::Rig;
use crate::traffic::{answer, endpoint, part};

const FILED: &str = "sextant_aggregator_filed_observations_total";

#[tokio::test(start_paused = true)]
async fn a_clock_that_ran_ahead_and_was_set_back_loses_no_observation() {
    let mut rig = Rig::new().await;
    rig.start("a");
    let before: Vec<_> = (0..10).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 1, &before)).await;
    rig.pass(2).await;
    rig.skip(3_600);
    rig.pass(2).await;
    rig.skip(-3_600);
    let after: Vec<_> = (20..30).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 2, &after)).await;
    rig.pass(5).await;
    assert_eq!(rig.row(&endpoint()).await.global().counts.all(), 20);
    assert!(rig.metric("sextant_aggregator_rebuilds_total") >= 2);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_log_whose_time_is_ahead_of_the_clock_says_so() {
    let mut rig = Rig::new().await;
    rig.start("a");
    rig.skip(600);
    rig.append(part("eu", 1, &[answer(1, rig.now())])).await;
    rig.pass(2).await;
    assert_eq!(rig.metric("sextant_aggregator_log_ahead_seconds{"), 0);
    rig.skip(-600);
    rig.pass(5).await;
    let ahead = rig.metric("sextant_aggregator_log_ahead_seconds{");
    assert!((590..600).contains(&ahead), "{ahead}");
    // It is the log's time that counts, so nothing is read again for it.
    assert_eq!(rig.metric("sextant_aggregator_rebuilds_total"), 1);
    assert_eq!(rig.metric(FILED), 1);
    rig.stop().await;
}
