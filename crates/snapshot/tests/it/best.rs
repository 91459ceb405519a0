//! The endpoint to name first.

use sextant_measure::status::Status;
use sextant_snapshot::best::fastest;
use sextant_snapshot::row::EndpointRow;

use crate::make::*;

fn row(provider: &str, status: Status, p95: Option<u64>) -> EndpointRow {
    row_with(endpoint("m", provider), at(0), &figures(status, p95))
}

fn fastest_of(rows: &[EndpointRow]) -> Option<String> {
    let beside = rows.iter().map(|row| (row, row.global()));
    fastest(beside).map(|(row, _)| row.id().provider.to_string())
}

#[test]
fn the_highest_throughput_p95_wins() {
    let rows = [
        row("a", Status::Healthy, Some(100)),
        row("b", Status::Degraded, Some(300)),
        row("c", Status::Unknown, Some(200)),
    ];
    assert_eq!(fastest_of(&rows).as_deref(), Some("b"));
}

#[test]
fn who_is_down_or_lacks_samples_does_not_count() {
    let rows = [
        row("a", Status::Healthy, Some(1)),
        row("b", Status::Down, Some(300)),
        row("c", Status::Healthy, None),
    ];
    assert_eq!(fastest_of(&rows).as_deref(), Some("a"));
    assert_eq!(fastest_of(&rows[1..]), None);
}

#[test]
fn ties_go_to_the_lesser_provider_slug_in_any_order() {
    let mut rows = [
        row("b", Status::Healthy, Some(7)),
        row("a", Status::Healthy, Some(7)),
        row("c", Status::Healthy, Some(7)),
    ];
    assert_eq!(fastest_of(&rows).as_deref(), Some("a"));
    rows.reverse();
    assert_eq!(fastest_of(&rows).as_deref(), Some("a"));
}
