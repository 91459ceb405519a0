//! The judgement of single batches.

use proptest::prelude::*;
use sextant_catalog::{Catalog, LiveCatalog};
use sextant_collector::admission::{Admitted, EARLY_US, Stamp, admit};
use sextant_collector::directory::{Directory, Rules};
use sextant_intake::directory::UnusableId;
use sextant_intake::submission::Submission;
use sextant_measure::id::Region;
use sextant_measure::observation::{Definition, Measurement, Tier};
use sextant_measure::outcome::Outcome;
use sextant_measure::quantization::Quantization;
use sextant_measure::refusal::Refusal;
use sextant_measure::time::Timestamp;
use sextant_wire::batch::Batch;
use sextant_wire::columns::{Columns, Row};
use sextant_wire::definition::partition_of;
use sextant_wire::part::Part;
use sextant_wire::v1;
use std::collections::BTreeMap;

use crate::harness::{NOW, PARTITIONS};
use crate::sample::{
    anonymous, batch, columns, completed_at, definition, directory, identity, measurement,
    numbered, row, rules, spread,
};

fn stamp() -> Stamp {
    Stamp {
        identity: identity("agent", 7, 1),
        anonymous: false,
        received_at: NOW,
    }
}

fn judge(columns: Columns, definitions: &[Definition]) -> Admitted {
    judge_batch(anonymous(1, columns), definitions, &rules())
}

fn judge_batch(batch: Batch, definitions: &[Definition], rules: &Rules) -> Admitted {
    let mut directory = Directory::default();
    for (id, definition) in (0..).zip(definitions) {
        directory.define(id, Ok(definition.clone()), rules);
    }
    admit(batch.into(), &mut directory, rules, &stamp()).unwrap()
}

fn only(admitted: &Admitted) -> &Part {
    let [(_, part)] = admitted.parts.as_slice() else {
        panic!("{} parts", admitted.parts.len());
    };
    part
}

fn rows(part: &Part) -> Vec<Row<'_>> {
    part.columns.rows().map(Result::unwrap).collect()
}

/// A refusal, and a change to the second of three rows that brings it about.
type Case = (Refusal, fn(&mut v1::Columns));

#[test]
fn each_refusal_names_its_row_and_leaves_the_others_alone() {
    let raw = |change: fn(&mut v1::Columns)| {
        let mut raw = v1::Columns::from(columns([row(0, measurement(800_000)); 3]));
        for column in [&mut raw.status_code, &mut raw.attempt, &mut raw.tier] {
            column.resize(3, 0);
        }
        raw.operation.resize(3, 0);
        raw.kind.resize(3, 0);
        raw.request_id_bytes.resize(3, 0);
        change(&mut raw);
        Columns::try_from(raw).unwrap()
    };
    let cases: [Case; 16] = [
        (Refusal::Outcome, |c| c.kind[1] = 13),
        (Refusal::Outcome, |c| c.kind[1] = 1 << 7),
        (Refusal::CompletedAt, |c| {
            let first = c.completed_at_us[0];
            (c.completed_at_us[1], c.completed_at_us[2]) = (-first - 1, first + 1);
        }),
        (Refusal::StatusCode, |c| c.status_code[1] = 99),
        (Refusal::StatusCode, |c| c.status_code[1] = u32::MAX),
        (Refusal::Attempt, |c| c.attempt[1] = u32::MAX),
        (Refusal::Tokens, |c| c.output_tokens[1] = u64::MAX),
        (Refusal::Tokens, |c| c.input_tokens[1] = (1 << 32) + 1),
        (Refusal::TtftNotStreamed, |c| c.kind[1] = 1 << 5),
        (Refusal::TtftAboveDuration, |c| c.ttft_us[1] = u64::MAX),
        (Refusal::DurationMissing, |c| c.duration_us[1] = 0),
        (Refusal::DurationTooLong, |c| c.duration_us[1] = u64::MAX),
        (Refusal::Tier, |c| c.tier[1] = 4),
        (Refusal::Operation, |c| c.operation[1] = 1),
        (Refusal::Operation, |c| {
            c.operations.push("a\nb".to_owned());
            c.operation[1] = 1;
        }),
        (Refusal::RequestId, |c| {
            c.request_id_bytes[1] = 1;
            c.request_ids = vec![0].into();
        }),
    ];
    for (refusal, change) in cases {
        let admitted = judge(raw(change), &[definition("groq")]);
        assert_eq!(admitted.refused, [(1, refusal)]);
        assert_eq!(admitted.accepted, 2, "{refusal:?}");
        assert_eq!(only(&admitted).columns.len(), 2, "{refusal:?}");
    }
}

