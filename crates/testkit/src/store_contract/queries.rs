//! Which rows a query finds.

use sextant_measure::id::AgentId;
use sextant_measure::quantization::Quantization;
use sextant_store::{Limits, MinuteQuery, Revision, Rows, StoreError, WindowQuery, WindowScope};

use super::traffic::Traffic;
use super::{
    Harness, all_minutes, all_windows, always, at, endpoint, of_minutes, of_windows, range, region,
    series,
};

const ONCE: Revision = Revision { epoch: 1, n: 1 };

/// One series' minutes and windows, and one agent's, for some minutes from the start on.
fn rows_of(minutes: u32) -> Rows {
    let mut traffic = Traffic::new(1);
    let series = series("m", "groq", "eu");
    let agent = AgentId::new("edge").unwrap();
    let mut rows = Rows::default();
    for minute in (0..minutes).map(at) {
        rows.minutes.push(traffic.minute_row(&series, minute, ONCE));
        rows.windows
            .push(traffic.window_row(&series.endpoint, None, minute));
        rows.agents.push(traffic.agent_row(&agent, minute, ONCE));
    }
    rows
}

/// The first minute is in, the last one isn't.
pub async fn ranges_are_half_open(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let rows = rows_of(10);
    store.write(rows.clone()).await.unwrap();
    let minutes = MinuteQuery {
        range: range(3, 7),
        ..all_minutes("m")
    };
    assert_eq!(store.minutes(&minutes).await.unwrap(), rows.minutes[3..7]);
    let windows = WindowQuery {
        range: range(3, 7),
        ..all_windows("m")
    };
    assert_eq!(store.windows(&windows).await.unwrap(), rows.windows[3..7]);
    assert_eq!(store.agents(range(3, 7)).await.unwrap(), rows.agents[3..7]);
}

/// A range that ends before it begins holds nothing, and is no error.
pub async fn an_empty_or_backward_range_has_no_rows(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    store.write(rows_of(10)).await.unwrap();
    for range in [range(3, 3), range(7, 3), range(20, 30)] {
        let minutes = MinuteQuery {
            range,
            ..all_minutes("m")
        };
        assert_eq!(store.minutes(&minutes).await.unwrap(), []);
        let windows = WindowQuery {
            range,
            ..all_windows("m")
        };
        assert_eq!(store.windows(&windows).await.unwrap(), []);
        assert_eq!(store.agents(range).await.unwrap(), []);
        let endpoints = [endpoint("m", "groq")];
        assert_eq!(store.uptime(&endpoints, range).await.unwrap(), []);
    }
}

/// Neither in an empty store nor in one that knows others.
pub async fn an_unknown_model_has_no_rows(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    for rows in [Rows::default(), rows_of(3)] {
        store.write(rows).await.unwrap();
        assert_eq!(store.minutes(&all_minutes("other")).await.unwrap(), []);
        assert_eq!(store.windows(&all_windows("other")).await.unwrap(), []);
        let endpoints = [endpoint("other", "groq")];
        assert_eq!(store.uptime(&endpoints, always()).await.unwrap(), []);
    }
}

/// Without an endpoint or a region, all are found.
pub async fn minutes_are_found_by_endpoint_and_region(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let mut traffic = Traffic::new(1);
    let mut all = Vec::new();
    for (model, provider, place) in [
        ("m", "groq", "eu"),
        ("m", "groq", "us"),
        ("m", "novita", "eu"),
        ("other", "groq", "eu"),
    ] {
        all.push(traffic.minute_row(&series(model, provider, place), at(0), ONCE));
    }
    let mut unknown = series("m", "groq", "eu");
    unknown.endpoint.quantization = Quantization::Unknown;
    all.push(traffic.minute_row(&unknown, at(0), ONCE));
    store.write(of_minutes(all.clone())).await.unwrap();

    for (provider, quantization, place, expected) in [
        (None, Quantization::Fp8, None, 4),
        (None, Quantization::Fp8, Some("eu"), 3),
        (Some("groq"), Quantization::Fp8, None, 2),
        (Some("groq"), Quantization::Fp8, Some("us"), 1),
        (Some("groq"), Quantization::Unknown, None, 1),
        (Some("novita"), Quantization::Fp8, Some("us"), 0),
    ] {
        let query = MinuteQuery {
            endpoint: provider.map(|p| (endpoint("m", p).provider, quantization)),
            region: place.map(region),
            ..all_minutes("m")
        };
        let mut wanted: Vec<_> = all
            .iter()
            .filter(|row| {
                let served = &row.series.endpoint;
                let named = (served.provider.clone(), served.quantization);
                served.model == query.model
                    && query
                        .endpoint
                        .as_ref()
                        .is_none_or(|wanted| named == *wanted)
                    && query
                        .region
                        .as_ref()
                        .is_none_or(|place| row.series.region == *place)
            })
            .cloned()
            .collect();
        wanted.sort_by(|a, b| a.series.cmp(&b.series));
        assert_eq!(wanted.len(), expected);
        assert_eq!(store.minutes(&query).await.unwrap(), wanted);
    }
}

