//! Whose records count, rule by rule.

use sextant_snapshot::change::FullReason;
use sextant_snapshot::picture::{Applied, Ignored, Limits, Picture};
use sextant_snapshot::record::{LogRecord, OwnerState};

use crate::make::*;

#[test]
fn a_replaced_owners_records_change_nothing() {
    let mut picture = picture(1);
    apply_all(
        &mut picture,
        [
            (0, 0, claim()),
            (1, 0, row("a", 1)),
            (2, 0, agent("edge", 1)),
            (3, 0, claim()),
        ],
    );
    for entry in [
        row("a", 2),
        row("b", 2),
        gone("a"),
        agent("edge", 2),
        progress(OwnerState::Whole),
    ] {
        let offset = picture.partitions().next().unwrap().next_offset;
        let applied = picture.apply(record(offset, 0, entry));
        assert_eq!(applied, ignored(Ignored::Stale));
    }
    assert_eq!(rows(&picture), [row_shown("a", 1, 1)]);
    assert_eq!(picture.agents().next().unwrap().value.recorded, 1);
    assert_eq!(picture.header(CATALOG, at(0)).partitions_whole, 0);
    assert_eq!(picture.ignored(Ignored::Stale), 5);
}

#[test]
fn a_new_claim_leaves_the_rows_until_its_owner_replaces_them() {
    let mut picture = picture(1);
    apply_all(
        &mut picture,
        [
            (0, 0, claim()),
            (1, 0, row("a", 1)),
            (2, 0, row("b", 1)),
            (3, 0, claim()),
        ],
    );
    assert_eq!(rows(&picture).len(), 2);
    apply_all(&mut picture, [(4, 3, row("a", 2)), (5, 3, gone("b"))]);
    assert_eq!(rows(&picture), [row_shown("a", 2, 4)]);
}

#[test]
fn what_a_whole_owner_has_left_standing_is_removed_and_said_so() {
    let mut picture = picture(1);
    apply_all(
        &mut picture,
        [
            (0, 0, claim()),
            (1, 0, row("kept", 1)),
            (2, 0, row("left", 1)),
            (3, 0, agent("left", 1)),
            (4, 0, progress(OwnerState::Whole)),
        ],
    );
    assert_eq!(rows(&picture).len(), 2, "its own rows stand");
    apply_all(&mut picture, [(5, 5, claim()), (6, 5, row("kept", 2))]);
    let before = picture.version(CATALOG);
    apply_all(&mut picture, [(7, 5, progress(OwnerState::Rebuilding))]);
    assert_eq!(rows(&picture).len(), 2);
    apply_all(&mut picture, [(8, 5, progress(OwnerState::Whole))]);
    assert_eq!(rows(&picture), [row_shown("kept", 2, 6)]);
    assert_eq!(picture.agents().count(), 0);
    let delta = delta(since(&picture, &before, at(9)));
    let removed: Vec<_> = delta.removed.into_iter().map(|(id, _)| id).collect();
    assert_eq!(removed, [endpoint("left", "p")]);
}

#[test]
fn a_claim_known_only_from_an_epoch_replaces_the_owner_before_it() {
    // The claim at 5 has been compacted away.
    let mut picture = picture(1);
    apply_all(&mut picture, [(2, 1, row("a", 1)), (6, 5, row("b", 1))]);
    assert_eq!(
        picture.apply(record(7, 1, row("a", 2))),
        ignored(Ignored::Stale)
    );
    assert_eq!(rows(&picture), [row_shown("a", 1, 2), row_shown("b", 1, 6)]);
}

#[test]
fn what_turns_out_to_be_stale_is_removed_in_hindsight() {
    let mut picture = picture(1);
    // The claim at 5 has been compacted away, and so has what its owner wrote before 9.
    apply_all(
        &mut picture,
        [
            (1, 0, row("old", 1)),
            (7, 0, row("stale", 1)),
            (8, 0, agent("stale", 1)),
        ],
    );
    let before = picture.version(CATALOG);
    apply_all(&mut picture, [(9, 5, row("new", 1))]);
    assert_eq!(
        rows(&picture),
        [row_shown("new", 1, 9), row_shown("old", 1, 1)]
    );
    assert_eq!(picture.agents().count(), 0);

    let delta = delta(since(&picture, &before, at(9)));
    assert_eq!(delta.removed.len(), 1, "{delta:?}");
    let (id, stamp) = &delta.removed[0];
    assert_eq!((id, stamp.offset), (&endpoint("stale", "p"), 9));
}