#[test]
fn observations_of_an_impossible_definition_are_refused_by_its_fault() {
    let rules = rules();
    let mut directory = directory([0], &rules);
    let faults = [
        Refusal::FieldMissing,
        Refusal::Model,
        Refusal::Provider,
        Refusal::Quantization,
        Refusal::Region,
    ];
    for (id, fault) in (1..).zip(faults) {
        directory.define(id, Err(fault), &rules);
    }
    let batch = anonymous(1, spread(6, 6));
    let admitted = admit(batch.into(), &mut directory, &rules, &stamp()).unwrap();
    assert_eq!(admitted.accepted, 1);
    let expected: Vec<_> = (1..).zip(faults).collect();
    assert_eq!(admitted.refused, expected);
}

#[test]
fn nothing_of_a_batch_is_taken_if_it_names_an_unknown_id() {
    let rules = rules();
    let mut directory = directory([0], &rules);
    let unknown = admit(
        anonymous(1, spread(4, 2)).into(),
        &mut directory,
        &rules,
        &stamp(),
    );
    assert_eq!(unknown, Err(UnusableId::Unknown(1)));
    directory.define(1, Ok(numbered(1)), &rules);
    let known = admit(
        anonymous(1, spread(4, 2)).into(),
        &mut directory,
        &rules,
        &stamp(),
    );
    assert_eq!(known.unwrap().accepted, 4);
}

#[test]
fn what_the_sender_left_out_is_stamped_and_what_it_said_stands() {
    let left_out = |provider: &str| Definition {
        quantization: None,
        region: None,
        ..definition(provider)
    };
    let rules = Rules {
        region: Region::new("eu-north-1").unwrap(),
        ..rules()
    };
    let said = Definition {
        quantization: Some(Quantization::Unknown),
        ..definition("deepinfra")
    };
    for (definition, quantization, region) in [
        (left_out("deepinfra"), Quantization::Fp8, "eu-north-1"),
        (left_out("novita"), Quantization::Bf16, "eu-north-1"),
        (left_out("nobody"), Quantization::Unknown, "eu-north-1"),
        (said, Quantization::Unknown, "us-west-2"),
    ] {
        let admitted = judge_batch(anonymous(1, spread(1, 1)), &[definition], &rules);
        let [series] = only(&admitted).series.as_slice() else {
            panic!("one series");
        };
        assert_eq!(series.endpoint.quantization, quantization);
        assert_eq!(series.region.as_str(), region);
    }
}

