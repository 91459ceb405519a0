//! When the observer is suspected.

use sextant_measure::status::Status;
use sextant_snapshot::picture::Picture;
use sextant_snapshot::record::{Entry, LogRecord};

use crate::make::*;

struct Seen {
    picture: Picture,
    next: u64,
}

impl Seen {
    fn new(providers: &[(&str, &[Status])]) -> Self {
        let mut seen = Self {
            picture: picture(1),
            next: 1,
        };
        for (provider, statuses) in providers {
            for (index, status) in statuses.iter().enumerate() {
                seen.put(&format!("m{index}"), provider, *status);
            }
        }
        seen
    }

    fn put(&mut self, name: &str, provider: &str, status: Status) {
        let row = row_with(endpoint(name, provider), at(0), &figures(status, None));
        self.apply(Entry::Endpoint(row));
    }

    fn apply(&mut self, entry: Entry) {
        apply_all(&mut self.picture, [(self.next, 0, entry)]);
        self.next += 1;
    }

    fn suspected(&self) -> bool {
        self.picture.header(CATALOG, at(0)).observer_suspected
    }
}

const UP: &[Status] = &[Status::Healthy];
const DOWN: &[Status] = &[Status::Down];
const UNKNOWN: &[Status] = &[Status::Unknown];

#[test]
fn more_than_half_of_at_least_five_providers_must_be_down() {
    let providers = |down: usize, all: usize| {
        let names: Vec<_> = (0..all).map(|i| format!("p{i}")).collect();
        let statuses = |i| if i < down { DOWN } else { UP };
        let list = names.iter().enumerate();
        let list: Vec<_> = list.map(|(i, name)| (name.as_str(), statuses(i))).collect();
        Seen::new(&list).suspected()
    };
    assert!(!providers(4, 4));
    assert!(!providers(2, 5));
    assert!(providers(3, 5));
    assert!(!providers(3, 6));
    assert!(providers(4, 6));
}

#[test]
fn providers_without_enough_data_are_left_out() {
    let four = [("a", DOWN), ("b", DOWN), ("c", DOWN), ("d", UP)];
    let with_unknown = [&four[..], &[("e", UNKNOWN)]].concat();
    assert!(!Seen::new(&with_unknown).suspected());
    let with_known = [&four[..], &[("e", UP), ("f", UNKNOWN), ("g", UNKNOWN)]].concat();
    assert!(Seen::new(&with_known).suspected());
}

#[test]
fn a_provider_is_down_if_more_than_half_of_its_known_endpoints_are() {
    use Status::{Degraded, Down, Healthy, Unknown};
    let with = |statuses: &[Status]| {
        Seen::new(&[
            ("a", DOWN),
            ("b", DOWN),
            ("c", UP),
            ("d", UP),
            ("e", statuses),
        ])
        .suspected()
    };
    assert!(with(&[Down, Down, Healthy]));
    assert!(!with(&[Down, Healthy]));
    assert!(with(&[Down, Unknown, Unknown]));
    assert!(!with(&[Down, Degraded, Degraded]));
}

#[test]
fn it_follows_every_change_of_a_row() {
    let mut seen = Seen::new(&[("a", DOWN), ("b", DOWN), ("c", DOWN), ("d", UP), ("e", UP)]);
    assert!(seen.suspected());
    seen.put("m0", "c", Status::Healthy);
    assert!(!seen.suspected());
    seen.put("m0", "c", Status::Down);
    assert!(seen.suspected());
    seen.apply(Entry::EndpointGone(endpoint("m0", "e")));
    assert!(!seen.suspected(), "only four providers are left");
    seen.put("m0", "e", Status::Down);
    assert!(seen.suspected());
}

#[test]
fn it_follows_each_endpoint_of_a_provider() {
    let down_twice = &[Status::Down, Status::Down];
    let mut seen = Seen::new(&[
        ("a", DOWN),
        ("b", DOWN),
        ("c", down_twice),
        ("d", UP),
        ("e", UP),
    ]);
    assert!(seen.suspected());
    seen.put("m0", "c", Status::Degraded);
    assert!(!seen.suspected(), "half of it isn't down");
    seen.put("m0", "c", Status::Unknown);
    assert!(seen.suspected());
    seen.put("m1", "c", Status::Healthy);
    seen.put("m0", "c", Status::Healthy);
    assert!(!seen.suspected());
}

#[test]
fn rows_that_fall_in_hindsight_or_with_their_log_no_longer_count() {
    let list = [("a", DOWN), ("b", DOWN), ("c", DOWN), ("d", UP), ("e", UP)];
    let mut seen = Seen::new(&[]);
    seen.next = 2;
    for (provider, statuses) in list {
        seen.put("m0", provider, statuses[0]);
    }
    assert!(seen.suspected());
    // There was a claim at 5, so `e`, at 6, is a stale owner's, and four providers are left.
    apply_all(&mut seen.picture, [(9, 5, row("other", 1))]);
    assert!(!seen.suspected());

    let mut seen = Seen::new(&list);
    seen.picture.apply(LogRecord {
        log_id: LOG + 1,
        ..record(0, 0, claim())
    });
    assert!(!seen.suspected());
}
