//! Single attempts: each once, found by what an outage makes one ask for, kept for hours.

use std::cmp::Reverse;
use std::num::NonZeroU32;

use sextant_measure::outcome::Outcome;
use sextant_store::{AttemptQuery, AttemptRow, Limits, Retention, Rows, Store, StoreError};

use super::traffic::Traffic;
use super::{Harness, always, at, endpoint, range, region, seeds, series};

/// All attempts at groq's endpoint of a model.
pub(super) fn all_attempts(model_name: &str) -> AttemptQuery {
    AttemptQuery {
        endpoint: endpoint(model_name, "groq"),
        region: None,
        range: always(),
        failures_only: false,
        newest_max: 10_000,
    }
}

/// Attempts in the order of an answer.
pub(super) fn newest_first(rows: &mut [AttemptRow]) {
    rows.sort_by_key(|row| {
        let newest = Reverse(row.measurement.completed_at);
        (newest, row.series.region.clone(), row.key.clone())
    });
}

async fn write(store: &dyn Store, attempts: &[AttemptRow]) {
    let rows = Rows {
        attempts: attempts.to_vec(),
        ..Rows::default()
    };
    store.write(rows).await.unwrap();
}

/// Also in another order, in other company, and with another content.
pub async fn an_attempt_written_again_is_one_row_and_the_first_stands(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    for (n, seed) in (0..).zip(seeds()) {
        let (mut traffic, model) = (Traffic::new(seed), format!("model-{n}"));
        let place = series(&model, "groq", "eu");
        let mut rows: Vec<_> = (0..20)
            .map(|minute| traffic.attempt_row(&place, at(minute)))
            .collect();
        // One moment, of which all have another place in a part.
        for (index, row) in (0..).zip(&mut rows[10..]) {
            row.measurement.completed_at = at(3).start();
            row.key.index = index;
        }
        write(&*store, &rows[..15]).await;
        let mut again: Vec<_> = rows.iter().rev().cloned().collect();
        again.extend(rows[..5].iter().cloned());
        for row in &mut again[5..] {
            row.weight = NonZeroU32::new(7).unwrap();
            row.measurement.outcome = Outcome::Timeout;
        }
        write(&*store, &again).await;
        newest_first(&mut rows);
        let found = store.attempts(&all_attempts(&model)).await.unwrap();
        assert_eq!(found, rows, "seed {seed}");
        drop(found);
    }
}

/// A range ends before its last minute; a failure is whatever is not `ok`.
pub async fn attempts_are_found_by_endpoint_region_time_and_outcome(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let mut traffic = Traffic::new(1);
    let mut rows = Vec::new();
    for (model, provider, place) in [
        ("m", "groq", "eu"),
        ("m", "groq", "us"),
        ("m", "novita", "eu"),
        ("other", "groq", "eu"),
    ] {
        for minute in 0..30 {
            rows.push(traffic.attempt_row(&series(model, provider, place), at(minute)));
        }
    }
    // The first moment of a minute, and the last one of the minute before it.
    rows[10].measurement.completed_at = at(10).start();
    rows[11].measurement.completed_at = at(10).start().plus_micros(-1);
    write(&*store, &rows).await;
    newest_first(&mut rows);
    for (provider, place, range, failures_only) in [
        ("groq", None, always(), false),
        ("groq", Some("us"), always(), false),
        ("groq", Some("eu"), range(10, 20), false),
        ("groq", None, always(), true),
        ("novita", None, range(10, 20), true),
        ("novita", Some("us"), always(), false),
        ("deepinfra", None, always(), false),
        ("groq", None, range(7, 7), false),
        ("groq", None, range(9, 7), false),
        ("groq", None, range(40, 50), false),
    ] {
        let query = AttemptQuery {
            endpoint: endpoint("m", provider),
            region: place.map(region),
            range,
            failures_only,
            ..all_attempts("m")
        };
        let wanted: Vec<_> = rows
            .iter()
            .filter(|row| {
                let m = &row.measurement;
                row.series.endpoint == query.endpoint
                    && (query.region.as_ref()).is_none_or(|place| row.series.region == *place)
                    && range.contains(m.completed_at.minute())
                    && !(failures_only && m.outcome == Outcome::Ok)
            })
            .cloned()
            .collect();
        assert_eq!(store.attempts(&query).await.unwrap(), wanted, "{query:?}");
    }
}

/// As many as are asked for, and no more may be asked for than are answered.
pub async fn of_many_attempts_the_newest_are_answered(harness: &dyn Harness) {
    let limits = Limits {
        rows_max: 10,
        ..Limits::default()
    };
    let store = harness.open(limits).await;
    let mut traffic = Traffic::new(1);
    let mut rows: Vec<_> = ["eu", "us"]
        .into_iter()
        .flat_map(|place| (0..20).map(move |minute| (place, minute)))
        .map(|(place, minute)| traffic.attempt_row(&series("m", "groq", place), at(minute)))
        .collect();
    write(&*store, &rows).await;
    newest_first(&mut rows);
    let asked = |newest_max| AttemptQuery {
        newest_max,
        ..all_attempts("m")
    };
    for newest in [0, 1, 10] {
        let found = store.attempts(&asked(newest)).await.unwrap();
        assert_eq!(found, rows[..newest as usize]);
    }
    let refused = store.attempts(&asked(11)).await;
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
}

/// Those that are too old go, others stay.
pub async fn attempts_go_after_their_hours(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let mut traffic = Traffic::new(1);
    let kept_minutes = Retention::default().attempts_hours * 60;
    let grace = harness.retention_grace_minutes();
    let rows = [0, grace + 1].map(|minute| {
        let place = series("m", "groq", "eu");
        traffic.attempt_row(&place, at(minute))
    });
    write(&*store, &rows).await;
    let expired = store.enforce_retention(at(kept_minutes).start()).await;
    assert_eq!(expired.unwrap().attempts, 0);
    let later = at(kept_minutes + grace + 1).start();
    let expired = store.enforce_retention(later).await;
    assert_eq!(expired.unwrap().attempts, 1);
    let left = store.attempts(&all_attempts("m")).await.unwrap();
    assert_eq!(left, rows[1..]);
    let expired = store.enforce_retention(later).await.unwrap();
    assert_eq!(expired.attempts, 0);
}
