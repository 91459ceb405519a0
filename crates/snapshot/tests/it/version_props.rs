//! The text form of versions.

use proptest::collection::vec;
use proptest::prelude::*;
use sextant_snapshot::version::{
    GatesPosition, PARTITIONS_MAX, StatisticsPosition, VERSION_TEXT_BYTES_MAX, Version,
};

fn versions() -> impl Strategy<Value = Version> {
    let offsets = prop_oneof![any::<u64>(), 0..300_u64, Just(u64::MAX)];
    let next_offsets = prop_oneof![
        vec(offsets.clone(), 1..40),
        vec(offsets.clone(), PARTITIONS_MAX)
    ];
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>());
    (numbers, offsets, next_offsets).prop_map(|(numbers, next_offset, next_offsets)| {
        let gates = GatesPosition {
            log_id: numbers.1,
            next_offset,
        };
        let statistics = StatisticsPosition {
            log_id: numbers.2,
            next_offsets,
        };
        Version::new(numbers.0, gates, statistics).unwrap()
    })
}

proptest! {
    #[test]
    fn a_versions_text_reads_back(version in versions()) {
        let text = version.to_string();
        prop_assert!(text.len() <= VERSION_TEXT_BYTES_MAX);
        prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        prop_assert_eq!(text.parse(), Ok(version));
    }

    #[test]
    fn garbage_is_refused_or_is_the_text_of_what_it_reads_as(
        text in prop_oneof![".{0,80}", "[A-Za-z0-9_-]{0,200}", "AQ[A-Za-z0-9_-]{30,80}"],
    ) {
        if let Ok(version) = text.parse::<Version>() {
            prop_assert_eq!(version.to_string(), text);
        }
    }

    #[test]
    fn a_damaged_text_is_refused_or_is_the_text_of_what_it_reads_as(
        version in versions(),
        place in any::<prop::sample::Index>(),
        put in "[ -~]",
        cut in any::<bool>(),
    ) {
        let mut text = version.to_string();
        let place = place.index(text.len());
        let end = if cut { text.len() } else { place + 1 };
        text.replace_range(place..end, &put);
        if let Ok(version) = text.parse::<Version>() {
            prop_assert_eq!(version.to_string(), text);
        }
    }
}
