use bytes::Bytes;
use proptest::prelude::*;
use sextant_eventlog::{Offset, Record, StoredRecord};
use sextant_measure::refusal::Refusal;
use sextant_measure::time::Timestamp;
use sextant_snapshot::record::Entry;
use sextant_snapshot::row::AgentRow;
use sextant_wire::batch::{Batch, DROP_REASONS_MAX};
use sextant_wire::columns::{Columns, ColumnsError};
use sextant_wire::part::ObservationsRecord;
use sextant_wire::v1;
use sextant_wire::windows::{Writer, from_record, to_record};

fn plain(rows: usize) -> v1::Columns {
    v1::Columns {
        endpoint: vec![0; rows],
        completed_at_us: vec![1; rows],
        duration_us: vec![6; rows],
        ..v1::Columns::default()
    }
}

fn refusals(columns: v1::Columns) -> Vec<Option<Refusal>> {
    Columns::try_from(columns)
        .unwrap()
        .rows()
        .map(Result::err)
        .collect()
}

#[test]
fn columns_of_different_lengths_are_refused_by_name() {
    let columns = v1::Columns {
        ttft_us: vec![1, 2],
        ..plain(3)
    };
    let error = ColumnsError::Length {
        column: "ttft_us",
        found: 2,
        wanted: 3,
    };
    assert_eq!(Columns::try_from(columns), Err(error));
    let columns = v1::Columns {
        completed_at_us: vec![],
        ..plain(1)
    };
    assert!(
        Columns::try_from(columns).is_err(),
        "every observation completed at some time"
    );
}

#[test]
fn request_ids_that_do_not_add_up_are_refused_and_split_characters_are_their_rows_fault() {
    let columns = |lengths: &[u32], bytes: &'static [u8]| v1::Columns {
        request_id_bytes: lengths.to_vec(),
        request_ids: Bytes::from_static(bytes),
        ..plain(2)
    };
    assert_eq!(
        Columns::try_from(columns(&[1, 3], b"ab")),
        Err(ColumnsError::RequestIds)
    );
    assert_eq!(
        Columns::try_from(columns(&[u32::MAX, 3], b"ab")),
        Err(ColumnsError::RequestIds)
    );
    assert_eq!(
        Columns::try_from(columns(&[1, 1], b"\xff\xfe")),
        Err(ColumnsError::RequestIds)
    );
    assert_eq!(
        refusals(columns(&[1, 1], "é".as_bytes())),
        [Some(Refusal::RequestId); 2]
    );
    assert_eq!(
        refusals(columns(&[2, 0], b"a\n")),
        [Some(Refusal::RequestId), None]
    );
}

#[test]
fn one_bad_row_leaves_the_others_unharmed() {
    let columns = v1::Columns {
        kind: vec![0, 13, 0, 1 << 7, 0],
        output_tokens: vec![0, 0, u64::MAX, 0, 1],
        ..plain(5)
    };
    let expected = [
        None,
        Some(Refusal::Outcome),
        Some(Refusal::Tokens),
        Some(Refusal::Outcome),
        None,
    ];
    assert_eq!(refusals(columns), expected);
}

#[test]
fn values_at_the_ends_of_their_ranges_are_refused_by_rule() {
    let one = |columns: v1::Columns| refusals(columns)[0];
    let times = |at: i64| v1::Columns {
        completed_at_us: vec![at],
        ..plain(1)
    };
    assert_eq!(one(times(i64::MIN)), Some(Refusal::CompletedAt));
    assert_eq!(one(times(i64::MAX)), Some(Refusal::CompletedAt));
    assert_eq!(
        one(v1::Columns {
            duration_us: vec![u64::MAX],
            ..plain(1)
        }),
        Some(Refusal::DurationTooLong)
    );
    assert_eq!(
        one(v1::Columns {
            duration_us: vec![0],
            ..plain(1)
        }),
        Some(Refusal::DurationMissing)
    );
    assert_eq!(
        one(v1::Columns {
            ttft_us: vec![7],
            ..plain(1)
        }),
        Some(Refusal::TtftAboveDuration)
    );
    assert_eq!(
        one(v1::Columns {
            ttft_us: vec![6],
            ..plain(1)
        }),
        None
    );
    assert_eq!(
        one(v1::Columns {
            attempt: vec![u32::MAX],
            ..plain(1)
        }),
        Some(Refusal::Attempt)
    );
    assert_eq!(
        one(v1::Columns {
            status_code: vec![70_000],
            ..plain(1)
        }),
        Some(Refusal::StatusCode)
    );
    assert_eq!(
        one(v1::Columns {
            tier: vec![4],
            ..plain(1)
        }),
        Some(Refusal::Tier)
    );
    assert_eq!(
        one(v1::Columns {
            operation: vec![1],
            ..plain(1)
        }),
        Some(Refusal::Operation)
    );
}

