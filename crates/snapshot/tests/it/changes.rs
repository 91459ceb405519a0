//! What changed since a version.

use sextant_snapshot::change::{Change, Delta, FullReason};
use sextant_snapshot::picture::{Limits, Picture};
use sextant_snapshot::record::{Entry, LogRecord, OwnerState};
use sextant_snapshot::snapshot::ModelFilter;

use crate::make::*;

const MINUTE: i64 = 60;

fn names(delta: &Delta) -> (Vec<String>, Vec<String>) {
    let rows = delta.rows.iter().map(|row| row.value.id().model.slug());
    let removed = delta.removed.iter().map(|(id, _)| id.model.slug());
    (
        rows.map(str::to_owned).collect(),
        removed.map(str::to_owned).collect(),
    )
}

fn shown(rows: &[&str], removed: &[&str]) -> (Vec<String>, Vec<String>) {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    (owned(rows), owned(removed))
}

/// A row of partition 0 at a time.
fn put_at(picture: &mut Picture, offset: u64, seconds: i64, name: &str) {
    picture.apply(LogRecord {
        appended_at: at(seconds),
        ..record(offset, 0, row(name, 1))
    });
}

#[test]
fn a_change_names_what_came_since_the_version_and_nothing_else() {
    let mut picture = picture(1);
    apply_all(
        &mut picture,
        [
            (0, 0, claim()),
            (1, 0, row("a", 1)),
            (2, 0, row("b", 1)),
            (3, 0, row("c", 1)),
        ],
    );
    let version = picture.version(CATALOG);
    apply_all(
        &mut picture,
        [(4, 0, row("b", 2)), (5, 0, gone("a")), (6, 0, row("d", 1))],
    );
    let delta = delta(since(&picture, &version, at(6)));
    assert_eq!(names(&delta), shown(&["b", "d"], &["a"]));
    let offsets: Vec<_> = delta.rows.iter().map(|row| row.stamp.offset).collect();
    assert_eq!((offsets, delta.removed[0].1.offset), (vec![4, 6], 5));
    assert!(!delta.catalog_changed);
    assert_eq!(delta.header, picture.header(CATALOG, at(6)));
}

#[test]
fn each_partition_goes_by_its_own_position() {
    let mut picture = picture(2);
    let beside = |offset, name: &str| LogRecord {
        partition: 1,
        ..record(offset, 0, row(name, 1))
    };
    apply_all(&mut picture, [(10, 0, row("a", 1)), (11, 0, row("b", 1))]);
    picture.apply(beside(1, "c"));
    let version = picture.version(CATALOG);
    apply_all(&mut picture, [(12, 0, gone("a"))]);
    picture.apply(beside(2, "d"));
    let delta = delta(since(&picture, &version, at(12)));
    assert_eq!(names(&delta), shown(&["d"], &["a"]));
    assert_eq!(delta.rows[0].stamp.partition, 1);
    assert_eq!(delta.removed[0].1.partition, 0);
}

#[test]
fn an_endpoint_that_was_never_seen_here_may_have_been_seen_elsewhere() {
    let mut picture = picture(1);
    apply_all(&mut picture, [(1, 0, row("a", 1))]);
    let version = picture.version(CATALOG);
    apply_all(&mut picture, [(2, 0, gone("b"))]);
    let delta = delta(since(&picture, &version, at(2)));
    assert_eq!(names(&delta), shown(&[], &["b"]));
}

#[test]
fn a_filter_lets_only_its_models_through() {
    let mut picture = picture(1);
    apply_all(&mut picture, [(1, 0, row("z", 1))]);
    let version = picture.version(CATALOG);
    apply_all(
        &mut picture,
        [
            (2, 0, row("a", 1)),
            (3, 0, row("b", 1)),
            (4, 0, gone("c")),
            (5, 0, gone("d")),
        ],
    );
    let filter: ModelFilter = [model("a"), model("c")].into_iter().collect();
    let change = picture.since(Some(&version), &filter, CATALOG, at(5));
    assert_eq!(names(&delta(change)), shown(&["a"], &["c"]));

    let snapshot = picture.snapshot(CATALOG, at(5)).of_models(&filter);
    assert_eq!(snapshot.rows().len(), 1);
    assert_eq!(snapshot.rows()[0].value.id().model, model("a"));
}

