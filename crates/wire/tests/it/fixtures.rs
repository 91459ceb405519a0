//! Records as the first version wrote them: stored data that every later version must read.

use bytes::Bytes;
use sextant_measure::outcome::Outcome;
use sextant_wire::part::ObservationsRecord;

/// One part, written by format version 1: two observations of `a/b` at `p`, fp8, region `eu`.
const PART_V1: &str = "
     0a780a06656467652d31110700000000000000180329090000000000000030c084b6c1c1c482
     03420e0a03612f621201701807220265754a410a020000120b8080f28183898506c0843d1a02
     00022203e907002a04892789273204970197013a04a704a704420201015a020101620373756d
     6a02010172027272";

#[test]
fn a_part_of_the_first_version_is_read() {
    let record = ObservationsRecord::decode(&hex(PART_V1)).unwrap();
    let ObservationsRecord::Part(part) = record else {
        panic!("a part")
    };
    assert_eq!((part.identity.epoch, part.identity.sequence), (7, 3));
    assert_eq!(part.series[0].endpoint.to_string(), "a/b p/fp8");
    let rows: Vec<_> = part.columns.rows().map(Result::unwrap).collect();
    assert_eq!(rows[1].measurement.outcome, Outcome::Timeout);
    assert_eq!(rows[0].measurement.ttft_us, Some(1_000));
}

fn hex(text: &str) -> Bytes {
    let digits: Vec<_> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}
