//! What a receiver holds, rule by rule.

use sextant_measure::id::EndpointId;
use sextant_measure::time::Timestamp;
use sextant_snapshot::SnapshotError;
use sextant_snapshot::gates::Verdict;
use sextant_snapshot::mirror::Mirror;
use sextant_snapshot::picture::Picture;
use sextant_snapshot::record::LogRecord;
use sextant_snapshot::row::Row;
use sextant_snapshot::snapshot::Snapshot;
use sextant_snapshot::stamp::Stamped;

use crate::make::*;

fn full_of(picture: &Picture) -> Snapshot {
    picture.snapshot(CATALOG, at(0))
}

fn held(mirror: &Mirror) -> Vec<(String, u64)> {
    let snapshot = mirror.snapshot().unwrap();
    let rows = snapshot.rows().iter();
    rows.map(|row| (row.value.id().model.slug().to_owned(), row.stamp.offset))
        .collect()
}

fn gates_held(mirror: &Mirror) -> Vec<u64> {
    let snapshot = mirror.snapshot().unwrap();
    snapshot
        .gates()
        .iter()
        .map(|gate| gate.stamp.offset)
        .collect()
}

fn named(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
    rows.iter()
        .map(|(name, offset)| ((*name).to_owned(), *offset))
        .collect()
}

/// One picture ahead of the other: it has `a` newer, `b` removed, and `d` new.
fn behind_and_ahead() -> [Picture; 2] {
    let mut pictures = [picture(1), picture(1)];
    for picture in &mut pictures {
        apply_all(
            picture,
            [
                (0, 0, claim()),
                (1, 0, row("a", 1)),
                (2, 0, row("b", 1)),
                (3, 0, row("c", 1)),
            ],
        );
    }
    apply_all(
        &mut pictures[1],
        [(4, 0, row("a", 2)), (5, 0, gone("b")), (6, 0, row("d", 1))],
    );
    pictures
}

#[test]
fn nothing_is_held_before_the_first_full_snapshot() {
    let [behind, ahead] = behind_and_ahead();
    let change = delta(since(&ahead, &behind.version(CATALOG), at(6)));
    let mut mirror: Mirror = Mirror::default();
    assert_eq!(mirror.apply_delta(change), Err(SnapshotError::NotContinued));
    assert!(mirror.snapshot().is_none() && mirror.version().is_none());
    mirror.apply_full(full_of(&behind));
    assert_eq!(mirror.snapshot(), Some(full_of(&behind)));
}

#[test]
fn a_change_makes_of_one_snapshot_the_next() {
    let [behind, ahead] = behind_and_ahead();
    let mut mirror = Mirror::default();
    mirror.apply_full(full_of(&behind));
    let change = delta(since(&ahead, mirror.version().unwrap(), at(0)));
    mirror.apply_delta(change).unwrap();
    assert_eq!(mirror.snapshot(), Some(full_of(&ahead)));
}

#[test]
fn everything_from_a_server_that_is_behind_takes_nothing_back() {
    let [behind, ahead] = behind_and_ahead();
    let mut mirror = Mirror::default();
    mirror.apply_full(full_of(&ahead));
    mirror.apply_full(full_of(&behind));
    assert_eq!(held(&mirror), named(&[("a", 4), ("c", 3), ("d", 6)]));
    assert_eq!(mirror.version(), Some(&ahead.version(CATALOG)));
}

#[test]
fn everything_from_a_server_that_is_ahead_drops_what_it_lacks() {
    let [behind, ahead] = behind_and_ahead();
    let mut mirror = Mirror::default();
    mirror.apply_full(full_of(&behind));
    mirror.apply_full(full_of(&ahead));
    assert_eq!(mirror.snapshot(), Some(full_of(&ahead)));
}