#[test]
fn an_unchanged_picture_gives_an_empty_change() {
    let mut picture = picture(1);
    apply_all(&mut picture, [(1, 0, row("a", 1))]);
    let version = picture.version(CATALOG);
    assert!(delta(since(&picture, &version, at(10_000))).is_empty());
    let other_catalog = picture.since(Some(&version), &ModelFilter::default(), CATALOG + 1, at(1));
    let delta = delta(other_catalog);
    assert!(delta.catalog_changed && !delta.is_empty());
    assert_eq!(delta.header.version.catalog(), CATALOG + 1);
}

#[test]
fn what_no_snapshot_shows_leaves_the_version_as_it_is() {
    let mut picture = picture(1);
    apply_all(&mut picture, [(0, 0, claim()), (1, 0, row("a", 1))]);
    let before = picture.version(CATALOG);
    apply_all(
        &mut picture,
        [
            (2, 0, progress(OwnerState::Rebuilding)),
            (3, 0, agent("edge", 1)),
            (4, 0, Entry::AgentGone(agent_id("edge"))),
            (5, 0, progress(OwnerState::Rebuilding)),
        ],
    );
    assert_eq!(picture.version(CATALOG), before);
    let moved = |picture: &mut Picture, offset, entry| {
        let before = picture.version(CATALOG);
        picture.apply(record(offset, 0, entry));
        picture.version(CATALOG) != before
    };
    assert!(moved(&mut picture, 6, progress(OwnerState::Whole)));
    assert!(!moved(&mut picture, 7, progress(OwnerState::Whole)));
    assert!(moved(&mut picture, 8, progress(OwnerState::Rebuilding)));
    assert!(moved(&mut picture, 9, row("a", 2)));
    assert!(moved(&mut picture, 10, gone("a")));
    assert!(moved(&mut picture, 11, claim()));
    // Stale. To who does not know of the claim it would count.
    assert!(moved(&mut picture, 12, progress(OwnerState::Whole)));
}

#[test]
fn a_version_that_stood_for_hours_is_gone_on_from() {
    let mut picture = picture(1);
    apply_all(&mut picture, [(0, 0, claim()), (1, 0, row("a", 1))]);
    let older = picture.version(CATALOG);
    apply_all(&mut picture, [(2, 0, row("b", 1))]);
    let version = picture.version(CATALOG);
    for offset in 3..7_200 {
        apply_all(
            &mut picture,
            [(offset, 0, progress(OwnerState::Rebuilding))],
        );
        picture.expire(at(i64::try_from(offset).unwrap()));
    }
    let idle = delta(since(&picture, &version, at(7_200)));
    assert!(idle.is_empty() && idle.header.version == version);
    apply_all(&mut picture, [(7_200, 0, gone("a"))]);
    let told = since(&picture, &version, at(7_200));
    assert_eq!(names(&delta(told)), shown(&[], &["a"]));
    assert_eq!(
        full(&since(&picture, &older, at(7_200))),
        FullReason::TooOld
    );
}

#[test]
fn a_reader_that_cannot_tell_what_compaction_deleted_gives_everything() {
    let mut early = picture(1);
    apply_all(
        &mut early,
        [(0, 0, claim()), (1, 0, row("a", 1)), (2, 0, row("b", 1))],
    );
    let version = early.version(CATALOG);
    // `b` was removed at 3, and its tombstone has been deleted since.
    let mut late = picture(1);
    apply_all(&mut late, [(0, 0, claim()), (1, 0, row("a", 1))]);
    apply_all(&mut late, [(7_200, 0, progress(OwnerState::Rebuilding))]);
    late.reached_end(0, 0, at(7_201));
    assert_eq!(full(&since(&late, &version, at(7_201))), FullReason::TooOld);
}

#[test]
fn no_version_and_versions_of_other_logs_get_everything() {
    let mut one = picture(1);
    apply_all(&mut one, [(1, 0, row("a", 1))]);
    let nothing = one.since(None, &ModelFilter::default(), CATALOG, at(1));
    assert_eq!(full(&nothing), FullReason::Unknown);

    let mut two = picture(2);
    apply_all(&mut two, [(1, 0, row("a", 1))]);
    assert_eq!(
        full(&since(&one, &two.version(CATALOG), at(1))),
        FullReason::OtherLog
    );

    let mut other_gates = picture(1);
    apply_all(&mut other_gates, [(1, 0, row("a", 1))]);
    other_gates.open_gates(1);
    let version = other_gates.version(CATALOG);
    assert_eq!(full(&since(&one, &version, at(1))), FullReason::OtherLog);
}