#[test]
fn an_older_claim_that_comes_to_be_known_late_counts_too() {
    let mut picture = picture(1);
    // The claims are 0, 5 and 10, of which only the last is left. The owner of 5 is stale itself
    // when its record tells of it.
    apply_all(
        &mut picture,
        [(1, 0, row("a", 1)), (7, 0, row("b", 1)), (10, 0, claim())],
    );
    assert_eq!(
        picture.apply(record(11, 5, row("c", 1))),
        ignored(Ignored::Stale)
    );
    assert_eq!(rows(&picture), [row_shown("a", 1, 1)]);
}

#[test]
fn a_claim_forgotten_among_many_takes_nothing_from_its_owner_when_met_again() {
    let mut picture = picture(1);
    apply_all(&mut picture, [(0, 0, claim()), (1, 0, row("a", 1))]);
    apply_all(&mut picture, (2..1_000).map(|offset| (offset, 0, claim())));
    let applied = picture.apply(record(1_000, 0, row("b", 1)));
    assert_eq!(applied, ignored(Ignored::Stale));
    assert_eq!(rows(&picture), [row_shown("a", 1, 1)]);
}

#[test]
fn what_the_revealing_record_is_about_stands_with_it() {
    let mut picture = picture(1);
    apply_all(&mut picture, [(7, 0, row("a", 1)), (9, 5, row("a", 2))]);
    assert_eq!(rows(&picture), [row_shown("a", 2, 9)]);
    assert_eq!(
        delta(since(&picture, &picture.version(CATALOG), at(9))).removed,
        []
    );
}

#[test]
fn a_record_that_was_read_before_changes_nothing() {
    let mut picture = picture(1);
    apply_all(
        &mut picture,
        [(0, 0, claim()), (1, 0, row("a", 1)), (2, 0, row("a", 2))],
    );
    for offset in [1, 2] {
        let applied = picture.apply(record(offset, 0, row("a", 3)));
        assert_eq!(applied, ignored(Ignored::Repeated));
    }
    assert_eq!(rows(&picture), [row_shown("a", 2, 2)]);
}

#[test]
fn an_epoch_that_no_claim_can_have_is_refused() {
    let mut picture = picture(1);
    for epoch in [3, 4, u64::MAX] {
        let applied = picture.apply(record(3, epoch, row("a", 1)));
        assert_eq!(applied, ignored(Ignored::EpochAhead));
    }
    apply_all(&mut picture, [(3, 2, row("a", 1))]);
}

#[test]
fn a_partition_that_does_not_exist_is_refused() {
    let mut picture = picture(1);
    let elsewhere = LogRecord {
        partition: 1,
        ..record(0, 0, claim())
    };
    assert_eq!(picture.apply(elsewhere), ignored(Ignored::NoPartition));
    assert!(Picture::new(0, Limits::default()).is_err());
    assert!(Picture::new(1_025, Limits::default()).is_err());
    assert!(Picture::new(1_024, Limits::default()).is_ok());
}

#[test]
fn a_claim_of_another_log_drops_the_partition_and_all_versions() {
    let mut picture = picture(2);
    apply_all(
        &mut picture,
        [
            (0, 0, claim()),
            (5, 0, row("a", 1)),
            (6, 0, agent("edge", 1)),
        ],
    );
    let beside = LogRecord {
        partition: 1,
        ..record(1, 0, row("beside", 1))
    };
    assert_eq!(picture.apply(beside), Applied::Changed);
    let before = picture.version(CATALOG);

    let other = |offset, entry| LogRecord {
        log_id: LOG + 1,
        ..record(offset, 0, entry)
    };
    assert_eq!(
        picture.apply(other(1, row("b", 1))),
        ignored(Ignored::OtherLog)
    );
    assert_eq!(rows(&picture).len(), 2);
    assert_eq!(picture.apply(other(0, claim())), Applied::Changed);
    assert_eq!(rows(&picture), [row_shown("beside", 1, 1)]);
    assert_eq!(picture.agents().count(), 0);
    assert_eq!(full(&since(&picture, &before, at(6))), FullReason::OtherLog);

    assert_eq!(picture.apply(other(1, row("b", 1))), Applied::Changed);
    assert_eq!(
        picture.apply(record(7, 0, row("a", 2))),
        ignored(Ignored::OtherLog)
    );
    assert_eq!(
        rows(&picture),
        [row_shown("b", 1, 1), row_shown("beside", 1, 1)]
    );
}

