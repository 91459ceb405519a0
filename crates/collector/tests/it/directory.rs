//! What ids stand for.

use proptest::prelude::*;
use sextant_collector::admission::{Stamp, admit};
use sextant_collector::directory::Directory;
use sextant_intake::directory::UnusableId;
use sextant_measure::refusal::Refusal;

use crate::harness::NOW;
use crate::sample::{anonymous, columns, identity, measurement, numbered, row, rules};

fn series_of(directory: &mut Directory, id: u32) -> Result<String, UnusableId> {
    let stamp = Stamp {
        identity: identity("a", 1, 1),
        anonymous: false,
        received_at: NOW,
    };
    let batch = anonymous(0, columns([row(id, measurement(1_000))]));
    let admitted = admit(batch.into(), directory, &rules(), &stamp)?;
    let series = &admitted.parts[0].1.series[0];
    Ok(series.endpoint.provider.to_string())
}

#[test]
fn an_id_may_be_defined_again_alike_but_not_otherwise() {
    let (rules, mut directory) = (rules(), Directory::default());
    directory.define(3, Ok(numbered(3)), &rules);
    directory.define(3, Ok(numbered(3)), &rules);
    assert_eq!(series_of(&mut directory, 3).unwrap(), "provider-3");
    assert_eq!(directory.len(), 1);
    directory.define(3, Ok(numbered(4)), &rules);
    let conflicting = Err(UnusableId::Conflicting(3));
    assert_eq!(series_of(&mut directory, 3), conflicting);
    directory.define(3, Ok(numbered(3)), &rules);
    assert_eq!(series_of(&mut directory, 3), conflicting);
}

#[test]
fn a_definition_that_cannot_be_conflicts_with_one_that_can() {
    let (rules, mut directory) = (rules(), Directory::default());
    directory.define(1, Err(Refusal::Model), &rules);
    directory.define(1, Err(Refusal::Model), &rules);
    directory.define(1, Ok(numbered(1)), &rules);
    let conflicting = Err(UnusableId::Conflicting(1));
    assert_eq!(series_of(&mut directory, 1), conflicting);
}

proptest! {
    #[test]
    fn ids_are_found_in_whatever_order_and_range_they_were_defined(
        ids in prop::collection::vec(prop_oneof![0..64_u32, any::<u32>()], 1..200),
        other in any::<u32>(),
    ) {
        let (rules, mut directory) = (rules(), Directory::default());
        for id in &ids {
            directory.define(*id, Ok(numbered(*id)), &rules);
        }
        let mut distinct = ids.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(directory.len(), distinct.len());
        for id in &ids {
            prop_assert_eq!(series_of(&mut directory, *id), Ok(format!("provider-{id}")));
        }
        if !ids.contains(&other) {
            prop_assert_eq!(series_of(&mut directory, other), Err(UnusableId::Unknown(other)));
        }
    }
}