#[test]
fn a_version_over_half_an_hour_old_gets_everything() {
    let mut picture = picture(1);
    for (offset, minute) in (1..).zip(0..=60) {
        put_at(&mut picture, offset, minute * MINUTE, "a");
    }
    let version = picture.version(CATALOG);
    put_at(&mut picture, 100, 60 * MINUTE + 1, "b");
    let change = |minutes| since(&picture, &version, at(minutes * MINUTE));
    assert_eq!(names(&delta(change(90))), shown(&["b"], &[]));
    assert_eq!(full(&change(91)), FullReason::TooOld);
}

#[test]
fn removals_are_told_for_an_hour() {
    let mut picture = picture(1);
    put_at(&mut picture, 1, 0, "a");
    let version = picture.version(CATALOG);
    picture.apply(LogRecord {
        appended_at: at(1),
        ..record(2, 0, gone("a"))
    });
    // With the log idle, its end is all that is seen of it.
    for minute in 0..=60 {
        picture.reached_end(0, 0, at(minute * MINUTE));
        picture.expire(at(minute * MINUTE));
    }
    let after = picture.version(CATALOG);
    assert!(delta(since(&picture, &after, at(61 * MINUTE))).is_empty());
    let told = |picture: &Picture, minute| since(picture, &version, at(minute * MINUTE));
    assert_eq!(names(&delta(told(&picture, 20))), shown(&[], &["a"]));
    picture.expire(at(60 * MINUTE + 1));
    // However young the version is said to be.
    assert_eq!(full(&told(&picture, 20)), FullReason::TooOld);
}

#[test]
fn versions_from_before_a_crowded_out_removal_get_everything() {
    let limits = Limits {
        removals_max: 2,
        ..Limits::default()
    };
    let mut picture = Picture::new(1, limits).unwrap();
    apply_all(&mut picture, [(1, 0, row("z", 1))]);
    let first = picture.version(CATALOG);
    apply_all(&mut picture, [(2, 0, gone("a"))]);
    let second = picture.version(CATALOG);
    apply_all(&mut picture, [(3, 0, gone("b")), (4, 0, gone("c"))]);
    assert_eq!(full(&since(&picture, &first, at(4))), FullReason::TooOld);
    assert_eq!(
        names(&delta(since(&picture, &second, at(4)))),
        shown(&[], &["b", "c"])
    );
}

#[test]
fn a_version_ahead_of_the_picture_gets_only_what_it_lacks() {
    let [mut behind, mut ahead] = [picture(2), picture(2)];
    let beside = |offset| LogRecord {
        partition: 1,
        ..record(offset, 0, row("beside", 1))
    };
    for picture in [&mut behind, &mut ahead] {
        apply_all(picture, [(1, 0, row("a", 1))]);
        picture.apply(beside(1));
    }
    apply_all(&mut ahead, [(2, 0, row("b", 1))]);
    behind.apply(beside(2));
    let change = since(&behind, &ahead.version(CATALOG), at(2));
    assert_eq!(names(&delta(change)), shown(&["beside"], &[]));
}

#[test]
fn a_snapshot_finds_rows_by_endpoint_and_by_model() {
    let mut picture = picture(1);
    apply_all(
        &mut picture,
        [
            (1, 0, row("b", 1)),
            (2, 0, row("a", 1)),
            (3, 0, row("c", 1)),
        ],
    );
    let snapshot = picture.snapshot(CATALOG, at(3));
    let found = snapshot.row(&endpoint("b", "p")).unwrap();
    assert_eq!(found.stamp.offset, 1);
    assert!(snapshot.row(&endpoint("b", "q")).is_none());
    let of_model = snapshot.model(&model("c"));
    assert_eq!(of_model.len(), 1);
    assert_eq!(of_model[0].stamp.offset, 3);
    assert!(snapshot.model(&model("bb")).is_empty());
    assert!(matches!(
        since(&picture, &snapshot.header().version, at(3)),
        Change::Delta(_)
    ));
}