#[test]
fn a_partition_is_whole_once_its_present_owner_says_so() {
    let mut picture = picture(2);
    let whole = |picture: &Picture| {
        let header = picture.header(CATALOG, at(0));
        (header.partitions_whole, header.partitions)
    };
    assert_eq!(whole(&picture), (0, 2));
    apply_all(
        &mut picture,
        [(0, 0, claim()), (1, 0, progress(OwnerState::Rebuilding))],
    );
    assert_eq!(whole(&picture), (0, 2));
    apply_all(&mut picture, [(2, 0, progress(OwnerState::Whole))]);
    assert_eq!(whole(&picture), (1, 2));
    apply_all(&mut picture, [(3, 0, claim())]);
    assert_eq!(whole(&picture), (0, 2));
    apply_all(&mut picture, [(4, 3, progress(OwnerState::Whole))]);
    assert_eq!(whole(&picture), (1, 2));
}

#[test]
fn a_partitions_status_tells_of_its_owner() {
    let mut picture = picture(1);
    apply_all(
        &mut picture,
        [
            (0, 0, claim()),
            (1, 0, row("a", 1)),
            (2, 0, progress(OwnerState::Whole)),
        ],
    );
    let status = picture.partitions().next().unwrap();
    assert_eq!((status.log_id, status.epoch), (Some(LOG), Some(0)));
    assert_eq!(status.owner, Some("owner"));
    assert_eq!(status.progress.unwrap().state, OwnerState::Whole);
    assert_eq!((status.next_offset, status.rows, status.agents), (3, 1, 0));

    picture.reached_end(0, 0, at(5));
    let status = picture.partitions().next().unwrap();
    assert_eq!(status.reached_at, Some(at(5)));

    // Of the next one only a record is left, not its claim.
    apply_all(&mut picture, [(9, 8, row("a", 1))]);
    let status = picture.partitions().next().unwrap();
    assert_eq!(
        (status.epoch, status.owner, status.progress),
        (Some(8), None, None)
    );
}

#[test]
fn rows_and_senders_over_the_limit_are_ignored_and_counted() {
    let limits = Limits {
        rows_max: 2,
        agents_max: 1,
        ..Limits::default()
    };
    let mut picture = Picture::new(1, limits).unwrap();
    apply_all(
        &mut picture,
        [
            (0, 0, claim()),
            (1, 0, row("a", 1)),
            (2, 0, row("b", 1)),
            (3, 0, agent("edge-1", 1)),
        ],
    );
    assert_eq!(
        picture.apply(record(4, 0, row("c", 1))),
        ignored(Ignored::NoRoom)
    );
    assert_eq!(
        picture.apply(record(5, 0, agent("edge-2", 1))),
        ignored(Ignored::NoRoom)
    );
    assert_eq!(picture.ignored(Ignored::NoRoom), 2);
    apply_all(
        &mut picture,
        [(6, 0, row("b", 2)), (7, 0, gone("a")), (8, 0, row("c", 1))],
    );
    assert_eq!(rows(&picture), [row_shown("b", 2, 6), row_shown("c", 1, 8)]);
}

#[test]
fn a_sender_that_is_gone_is_not_shown() {
    let mut picture = picture(1);
    apply_all(
        &mut picture,
        [
            (0, 0, claim()),
            (1, 0, agent("edge", 1)),
            (2, 0, agent("other", 1)),
        ],
    );
    let gone = sextant_snapshot::record::Entry::AgentGone(agent_id("edge"));
    apply_all(&mut picture, [(3, 0, gone)]);
    let left: Vec<_> = picture
        .agents()
        .map(|row| row.value.agent.clone())
        .collect();
    assert_eq!(left, [agent_id("other")]);
}

#[test]
fn of_an_endpoint_in_two_partitions_the_row_published_last_is_shown() {
    let published = |seconds| {
        let figures = sextant_measure::figures::Figures::default();
        let row = row_with(endpoint("a", "p"), at(seconds), &figures);
        sextant_snapshot::record::Entry::Endpoint(row)
    };
    for (first, second) in [(10, 20), (20, 10)] {
        let mut picture = picture(2);
        apply_all(&mut picture, [(1, 0, published(first))]);
        picture.apply(LogRecord {
            partition: 1,
            ..record(1, 0, published(second))
        });
        let snapshot = picture.snapshot(CATALOG, at(0));
        let shown: Vec<_> = snapshot
            .rows()
            .iter()
            .map(|row| row.value.published_at())
            .collect();
        assert_eq!(shown, [at(20)]);
        assert_eq!(
            picture.row(&endpoint("a", "p")).unwrap().published_at(),
            at(20)
        );
    }
}