#[test]
fn changes_told_again_take_nothing_back() {
    let [behind, ahead] = behind_and_ahead();
    let mut further = picture(1);
    apply_all(
        &mut further,
        [
            (0, 0, claim()),
            (1, 0, row("a", 1)),
            (2, 0, row("b", 1)),
            (3, 0, row("c", 1)),
            (7, 0, row("b", 2)),
            (8, 0, gone("a")),
        ],
    );
    let mut mirror = Mirror::default();
    mirror.apply_full(full_of(&behind));
    for server in [&further, &ahead, &further] {
        let change = delta(since(server, &behind.version(CATALOG), at(8)));
        mirror.apply_delta(change).unwrap();
    }
    assert_eq!(held(&mirror), named(&[("b", 7), ("c", 3)]));
}

#[test]
fn everything_of_another_log_replaces_what_is_held() {
    let [_, ahead] = behind_and_ahead();
    let mut anew = picture(1);
    anew.apply(LogRecord {
        log_id: LOG + 1,
        ..record(1, 0, row("a", 9))
    });
    let mut mirror = Mirror::default();
    mirror.apply_full(full_of(&ahead));
    let before = mirror.snapshot();

    let version = anew.version(CATALOG);
    anew.apply(LogRecord {
        log_id: LOG + 1,
        ..record(2, 0, row("b", 9))
    });
    let change = delta(since(&anew, &version, at(2)));
    assert_eq!(mirror.apply_delta(change), Err(SnapshotError::NotContinued));
    assert_eq!(mirror.snapshot(), before);

    mirror.apply_full(full_of(&anew));
    assert_eq!(mirror.snapshot(), Some(full_of(&anew)));
}

#[test]
fn gates_are_merged_by_their_own_log() {
    let key = |name| gate_key("sum", name);
    let mut pictures = [picture(1), picture(1)];
    for picture in &mut pictures {
        picture.open_gates(1);
        picture.apply_gate(gate_record(0, gate(&key("a"), Verdict::Green)));
        picture.apply_gate(gate_record(1, gate(&key("b"), Verdict::Green)));
    }
    let [behind, mut ahead] = pictures;
    let mut mirror = Mirror::default();
    mirror.apply_full(full_of(&behind));
    ahead.apply_gate(gate_record(2, gate(&key("a"), Verdict::Red)));
    ahead.apply_gate(gate_record(3, gate(&key("b"), None)));
    let change = delta(since(&ahead, mirror.version().unwrap(), at(3)));
    mirror.apply_delta(change).unwrap();
    assert_eq!(gates_held(&mirror), [2]);
    mirror.apply_full(full_of(&behind));
    assert_eq!(gates_held(&mirror), [2]);

    let change = |picture: &Picture| delta(since(picture, &behind.version(CATALOG), at(4)));
    let earlier = change(&ahead);
    ahead.apply_gate(gate_record(4, gate(&key("a"), None)));
    ahead.apply_gate(gate_record(5, gate(&key("b"), Verdict::Red)));
    for change in [change(&ahead), earlier] {
        mirror.apply_delta(change).unwrap();
        assert_eq!(gates_held(&mirror), [5]);
    }

    let mut anew = picture(1);
    anew.open_gates(2);
    anew.apply_gate(gate_record(0, gate(&key("c"), Verdict::Red)));
    mirror.apply_full(full_of(&anew));
    assert_eq!(gates_held(&mirror), [0]);
}

/// A receiver may hold rows in a form of its own.
#[derive(Debug, PartialEq, Eq)]
struct Brief(EndpointId);

impl Row for Brief {
    fn endpoint(&self) -> &EndpointId {
        &self.0
    }

    fn published_at(&self) -> Timestamp {
        at(0)
    }
}

#[test]
fn rows_may_be_held_in_another_form() {
    let [behind, _] = behind_and_ahead();
    let (header, rows, gates) = full_of(&behind).into_parts();
    let brief = rows.iter().map(|row| Stamped {
        stamp: row.stamp,
        value: Brief(row.value.id().clone()).into(),
    });
    let full = Snapshot::new(header, brief.collect(), gates);
    let mut mirror = Mirror::default();
    mirror.apply_full(full.clone());
    assert_eq!(mirror.snapshot(), Some(full));
}
