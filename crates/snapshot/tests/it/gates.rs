//! The section of gates.

use sextant_snapshot::gates::{Gate, Ruling, Verdict};
use sextant_snapshot::picture::{Applied, Ignored, Limits, Picture};
use sextant_snapshot::snapshot::ModelFilter;

use crate::make::*;

fn verdicts(picture: &Picture) -> Vec<(String, Verdict, u64)> {
    let snapshot = picture.snapshot(CATALOG, at(0));
    let shown = snapshot.gates().iter().map(|gate| {
        let operation = gate.value.key().operation.to_string();
        (operation, gate.value.verdict(), gate.stamp.offset)
    });
    shown.collect()
}

#[test]
fn the_last_verdict_stands_until_it_is_cleared() {
    let mut picture = picture(1);
    picture.open_gates(1);
    let (sum, tag) = (gate_key("sum", "a"), gate_key("tag", "a"));
    picture.apply_gate(gate_record(0, gate(&tag, Verdict::Green)));
    picture.apply_gate(gate_record(1, gate(&sum, Verdict::Green)));
    picture.apply_gate(gate_record(2, gate(&sum, Verdict::Red)));
    assert_eq!(
        verdicts(&picture),
        [
            ("sum".to_owned(), Verdict::Red, 2),
            ("tag".to_owned(), Verdict::Green, 0),
        ]
    );
    let repeated = picture.apply_gate(gate_record(1, gate(&sum, Verdict::Green)));
    assert_eq!(repeated, ignored(Ignored::Repeated));
    let cleared = picture.apply_gate(gate_record(3, gate(&sum, None)));
    assert_eq!(cleared, Applied::Changed);
    assert_eq!(verdicts(&picture), [("tag".to_owned(), Verdict::Green, 0)]);
}

#[test]
fn changes_of_gates_are_told_beside_those_of_rows() {
    let mut picture = picture(1);
    picture.open_gates(1);
    let key = |name| gate_key("sum", name);
    picture.apply_gate(gate_record(0, gate(&key("a"), Verdict::Green)));
    picture.apply_gate(gate_record(1, gate(&key("b"), Verdict::Green)));
    let version = picture.version(CATALOG);
    picture.apply_gate(gate_record(2, gate(&key("a"), None)));
    picture.apply_gate(gate_record(3, gate(&key("c"), Verdict::Red)));

    let all = delta(since(&picture, &version, at(3)));
    assert_eq!(all.gates.len(), 1);
    assert_eq!(
        (all.gates[0].value.key(), all.gates[0].stamp.offset),
        (&key("c"), 3)
    );
    assert_eq!(all.gates_removed.len(), 1);
    assert_eq!(
        (&all.gates_removed[0].0, all.gates_removed[0].1.offset),
        (&key("a"), 2)
    );

    let filter: ModelFilter = [model("c")].into_iter().collect();
    let some = delta(picture.since(Some(&version), &filter, CATALOG, at(3)));
    assert_eq!((some.gates.len(), some.gates_removed.len()), (1, 0));
    let snapshot = picture.snapshot(CATALOG, at(3)).of_models(&filter);
    assert_eq!(snapshot.gates().len(), 1);
}

#[test]
fn a_gate_after_long_silence_is_no_reason_for_everything() {
    let mut picture = picture(1);
    picture.open_gates(1);
    picture.apply_gate(gate_record(0, gate(&gate_key("sum", "a"), Verdict::Green)));
    let version = picture.version(CATALOG);
    picture.reached_end_of_gates(0, at(100_000));
    picture.apply_gate(gate_record(
        100_001,
        gate(&gate_key("sum", "b"), Verdict::Green),
    ));
    assert_eq!(delta(since(&picture, &version, at(100_002))).gates.len(), 1);
}

#[test]
fn gates_of_a_log_that_was_made_anew_do_not_stand() {
    let mut picture = picture(1);
    picture.open_gates(1);
    picture.apply_gate(gate_record(0, gate(&gate_key("sum", "a"), Verdict::Green)));
    picture.open_gates(1);
    assert_eq!(verdicts(&picture).len(), 1);
    picture.open_gates(2);
    assert_eq!(verdicts(&picture), []);
    let applied = picture.apply_gate(gate_record(0, gate(&gate_key("sum", "b"), Verdict::Red)));
    assert_eq!(applied, Applied::Changed);
}

#[test]
fn gates_over_the_limit_are_ignored_and_counted() {
    let limits = Limits {
        gates_max: 1,
        ..Limits::default()
    };
    let mut picture = Picture::new(1, limits).unwrap();
    picture.apply_gate(gate_record(0, gate(&gate_key("sum", "a"), Verdict::Green)));
    let applied = picture.apply_gate(gate_record(1, gate(&gate_key("sum", "b"), Verdict::Green)));
    assert_eq!(applied, ignored(Ignored::NoRoom));
    assert_eq!(picture.ignored(Ignored::NoRoom), 1);
    assert_eq!(verdicts(&picture).len(), 1);
}

#[test]
fn an_author_is_a_text() {
    for author in [String::new(), "a\nb".to_owned(), "x".repeat(129)] {
        assert!(Gate::new(gate_key("sum", "a"), Verdict::Green, author.clone(), at(0)).is_err());
        assert!(Ruling::new(gate_key("sum", "a"), None, author, at(0)).is_err());
    }
}
