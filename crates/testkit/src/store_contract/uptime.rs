//! Uptime in buckets: what long windows are restored from.

use std::collections::BTreeMap;

use sextant_measure::counts::Counts;
use sextant_measure::id::SeriesId;
use sextant_measure::long::{LongUptime, MINUTES_PER_BUCKET};
use sextant_measure::ratio::Ratio;
use sextant_measure::time::Minute;
use sextant_store::{Limits, MinuteRange, MinuteRow, Revision, SeriesUptime, StoreError, no_sums};

use super::traffic::Traffic;
use super::{Harness, at, endpoint, of_minutes, of_windows, range, seeds, series};

/// The minutes that stand, as an oracle knows them.
type Standing = BTreeMap<(SeriesId, Minute), (Revision, Ratio)>;

fn sums_of(standing: &Standing, range: MinuteRange) -> Vec<SeriesUptime> {
    let mut sums: BTreeMap<&SeriesId, BTreeMap<Minute, Ratio>> = BTreeMap::new();
    for ((series, minute), (_, uptime)) in standing {
        if range.contains(*minute) {
            let bucket = minute.index() / MINUTES_PER_BUCKET * MINUTES_PER_BUCKET;
            let buckets = sums.entry(series).or_default();
            let sum = buckets.entry(Minute::from_index(bucket)).or_default();
            *sum = *sum + *uptime;
        }
    }
    let answer = |(series, buckets): (&SeriesId, BTreeMap<_, _>)| SeriesUptime {
        series: series.clone(),
        buckets: buckets.into_iter().collect(),
    };
    sums.into_iter().map(answer).collect()
}

/// Also where a range cuts a bucket, and after minutes were written again.
pub async fn buckets_are_the_sums_of_the_minutes_that_stand(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    for (n, seed) in (1..).zip(seeds()) {
        let mut traffic = Traffic::new(seed);
        let model = format!("m-{n}");
        let places = [
            ("groq", "eu"),
            ("groq", "us"),
            ("novita", "eu"),
            ("other", "eu"),
        ];
        let all = places.map(|(provider, place)| series(&model, provider, place));
        let mut standing = Standing::new();
        for _ in 0..12 {
            let mut rows = Vec::new();
            for _ in 0..traffic.below(40) {
                let (series, minute) = (traffic.one_of(&all), at(traffic.below(60)));
                let revision = Revision {
                    epoch: 1,
                    n: traffic.below(4).into(),
                };
                let row = traffic.minute_row(&series, minute, revision);
                let new = (revision, row.sums.counts.uptime());
                let stands = standing.entry((series, minute)).or_insert(new);
                if revision > stands.0 {
                    *stands = new;
                }
                rows.push(row);
            }
            store.write(of_minutes(rows)).await.unwrap();
        }
        // Windows of the merge of all regions have no part in it.
        let merged = traffic.window_row(&all[0].endpoint, None, at(10));
        store.write(of_windows([merged])).await.unwrap();

        standing.retain(|(series, _), _| series.endpoint.provider.as_str() != "other");
        let asked = ["novita", "groq", "absent", "groq"].map(|p| endpoint(&model, p));
        for _ in 0..20 {
            let from = traffic.below(60);
            let range = range(from, from + traffic.below(30));
            let found = store.uptime(&asked, range).await.unwrap();
            assert_eq!(found, sums_of(&standing, range), "seed {seed}, {range:?}");
        }
    }
}

/// An owner that took over knows what one that never went away knows.
pub async fn long_windows_are_restored_as_if_never_lost(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let day = 26 * 60;
    for (n, seed) in (1..).zip(seeds()) {
        let mut traffic = Traffic::new(seed);
        let series = series(&format!("m-{n}"), "groq", "eu");
        let live_from = at(day - 45);
        let mut never_lost = LongUptime::fresh();
        let mut restored = LongUptime::awaiting(live_from);
        let mut rows = Vec::new();
        for minute in (0..day).map(at) {
            let mut counts = Counts::default();
            for _ in 0..traffic.below(4) {
                let measurement = traffic.measurement(minute.start());
                counts.add(measurement.source, measurement.outcome);
            }
            never_lost.file(minute, counts.uptime());
            restored.file(minute, counts.uptime());
            let mut sums = no_sums();
            sums.counts = counts;
            rows.push(MinuteRow {
                series: series.clone(),
                minute,
                revision: Revision::default(),
                sums,
            });
        }
        store.write(of_minutes(rows)).await.unwrap();
        let before = MinuteRange::new(at(0), live_from);
        let endpoints = [series.endpoint];
        let found = store.uptime(&endpoints, before).await.unwrap();
        assert_eq!(found.len(), 1);
        restored.restore(found.into_iter().flat_map(|series| series.buckets));
        for later in [0, 1, 4, 5, 300, 2_000] {
            let now = at(day - 1 + later).start();
            let seed_is = format!("seed {seed}, {later} minutes later");
            assert_eq!(
                restored.six_hours(now),
                never_lost.six_hours(now),
                "{seed_is}"
            );
            assert_eq!(restored.one_day(now), never_lost.one_day(now), "{seed_is}");
        }
    }
}

/// The caller then asks for fewer endpoints at a time.
pub async fn too_many_buckets_are_refused_with_both_figures(harness: &dyn Harness) {
    let store = harness
        .open(Limits {
            buckets_max: 12,
            ..Limits::default()
        })
        .await;
    let mut traffic = Traffic::new(1);
    let all = ["eu", "us"].map(|place| series("m", "groq", place));
    let mut rows = Vec::new();
    // Buckets of 5 minutes begin 2 minutes after the start.
    for minute in 2..42 {
        rows.extend(
            all.iter()
                .map(|series| traffic.minute_row(series, at(minute), Revision::default())),
        );
    }
    store.write(of_minutes(rows)).await.unwrap();
    let asked = [endpoint("m", "groq")];
    let found = store.uptime(&asked, range(2, 32)).await.unwrap();
    assert_eq!(
        found
            .iter()
            .map(|series| series.buckets.len())
            .sum::<usize>(),
        12
    );
    let refused = store.uptime(&asked, range(2, 33)).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::TooMany {
                count: 14,
                max: 12,
                ..
            })
        ),
        "{refused:?}"
    );
}