#[test]
fn completion_is_corrected_by_the_offset_and_held_between_1970_and_receipt() {
    let (epoch, second) = (Timestamp::from_micros(0), 1_000_000);
    for (recorded, offset_us, kept, early) in [
        (NOW.plus_micros(-second), 0, NOW.plus_micros(-second), 0),
        (NOW, -3 * second, NOW.plus_micros(-3 * second), 0),
        (
            NOW.plus_micros(-9 * second),
            8 * second,
            NOW.plus_micros(-second),
            0,
        ),
        (NOW.plus_micros(EARLY_US), 0, NOW, 0),
        (NOW.plus_micros(EARLY_US), 1, NOW, 1),
        (NOW.plus_micros(EARLY_US + 1), 0, NOW, 1),
        (NOW.plus_micros(EARLY_US + 1), -1, NOW, 0),
        (NOW, i64::MAX, NOW, 1),
        (NOW, i64::MIN, epoch, 0),
        (epoch, -1, epoch, 0),
    ] {
        let batch = Batch {
            clock_offset_us: offset_us,
            ..anonymous(1, completed_at(recorded))
        };
        let admitted = judge_batch(batch, &[definition("groq")], &rules());
        let part = only(&admitted);
        assert_eq!(rows(part)[0].measurement.completed_at, kept, "{recorded:?}");
        assert_eq!((admitted.early, part.early), (early, early), "{recorded:?}");
    }
}

#[test]
fn a_retry_hashes_alike_whatever_the_offset_the_time_the_ids_and_the_catalog() {
    let left_out = Definition {
        quantization: None,
        region: None,
        ..definition("deepinfra")
    };
    let rules = rules();
    let first = judge_batch(
        batch(1, spread(5, 1)),
        std::slice::from_ref(&left_out),
        &rules,
    );
    let other_rules = Rules {
        catalog: LiveCatalog::new(Catalog::parse("none", "").unwrap()),
        region: Region::new("elsewhere").unwrap(),
        ..rules.clone()
    };
    let mut other_ids = Directory::default();
    other_ids.define(900, Ok(left_out), &other_rules);
    let mut raw = v1::Columns::from(spread(5, 1));
    raw.endpoint.fill(900);
    let again = Batch {
        clock_offset_us: -77_000_000,
        ..batch(1, Columns::try_from(raw).unwrap())
    };
    let later = Stamp {
        received_at: NOW.plus_micros(60_000_000),
        ..stamp()
    };
    let again = admit(again.into(), &mut other_ids, &other_rules, &later).unwrap();
    let (first, again) = (only(&first), only(&again));
    assert_eq!(first.content_hash, again.content_hash);
    assert_ne!(first.series, again.series);
    assert_ne!(first.columns, again.columns);
}

#[test]
fn changed_content_hashes_otherwise() {
    let hash = |row: Row<'_>, provider: &str| {
        only(&judge(columns([row]), &[definition(provider)])).content_hash
    };
    let base = row(0, measurement(800_000));
    let with = |change: fn(&mut Measurement)| {
        let mut measurement = measurement(800_000);
        change(&mut measurement);
        Row {
            measurement,
            ..base
        }
    };
    let mut hashes = vec![
        hash(base, "groq"),
        hash(base, "novita"),
        hash(with(|m| m.duration_us = Some(800_001)), "groq"),
        hash(with(|m| m.ttft_us = None), "groq"),
        hash(with(|m| m.outcome = Outcome::StreamError), "groq"),
        hash(with(|m| m.completed_at = NOW), "groq"),
        hash(with(|m| m.output_tokens = None), "groq"),
        hash(with(|m| m.attempt = 2), "groq"),
        hash(with(|m| m.is_final = false), "groq"),
    ];
    for (tier, operation, request_id) in [
        (Some(Tier::Batch), None, None),
        (None, Some("translate"), None),
        (None, None, Some("request")),
    ] {
        let row = Row {
            tier,
            operation,
            request_id,
            ..base
        };
        hashes.push(hash(row, "groq"));
    }
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

#[test]
fn a_part_names_only_the_series_it_uses() {
    let definitions: Vec<_> = (0..50).map(numbered).collect();
    let few = columns([3, 7, 3].map(|id| row(id, measurement(800_000))));
    let admitted = judge(few, &definitions);
    let series: usize = admitted
        .parts
        .iter()
        .map(|(_, part)| part.series.len())
        .sum();
    assert_eq!(series, 2);
    // The directory remembers nothing of one batch for the next.
    let rules = rules();
    let mut directory = directory(0..50, &rules);
    let first = admit(spread_batch(), &mut directory, &rules, &stamp()).unwrap();
    let second = admit(spread_batch(), &mut directory, &rules, &stamp()).unwrap();
    assert_eq!(first, second);
}

