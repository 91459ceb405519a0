//! Above the rate: fewer rows, the same sums, every failure.

use sextant_measure::outcome::Outcome;

use crate::rig::{Rig, batch, series};

#[tokio::test(start_paused = true)]
async fn weights_add_up_to_the_attempts_and_no_failure_is_missing() {
    let mut rig = Rig::new().await;
    rig.config.observations_per_second_max = 20.try_into().unwrap();
    rig.start();
    // Half of each batch is of either region, one in twenty is a failure of each of three kinds.
    for second in 0..5_u64 {
        for n in 0..10 {
            rig.append(batch(&rig, second * 10 + n, 400)).await;
        }
        rig.skip_us(1_000_000);
    }
    rig.settle().await;
    let rows = rig.shelf.rows();
    let failed = rows
        .iter()
        .filter(|row| row.measurement.outcome != Outcome::Ok);
    assert!(failed.clone().all(|row| row.weight.get() == 1));
    assert_eq!(failed.count(), 5 * 10 * 400 * 3 / 20);
    for (place, good_in_batch) in [("eu", 200), ("us", 200 - 60)] {
        let good = rows
            .iter()
            .filter(|row| row.series == series(place) && row.measurement.outcome == Outcome::Ok);
        let told: u32 = good.clone().map(|row| row.weight.get()).sum();
        let attempts: u32 = 5 * 10 * good_in_batch;
        assert!(
            told.abs_diff(attempts) * 20 < attempts,
            "{place}: {told} stand for {attempts}"
        );
        assert!(good.count() < 5 * 20 * 8);
    }
    assert!(rig.dropped("sampled") > 10_000);
    rig.assert_balanced();
}
