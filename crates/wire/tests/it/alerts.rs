//! Records of the alerts log.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sextant_eventlog::Record;
use sextant_incident::{
    AlertKey, Delivery, Event, Incident, Kind, Quantity, Severity, Subject, Unit,
};
use sextant_measure::time::Timestamp;
use sextant_wire::alerts::{Entry, Held, from_record, to_record};
use sextant_wire::v1;

use crate::round_trips::stored;
use crate::values::endpoint_row;

fn alert() -> impl Strategy<Value = AlertKey> {
    let subject = prop_oneof![
        endpoint_row().prop_map(|row| Subject::Endpoint(row.id().clone())),
        "[a-z0-9]{1,20}".prop_map(|name| Subject::Provider(name.parse().unwrap())),
        "[a-z0-9/]{1,20}".prop_map(|name| Subject::Agent(name.parse().unwrap())),
        Just(Subject::Fleet),
    ];
    ("[a-z0-9_-]{1,64}", subject).prop_map(|(rule, subject)| AlertKey {
        rule: rule.parse().unwrap(),
        subject,
    })
}

fn held(alert: AlertKey) -> impl Strategy<Value = Held> {
    let quantity = (any::<u64>(), prop::sample::select(Unit::ALL.to_vec()))
        .prop_map(|(millionths, unit)| Quantity { millionths, unit });
    let delivery = ("\\PC{0,20}", prop::sample::select(Event::ALL.to_vec()))
        .prop_map(|(receiver, event)| Delivery { receiver, event });
    (
        prop::sample::select(Kind::ALL.to_vec()),
        prop::sample::select(Severity::ALL.to_vec()),
        any::<[i64; 3]>(),
        any::<[bool; 2]>(),
        prop::option::of(quantity),
        "\\PC{0,40}",
        prop::collection::btree_set(delivery, 0..5),
    )
        .prop_map(
            move |(kind, severity, at, is, worst, text, delivered): (_, _, _, _, _, String, _)| {
                Held {
                    incident: Incident {
                        alert: alert.clone(),
                        kind,
                        severity,
                        opened_at: Timestamp::from_micros(at[0]),
                        closed_at: is[0].then_some(Timestamp::from_micros(at[1])),
                        worst,
                        reason: text.clone(),
                        closed_because: text,
                    },
                    clear_since: is[1].then_some(Timestamp::from_micros(at[2])),
                    delivered,
                }
            },
        )
}

fn entry() -> impl Strategy<Value = Entry> {
    alert().prop_flat_map(|alert| {
        prop::collection::vec(held(alert.clone()), 0..4).prop_map(move |mut incidents| {
            incidents.sort_by_key(|held| held.incident.opened_at);
            incidents.dedup_by_key(|held| held.incident.opened_at);
            Entry::Alert {
                alert: alert.clone(),
                incidents,
            }
        })
    })
}

proptest! {
    #[test]
    fn records_of_the_alerts_log_round_trip(entry in entry(), epoch: u64, owner in "\\PC{0,40}") {
        let read = from_record(&stored(to_record(&entry, Some(epoch)), 40)).unwrap();
        prop_assert_eq!((read.offset, read.epoch), (40, epoch));
        prop_assert_eq!(read.entry, entry);
        let claim = Entry::Claim { owner };
        let read = from_record(&stored(to_record(&claim, None), 41)).unwrap();
        prop_assert_eq!((read.epoch, read.entry), (41, claim));
    }
}

fn some() -> Held {
    Held {
        incident: Incident {
            alert: "r/fleet".parse().unwrap(),
            kind: Kind::Observer,
            severity: Severity::Page,
            opened_at: Timestamp::from_micros(7),
            closed_at: None,
            worst: Some(Quantity::ratio(1, 2)),
            reason: String::new(),
            closed_because: String::new(),
        },
        clear_since: None,
        delivered: BTreeSet::new(),
    }
}

/// The record, with its message changed.
fn changed(change: impl FnOnce(&mut v1::AlertState)) -> Record {
    let mut state = v1::AlertState {
        incidents: vec![(&some()).into()],
    };
    change(&mut state);
    let entry = Entry::Alert {
        alert: "r/fleet".parse().unwrap(),
        incidents: vec![some()],
    };
    let mut record = to_record(&entry, Some(1));
    let value = v1::AlertsRecord {
        record: Some(v1::alerts_record::Record::Alert(state)),
    };
    record.value = Some(prost::Message::encode_to_vec(&value).into());
    record
}

#[test]
fn what_no_leader_writes_is_refused_with_the_field() {
    let long = "x".repeat(513);
    let records = [
        (
            "kind",
            changed(|it| it.incidents[0].kind = "mood".to_owned()),
        ),
        ("severity", changed(|it| it.incidents[0].severity.clear())),
        (
            "worst_unit",
            changed(|it| it.incidents[0].worst_unit = "miles".to_owned()),
        ),
        (
            "reason",
            changed(|it| it.incidents[0].reason.clone_from(&long)),
        ),
        (
            "closed_because",
            changed(|it| it.incidents[0].closed_because = long),
        ),
        (
            "event",
            changed(|it| {
                it.incidents[0].delivered.push(v1::Delivered {
                    receiver: "hook".to_owned(),
                    event: "vanished".to_owned(),
                });
            }),
        ),
        (
            "delivered",
            changed(|it| it.incidents[0].delivered = vec![v1::Delivered::default(); 1_001]),
        ),
        (
            "incidents",
            changed(|it| it.incidents = vec![it.incidents[0].clone(); 2]),
        ),
        (
            "incidents",
            changed(|it| it.incidents = vec![it.incidents[0].clone(); 1_001]),
        ),
    ];
    for (field, record) in records {
        let refused = from_record(&stored(record, 3)).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("field {field}")),
            "{field}: {refused}"
        );
    }
}

#[test]
fn what_has_no_key_or_epoch_of_its_own_is_refused() {
    let sound = || changed(|_| {});
    assert!(from_record(&stored(sound(), 3)).is_ok());
    let mut keyless = sound();
    keyless.key = None;
    let mut leaders = sound();
    leaders.key = Some("leader".into());
    let mut nobodys = sound();
    nobodys.headers.clear();
    let mut claim = to_record(
        &Entry::Claim {
            owner: String::new(),
        },
        None,
    );
    claim.key = Some("r/fleet".into());
    for record in [keyless, leaders, nobodys, claim] {
        assert!(
            from_record(&stored(record.clone(), 3)).is_err(),
            "{record:?}"
        );
    }
}