fn spread_batch() -> Submission {
    anonymous(1, spread(100, 50)).into()
}

#[test]
fn what_was_refused_before_keeps_its_place_among_the_rows() {
    let mut raw = v1::Columns::from(columns([row(0, measurement(800_000)); 4]));
    raw.duration_us[0] = 0;
    raw.duration_us[2] = 0;
    let submission = Submission {
        batch: anonymous(1, Columns::try_from(raw).unwrap()),
        // Sent: a, Malformed, b, Flag, Flag, c, d, Flag; of the rows a and c are refused.
        refused: vec![
            (1, Refusal::Malformed),
            (3, Refusal::Flag),
            (4, Refusal::Flag),
            (7, Refusal::Flag),
        ],
    };
    assert_eq!(submission.observations(), 8);
    let mut directory = directory([0], &rules());
    let admitted = admit(submission, &mut directory, &rules(), &stamp()).unwrap();
    assert_eq!(admitted.accepted, 2);
    assert_eq!(
        admitted.refused,
        [
            (0, Refusal::DurationMissing),
            (1, Refusal::Malformed),
            (3, Refusal::Flag),
            (4, Refusal::Flag),
            (5, Refusal::DurationMissing),
            (7, Refusal::Flag),
        ]
    );
}

proptest! {
    #[test]
    fn each_row_is_in_exactly_one_part_in_order_or_refused(
        picks in prop::collection::vec((0..40_u32, any::<bool>()), 0..300),
    ) {
        // Each row's duration is its index, which makes it recognisable.
        let rows_sent = (1_u64..).zip(&picks).map(|(n, (id, is_good))| {
            let mut measurement = measurement(n);
            if !is_good {
                measurement.attempt = 0;
            }
            row(*id, measurement)
        });
        let mut raw = v1::Columns::from(columns(rows_sent));
        if !raw.attempt.is_empty() || !picks.is_empty() {
            // What counts from 0 cannot be built, so it is put there as it would be sent.
            raw.attempt = picks.iter().map(|(_, good)| if *good { 0 } else { u32::MAX }).collect();
        }
        let definitions: Vec<_> = (0..40).map(numbered).collect();
        let admitted = judge(Columns::try_from(raw).unwrap(), &definitions);

        let bad = (0..).zip(&picks).filter(|(_, (_, good))| !good);
        let refused: Vec<_> = bad.map(|(index, _)| (index, Refusal::Attempt)).collect();
        prop_assert_eq!(&admitted.refused, &refused);
        let mut expected: BTreeMap<u32, Vec<(u64, Definition)>> = BTreeMap::new();
        for (n, (id, _)) in (1_u64..).zip(&picks).filter(|(_, (_, good))| *good) {
            let definition = numbered(*id);
            let partition = partition_of(&definition.model, &definition.provider, PARTITIONS);
            expected.entry(partition).or_default().push((n, definition));
        }
        let found: BTreeMap<_, Vec<_>> = admitted.parts.iter().map(|(partition, part)| {
            let found = rows(part).into_iter().map(|row| {
                let series = &part.series[row.endpoint as usize];
                let definition = Definition {
                    model: series.endpoint.model.clone(),
                    provider: series.endpoint.provider.clone(),
                    quantization: Some(series.endpoint.quantization),
                    region: Some(series.region.clone()),
                };
                (row.measurement.duration_us.unwrap(), definition)
            });
            (*partition, found.collect())
        }).collect();
        prop_assert_eq!(&found, &expected);
        let kept: usize = expected.values().map(Vec::len).sum();
        prop_assert_eq!(admitted.accepted as usize, kept);
    }
}