/// The merge of all regions stands beside the regions, and each can be had alone.
pub async fn windows_are_found_by_endpoint_and_scope(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let mut traffic = Traffic::new(1);
    let (served, other) = (endpoint("m", "groq"), endpoint("m", "novita"));
    let (eu, us) = (region("eu"), region("us"));
    let rows = [
        traffic.window_row(&served, None, at(0)),
        traffic.window_row(&served, Some(&eu), at(0)),
        traffic.window_row(&served, Some(&us), at(0)),
        traffic.window_row(&other, None, at(0)),
    ];
    store.write(of_windows(rows.clone())).await.unwrap();
    for (endpoint, scope, expected) in [
        (None, WindowScope::All, &[0, 1, 2, 3][..]),
        (None, WindowScope::Global, &[0, 3]),
        (None, WindowScope::Region(us), &[2]),
        (Some(&served), WindowScope::All, &[0, 1, 2]),
        (Some(&other), WindowScope::Region(eu), &[]),
    ] {
        let query = WindowQuery {
            endpoint: endpoint.map(|e| (e.provider.clone(), e.quantization)),
            scope,
            ..all_windows("m")
        };
        let expected: Vec<_> = expected.iter().map(|index| rows[*index].clone()).collect();
        assert_eq!(store.windows(&query).await.unwrap(), expected);
    }
}

/// Whatever order they were written in.
pub async fn rows_come_in_the_order_of_time_and_name(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let mut traffic = Traffic::new(1);
    for provider in ["z", "b", "a"] {
        for minute in [at(2), at(0), at(1)] {
            for place in ["us", "eu"] {
                let series = series("m", provider, place);
                let rows = Rows {
                    minutes: vec![traffic.minute_row(&series, minute, ONCE)],
                    windows: vec![
                        traffic.window_row(&series.endpoint, Some(&series.region), minute),
                        traffic.window_row(&series.endpoint, None, minute),
                    ],
                    agents: vec![traffic.agent_row(&AgentId::new(provider).unwrap(), minute, ONCE)],
                    ..Rows::default()
                };
                store.write(rows).await.unwrap();
            }
        }
    }
    let minutes = store.minutes(&all_minutes("m")).await.unwrap();
    assert_eq!(minutes.len(), 18);
    assert!(minutes.is_sorted_by_key(|row| (row.minute, row.series.clone())));
    let windows = store.windows(&all_windows("m")).await.unwrap();
    assert_eq!(windows.len(), 27);
    assert!(windows.is_sorted_by_key(|row| (row.ending, row.endpoint.clone(), row.region.clone())));
    let agents = store.agents(always()).await.unwrap();
    assert_eq!(agents.len(), 9);
    assert!(agents.is_sorted_by_key(|row| (row.minute, row.agent.clone(), row.partition)));
}

/// As much as is allowed is answered, one more is not.
pub async fn a_query_over_the_bound_is_refused_with_both_figures(harness: &dyn Harness) {
    let store = harness
        .open(Limits {
            rows_max: 10,
            ..Limits::default()
        })
        .await;
    store.write(rows_of(12)).await.unwrap();
    let refused = |error: StoreError| match error {
        StoreError::TooMany { count, max, .. } => (count, max),
        other => panic!("{other}"),
    };
    for (minutes, allowed) in [(10, true), (11, false)] {
        let range = range(0, minutes);
        let found = store
            .minutes(&MinuteQuery {
                range,
                ..all_minutes("m")
            })
            .await;
        let found = [
            found.map(|rows| rows.len()),
            store
                .windows(&WindowQuery {
                    scope: WindowScope::Global,
                    range,
                    ..all_windows("m")
                })
                .await
                .map(|rows| rows.len()),
            store.agents(range).await.map(|rows| rows.len()),
        ];
        for found in found {
            let expected = if allowed { Ok(10) } else { Err((11, 10)) };
            assert_eq!(found.map_err(refused), expected);
        }
    }
}