#[test]
fn a_part_may_not_point_past_its_endpoints() {
    use prost::Message;
    let part = v1::ObservationPart {
        agent_id: "a".into(),
        columns: Some(v1::Columns {
            endpoint: vec![0, 1],
            completed_at_us: vec![0, 0],
            ..Default::default()
        }),
        endpoints: vec![v1::Endpoint {
            model: "a/b".into(),
            provider: "p".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let record = v1::observations_record::Record::Part(part);
    let bytes = v1::ObservationsRecord {
        record: Some(record),
    }
    .encode_to_vec();
    assert!(ObservationsRecord::decode(&bytes.into()).is_err());
}

fn stored(record: Record) -> StoredRecord {
    StoredRecord {
        offset: Offset(0),
        appended_at_us: 0,
        record,
    }
}

#[test]
fn the_partitions_own_keys_are_never_deleted() {
    for key in ["claim", "progress"] {
        let refused = from_record(0, &stored(Record::tombstone(key))).unwrap_err();
        assert!(refused.to_string().contains("value"), "{key}: {refused}");
    }
}

#[test]
fn a_senders_reasons_for_dropping_are_few_and_short() {
    let is_read = |dropped: Vec<(String, u64)>| {
        let row = AgentRow {
            agent: "edge-1".parse().unwrap(),
            published_at: Timestamp::default(),
            heard_at: Timestamp::default(),
            recorded: 0,
            acknowledged: 0,
            refused: 0,
            dropped,
            clock_offset_us: 0,
            early: 0,
            clashes: 0,
        };
        let writer = Writer {
            epoch: Some(1),
            log_id: 1,
        };
        from_record(0, &stored(to_record(&Entry::Agent(row), writer))).is_ok()
    };
    let reasons = |n: usize| (0..n).map(|i| (format!("reason {i}"), 1)).collect();
    assert!(is_read(reasons(DROP_REASONS_MAX)));
    assert!(!is_read(reasons(DROP_REASONS_MAX + 1)));
    assert!(!is_read(vec![("a\nb".to_owned(), 1)]));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), key in "[a-z/]{0,30}") {
        use prost::Message;
        let bytes = Bytes::from(bytes);
        if let Ok(batch) = v1::Batch::decode(bytes.clone())
            && let Ok(batch) = Batch::try_from(batch)
        {
            assert_eq!(batch.columns.rows().count(), batch.columns.len());
        }
        drop(ObservationsRecord::decode(&bytes));
        let record = Record::new(key, bytes);
        drop(from_record(0, &stored(record)));
    }

    #[test]
    fn no_columns_panic(
        endpoint in prop::collection::vec(any::<u32>(), 0..8),
        times in prop::collection::vec(any::<i64>(), 0..8),
        numbers in prop::collection::vec(any::<u64>(), 0..8),
        small in prop::collection::vec(any::<u32>(), 0..8),
    ) {
        let rows = endpoint.len();
        let fit = |mut column: Vec<u32>| { column.resize(rows, 1); column };
        let fit_long = |mut column: Vec<u64>| { column.resize(rows, u64::MAX); column };
        let mut completed_at_us = times;
        completed_at_us.resize(rows, i64::MAX);
        let columns = v1::Columns {
            endpoint, completed_at_us, kind: fit(small.clone()), ttft_us: fit_long(numbers.clone()),
            duration_us: fit_long(numbers.clone()), output_tokens: fit_long(numbers),
            attempt: fit(small.clone()), status_code: fit(small.clone()), tier: fit(small.clone()),
            operation: fit(small), ..v1::Columns::default()
        };
        let columns = Columns::try_from(columns).unwrap();
        prop_assert_eq!(columns.rows().count(), rows);
    }
}
