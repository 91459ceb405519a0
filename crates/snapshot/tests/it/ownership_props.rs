//! Readers that start at any time, of logs that many owners write and compaction thins out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use sextant_measure::id::EndpointId;
use sextant_snapshot::key::Key;
use sextant_snapshot::picture::Picture;
use sextant_snapshot::record::{Entry, LogRecord, OwnerState};

use crate::make::*;
use crate::world::{Event, Reader, World, events};

type Shown = BTreeMap<EndpointId, (u64, u32)>;

/// Each endpoint's offset and mark.
fn shown(picture: &Picture) -> Shown {
    let snapshot = picture.snapshot(CATALOG, at(0));
    let rows = snapshot.rows().iter();
    rows.map(|row| {
        let mark = row.value.global().late;
        (row.value.id().clone(), (row.stamp.offset, mark))
    })
    .collect()
}

fn agents(picture: &Picture) -> Vec<(u32, u64, u64)> {
    let rows = picture.agents();
    rows.map(|row| (row.stamp.partition, row.stamp.offset, row.value.recorded))
        .collect()
}

/// The rule, word for word: a record at `o` with epoch `e` counts unless there is a known claim
/// `c` with `e < c < o`, or a later owner that calls itself whole.
fn valid(read: &[LogRecord]) -> Vec<&LogRecord> {
    let claims: BTreeSet<_> = read.iter().map(epoch).collect();
    let counts = |record: &&LogRecord| {
        !claims
            .iter()
            .any(|c| epoch(record) < *c && *c < record.offset)
    };
    let counting: Vec<_> = read.iter().filter(counts).collect();
    let whole = whole(counting.iter().copied());
    let stands = |record: &&LogRecord| whole.is_none_or(|whole| epoch(record) >= whole);
    counting.into_iter().filter(stands).collect()
}

fn epoch(record: &LogRecord) -> u64 {
    match record.entry {
        Entry::Claim { .. } => record.offset,
        _ => record.epoch,
    }
}

/// The last owner that calls itself whole.
fn whole<'a>(records: impl IntoIterator<Item = &'a LogRecord>) -> Option<u64> {
    let is_whole = |record: &&LogRecord| match record.entry {
        Entry::Progress(progress) => progress.state == OwnerState::Whole,
        _ => false,
    };
    let epochs = records.into_iter().filter(is_whole).map(epoch);
    epochs.max()
}

/// The last record of each endpoint.
fn last<'a>(
    records: impl IntoIterator<Item = &'a LogRecord>,
) -> HashMap<EndpointId, &'a LogRecord> {
    let of_endpoint = |record: &'a LogRecord| match record.entry.key() {
        Key::Endpoint(id) => Some((id, record)),
        _ => None,
    };
    records.into_iter().filter_map(of_endpoint).collect()
}

fn row_of(record: &LogRecord) -> Option<(u64, u32)> {
    match &record.entry {
        Entry::Endpoint(row) => Some((record.offset, row.global().late)),
        _ => None,
    }
}

/// What the picture of one who knew every claim in time must show.
fn check_whole(reader: &Reader) {
    let records = reader.read.iter().flat_map(|read| valid(read));
    let expected = last(records).into_iter();
    let expected: Shown = expected
        .filter_map(|(id, record)| Some((id, row_of(record)?)))
        .collect();
    assert_eq!(shown(&reader.picture), expected);
}

/// What the picture of one must show who may have learned of claims late: nothing that is stale or
/// was removed, and all whose last record counts. An owner that called itself whole has removed
/// what it had left standing, also if it turns out to have been replaced before.
fn check_late(reader: &Reader) {
    let shown = shown(&reader.picture);
    for read in &reader.read {
        let counts = last(valid(read));
        let whole = whole(read);
        for (id, newest) in last(read) {
            let valid = counts.get(&id).copied();
            match shown.get(&id) {
                Some(row) => assert_eq!(valid.and_then(row_of), Some(*row), "{id}"),
                None => assert!(
                    valid != Some(newest)
                        || row_of(newest).is_none()
                        || whole.is_some_and(|whole| epoch(newest) < whole),
                    "{id} is missing: {newest:?}"
                ),
            }
        }
    }
}

fn check_no_row_went_back(before: &Shown, after: &Shown) {
    for (id, (offset, _)) in after {
        let earlier = before.get(id).map_or(0, |(offset, _)| *offset);
        assert!(earlier <= *offset, "{id} went from {earlier} to {offset}");
    }
}

fn play(events: &[Event], compacts: bool) {
    let mut world = World::new();
    let mut readers: Vec<_> = (0..3).map(|_| Reader::start(&world)).collect();
    for event in events {
        let reader = match event {
            Event::Read { reader, records } => {
                let reader = &mut readers[reader.index(3)];
                let before = shown(&reader.picture);
                let starts_again = reader.is_an_hour_behind(&world);
                reader.go_on(&world, *records);
                if !starts_again {
                    check_no_row_went_back(&before, &shown(&reader.picture));
                }
                reader
            }
            Event::Restart { reader } => {
                let reader = &mut readers[reader.index(3)];
                *reader = Reader::start(&world);
                reader
            }
            // A new log begins again at 0, so that its rows can't be compared with those before.
            Event::Recreate { .. } => continue,
            Event::Compact { .. } if !compacts => continue,
            event => {
                world.play(event);
                continue;
            }
        };
        if compacts {
            check_late(reader);
        } else {
            check_whole(reader);
        }
    }
    check_settled(world, readers);
}

fn check_settled(mut world: World, mut readers: Vec<Reader>) {
    world.settle();
    for reader in &mut readers {
        reader.go_on(&world, usize::MAX);
    }
    let late = Reader::start(&world);
    for reader in &readers {
        assert_eq!(shown(&reader.picture), shown(&late.picture));
        assert_eq!(agents(&reader.picture), agents(&late.picture));
        assert_eq!(reader.picture.header(CATALOG, at(0)).partitions_whole, 2);
    }
    assert!(
        shown(&late.picture)
            .values()
            .all(|(_, mark)| *mark >= 1_000_000)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn readers_of_the_whole_log_hold_what_the_rule_says(events in events(120)) {
        play(&events, false);
    }

    #[test]
    fn readers_of_a_compacted_log_hold_nothing_stale_and_agree_once_its_owner_has_published(
        events in events(120),
    ) {
        play(&events, true);
    }

    #[test]
    fn readers_agree_after_a_log_was_made_anew(events in events(120)) {
        let mut world = World::new();
        let mut readers: Vec<_> = (0..3).map(|_| Reader::start(&world)).collect();
        for event in &events {
            match event {
                Event::Read { reader, records } => readers[reader.index(3)].go_on(&world, *records),
                Event::Restart { reader } => readers[reader.index(3)] = Reader::start(&world),
                event => world.play(event),
            }
        }
        check_settled(world, readers);
    }
}
