//! Minutes merged: what charts are drawn from.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use sextant_measure::bins::{Bins, Tail};
use sextant_measure::figures::{Figures, Percentile, Percentiles};
use sextant_measure::id::{EndpointId, Region};
use sextant_measure::scale::Metric;
use sextant_measure::time::{Minute, STEP_US, STEPS_PER_MINUTE, Step};
use sextant_measure::window::{MinuteSums, SlidingWindow};
use sextant_store::{
    HistoryPoint, HistoryQuery, Limits, MinuteQuery, MinuteRange, MinuteRow, Revision,
    STEP_MINUTES_MAX, Store, StoreError, no_sums,
};

use super::traffic::Traffic;
use super::{Harness, START, all_minutes, at, endpoint, of_minutes, range, region, seeds, series};

/// Minutes of the window.
const WINDOW_MINUTES: u32 = 30;

fn query(minutes: MinuteQuery, step_minutes: u32) -> HistoryQuery {
    let step_minutes = NonZeroU32::new(step_minutes).unwrap();
    HistoryQuery {
        minutes,
        step_minutes,
    }
}

/// Merged one by one, as the caller could.
fn merge(sums: &mut MinuteSums, more: &MinuteSums) {
    sums.counts.merge(&more.counts);
    for (bins, more) in sums.bins.iter_mut().zip(&more.bins) {
        bins.merge(more);
    }
}

/// Any step over any range, of one region or all, aligned to the start of the range.
pub async fn history_is_the_exact_merge_of_its_minutes(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    for (n, seed) in (1..).zip(seeds()) {
        let mut traffic = Traffic::new(seed);
        let model = format!("m-{n}");
        let mut rows: Vec<MinuteRow> = Vec::new();
        for provider in ["groq", "novita"] {
            for place in ["eu", "us"] {
                let series = series(&model, provider, place);
                for minute in 0..40 {
                    if traffic.chance(60) {
                        rows.push(traffic.minute_row(&series, at(minute), Revision::default()));
                    }
                }
            }
        }
        store.write(of_minutes(rows.clone())).await.unwrap();
        for _ in 0..8 {
            let (from, minutes) = (traffic.below(40), 1 + traffic.below(45));
            let step = 1 + traffic.below(20);
            let place = traffic.chance(50).then(|| region("eu"));
            let wanted = MinuteQuery {
                region: place.clone(),
                range: range(from, from + minutes),
                ..all_minutes(&model)
            };
            let mut merged: BTreeMap<(EndpointId, Minute), MinuteSums> = BTreeMap::new();
            for row in &rows {
                let inside = wanted.range.contains(row.minute);
                if inside
                    && place
                        .as_ref()
                        .is_none_or(|place| row.series.region == *place)
                {
                    let offset = row.minute.index() - wanted.range.from.index();
                    let start = wanted.range.from.plus(offset / step * step);
                    let point = merged.entry((row.series.endpoint.clone(), start));
                    merge(point.or_insert_with(no_sums), &row.sums);
                }
            }
            let merged = merged.into_iter();
            let expected: Vec<_> = merged
                .map(|((endpoint, from), sums)| HistoryPoint {
                    endpoint,
                    from,
                    sums,
                })
                .collect();
            let found = store.history(&query(wanted, step)).await.unwrap();
            assert_eq!(
                found, expected,
                "seed {seed}, {minutes} minutes from {from} by {step}"
            );
        }
    }
}

/// A window ending at a minute M, as it was published, is the merge of the 30 minutes before M as
/// they were stored: for a region, and for the merge of all regions. Observations come late, and
/// minutes are written again for them, and stale rows are written after newer ones.
pub async fn the_minutes_of_a_window_merge_to_what_it_said(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    for (n, seed) in (1..).zip(seeds()) {
        let model = format!("m-{n}");
        let mut traffic = Traffic::new(seed);
        let end = at(WINDOW_MINUTES + 10 + traffic.below(5));
        let mut endpoint = Simulated::new(&model);
        let (first, last) = (START.first_step().index(), end.first_step().index());
        for step in (first..last).map(Step::from_index) {
            endpoint.pass(step, &mut traffic);
            if (step.index() + 1).is_multiple_of(STEPS_PER_MINUTE) {
                endpoint.store_minutes(&*store, &mut traffic).await;
            }
        }
        let range = MinuteRange::new(end.minus(WINDOW_MINUTES), end);
        for (place, window) in endpoint.windows() {
            let wanted = MinuteQuery {
                region: place,
                range,
                ..all_minutes(&model)
            };
            let points = store.history(&query(wanted, WINDOW_MINUTES)).await.unwrap();
            assert_eq!(points.len(), 1, "seed {seed}");
            let published = window.figures(end.start().plus_micros(-1));
            agree(&points[0].sums, &published, seed);
        }
    }
}

/// One endpoint seen from two regions.
struct Simulated {
    regions: Vec<(MinuteRow, SlidingWindow)>,
    global: SlidingWindow,
    /// Minutes that changed since they were stored.
    dirty: BTreeSet<Minute>,
    revision: Revision,
}

