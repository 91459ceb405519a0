use sextant_eventlog::Offset;
use sextant_measure::quantization::Quantization;

use super::*;

pub(super) fn ruling(operation: &str, verdict: Option<Verdict>) -> Ruling {
    let key = GateKey {
        operation: operation.parse().unwrap(),
        model: "meta-llama/llama-4-scout".parse().unwrap(),
        quantization: Quantization::Fp8,
    };
    let since = Timestamp::from_micros(1_763_820_000_000_000);
    Ruling::new(key, verdict, "evals é".to_owned(), since).unwrap()
}

fn stored(record: Record) -> StoredRecord {
    StoredRecord {
        offset: Offset(5),
        appended_at_us: 17,
        record,
    }
}

#[test]
fn every_record_reads_back() {
    let rulings = [Some(Verdict::Green), Some(Verdict::Red), None]
        .map(|verdict| ruling("summarize/long e-mails", verdict));
    for ruling in rulings {
        let read = from_record(&stored(to_record(&ruling, 42))).unwrap();
        let expected = LogRecord {
            offset: 5,
            appended_at: Timestamp::from_micros(17),
            log_id: 42,
            entry: Entry::Ruling(ruling),
        };
        assert_eq!(read, expected);
    }
    let read = from_record(&stored(name_record(u64::MAX))).unwrap();
    assert_eq!((read.log_id, read.entry), (u64::MAX, Entry::Name));
}

#[test]
fn a_verdict_taken_back_is_a_tombstone_of_its_key() {
    let (green, none) = (
        to_record(&ruling("sum", Some(Verdict::Green)), 1),
        to_record(&ruling("sum", None), 1),
    );
    assert_eq!(green.key, none.key);
    assert!(green.value.is_some() && none.value.is_none());
}

#[test]
fn names_of_two_writers_have_keys_of_their_own() {
    assert_ne!(name_record(1).key, name_record(2).key);
}

#[test]
fn what_is_no_record_of_this_log_is_refused_by_its_field() {
    let good = to_record(&ruling("sum", Some(Verdict::Green)), 1);
    let gone = to_record(&ruling("sum", None), 1);
    let without = |record: &Record, name: &str| {
        let mut record = record.clone();
        record.headers.retain(|(header, _)| header != name);
        record
    };
    let keyed = |key: &'static str| Record {
        key: Some(key.into()),
        ..good.clone()
    };
    let none = v1::GateRecord {
        verdict: v1::Verdict::None.into(),
        ..Default::default()
    };
    for (record, field) in [
        (without(&good, LOG_ID), LOG_ID),
        (without(&gone, SINCE), SINCE),
        (without(&gone, AUTHOR), "author"),
        (keyed("claim"), "key"),
        (keyed("log/0000000000000002"), "key"),
        (keyed("log/1"), "key"),
        (
            Record {
                value: Some(none.encode_to_vec().into()),
                ..good.clone()
            },
            "verdict",
        ),
        (
            Record {
                value: Some("\u{8}".into()),
                ..good.clone()
            },
            "cannot be decoded",
        ),
        (
            Record {
                key: None,
                ..good.clone()
            },
            "key",
        ),
    ] {
        let refused = from_record(&stored(record)).unwrap_err().to_string();
        assert!(refused.contains(field), "{field}: {refused}");
    }
}

#[test]
fn what_a_caller_gives_over_grpc_is_told_by_name() {
    let given = Given::from(v1::GateRuling {
        operation: "sum".to_owned(),
        model: "a/b".to_owned(),
        quantization: v1::Quantization::Fp8.into(),
        verdict: v1::Verdict::None.into(),
        author: "me".to_owned(),
        since_us: 3,
    });
    assert_eq!((&*given.quantization, &*given.verdict), ("fp8", "none"));
    assert_eq!(given.verdict(), Ok(None));
    let given = Given::from(v1::GateRuling {
        quantization: 99,
        verdict: 77,
        ..Default::default()
    });
    assert_eq!((&*given.quantization, &*given.verdict), ("99", "77"));
    assert!(given.verdict().is_err());
    assert!(Given::default().verdict().is_err());
}