impl Simulated {
    fn new(model: &str) -> Self {
        let window = SlidingWindow::new(START.first_step());
        let blank = |place| MinuteRow {
            series: series(model, "groq", place),
            minute: START,
            revision: Revision::default(),
            sums: no_sums(),
        };
        Self {
            regions: ["eu", "us"]
                .map(|place| (blank(place), window.clone()))
                .to_vec(),
            global: window,
            dirty: BTreeSet::new(),
            revision: Revision { epoch: 5, n: 0 },
        }
    }

    /// Ten seconds pass, in which some observations come in, most of them in time.
    fn pass(&mut self, step: Step, traffic: &mut Traffic) {
        self.global.advance(step);
        for (_, window) in &mut self.regions {
            window.advance(step);
            for _ in 0..traffic.below(12) {
                let late = if traffic.chance(20) {
                    traffic.below(170)
                } else {
                    0
                };
                let late = late.min(step.index() - START.first_step().index());
                let within = i64::from(traffic.below(u32::try_from(STEP_US).unwrap()));
                let completed_at = step.minus(late).start().plus_micros(within);
                let measurement = traffic.measurement(completed_at);
                window.file(&measurement);
                self.global.file(&measurement);
                self.dirty.insert(completed_at.minute());
            }
        }
    }

    async fn store_minutes(&mut self, store: &dyn Store, traffic: &mut Traffic) {
        let mut rows = Vec::new();
        for minute in std::mem::take(&mut self.dirty) {
            self.revision.n += 1;
            for (blank, window) in &self.regions {
                let Some(sums) = window.minute(minute) else {
                    continue;
                };
                let revision = self.revision;
                rows.push(MinuteRow {
                    minute,
                    revision,
                    sums,
                    ..blank.clone()
                });
                if traffic.chance(20) {
                    let stale = Revision {
                        n: self.revision.n - 1,
                        ..self.revision
                    };
                    rows.push(traffic.minute_row(&blank.series, minute, stale));
                }
            }
        }
        store.write(of_minutes(rows)).await.unwrap();
    }

    /// Each region's window and the merge of all, which has no region.
    fn windows(&self) -> Vec<(Option<Region>, &SlidingWindow)> {
        let regions = self.regions.iter();
        let regions = regions.map(|(blank, window)| (Some(blank.series.region.clone()), window));
        regions.chain([(None, &self.global)]).collect()
    }
}

fn agree(sums: &MinuteSums, published: &Figures, seed: u64) {
    assert!(published.counts.all() > 100, "the traffic says something");
    assert_eq!(sums.counts, published.counts, "seed {seed}");
    for (metric, bins, said) in [
        (Metric::Ttft, &sums.bins[0], &published.latency_us),
        (Metric::Duration, &sums.bins[1], &published.duration_us),
        (
            Metric::Throughput,
            &sums.bins[2],
            &published.throughput_mtps,
        ),
    ] {
        assert_eq!(bins.metric(), metric);
        assert_eq!(percentiles(bins), *said, "seed {seed}, {metric:?}");
    }
}

/// The percentiles that bins stand for.
fn percentiles(bins: &Bins) -> Percentiles {
    let is_throughput = bins.metric() == Metric::Throughput;
    let tail = if is_throughput {
        Tail::AtLeast
    } else {
        Tail::AtMost
    };
    let n = bins.n();
    let enough = |percentile: Percentile| n >= percentile.min();
    let value = |p: Percentile| bins.percentile(p.percent(), tail).filter(|_| enough(p));
    Percentiles {
        n,
        values: Percentile::ALL.map(value),
        q95: bins
            .percentile(95, Tail::AtMost)
            .filter(|_| is_throughput && enough(Percentile::P95)),
        p99_from_100: bins
            .percentile(99, tail)
            .filter(|_| enough(Percentile::P95)),
    }
}

/// Points, minutes to merge and the step have a bound each.
pub async fn a_history_over_its_bounds_is_refused_with_both_figures(harness: &dyn Harness) {
    let limits = Limits {
        points_max: 10,
        merged_rows_max: 40,
        ..Limits::default()
    };
    let store = harness.open(limits).await;
    let mut traffic = Traffic::new(1);
    let mut rows = Vec::new();
    for provider in ["groq", "novita"] {
        let series = series("m", provider, "eu");
        rows.extend((0..30).map(|n| traffic.minute_row(&series, at(n), Revision::default())));
    }
    store.write(of_minutes(rows)).await.unwrap();
    let one = endpoint("m", "groq");
    let one = Some((one.provider, one.quantization));
    for (endpoint, minutes, step, refused) in [
        (None, 20, 4, None),
        (None, 12, 2, Some((12, 10))),
        (one.clone(), 11, 1, Some((11, 10))),
        (one.clone(), 10, 1, None),
        (None, 21, 21, Some((42, 40))),
        (one, 1, STEP_MINUTES_MAX + 1, Some((1_441, 1_440))),
    ] {
        let minutes = MinuteQuery {
            endpoint,
            range: range(0, minutes),
            ..all_minutes("m")
        };
        let found = store.history(&query(minutes, step)).await;
        match (found, refused) {
            (Ok(points), None) => assert_eq!(points.len(), 10),
            (Err(StoreError::TooMany { count, max, .. }), Some(figures)) => {
                assert_eq!((count, max), figures);
            }
            (found, refused) => panic!("{found:?} where {refused:?} was expected"),
        }
    }
}
