use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sextant_eventlog::{Offset, StoredRecord};
use sextant_measure::id::{AgentId, EndpointId, Operation, RequestId, SeriesId};
use sextant_measure::observation::{Definition, Observation};
use sextant_measure::time::Timestamp;
use sextant_snapshot::record::{Entry, OwnerState, Progress};
use sextant_wire::batch::{Batch, Heartbeat, Totals};
use sextant_wire::columns::{Columns, ColumnsBuilder, Row};
use sextant_wire::definition::definition_hash;
use sextant_wire::identity::Identity;
use sextant_wire::part::{AgentReport, ObservationsRecord, Part, PartBuilder};
use sextant_wire::v1;
use sextant_wire::windows::{Writer, from_record, to_record};

use crate::values::{agent_row, definition, endpoint_row, observation};

fn row(observation: &Observation, endpoint: u32) -> Row<'_> {
    Row {
        endpoint,
        measurement: observation.measurement,
        tier: observation.tier,
        operation: observation.operation.as_ref().map(Operation::as_str),
        request_id: observation.request_id.as_ref().map(RequestId::as_str),
    }
}

fn columns(observations: &[Observation]) -> Columns {
    let mut columns = ColumnsBuilder::default();
    observations
        .iter()
        .zip(0..)
        .for_each(|(o, endpoint)| columns.push(&row(o, endpoint)));
    columns.finish()
}

fn hash(observations: &[Observation], shift_us: i64) -> u64 {
    let mut part = PartBuilder::default();
    for observation in observations {
        let corrected = observation.measurement.completed_at.plus_micros(shift_us);
        part.push(
            &row(observation, 0),
            definition_hash(&observation.definition),
            0,
            corrected,
        );
    }
    part.finish().1
}

pub(crate) fn stored(record: sextant_eventlog::Record, offset: u64) -> StoredRecord {
    StoredRecord {
        offset: Offset(offset),
        appended_at_us: 5,
        record,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn columns_give_back_every_row(observations in prop::collection::vec(observation(), 0..40)) {
        let sent = v1::Columns::from(columns(&observations));
        let received = Columns::try_from(sent).unwrap();
        let rows: Vec<_> = received.rows().map(Result::unwrap).collect();
        let expected: Vec<_> =
            observations.iter().zip(0..).map(|(o, endpoint)| row(o, endpoint)).collect();
        prop_assert_eq!(rows, expected);
    }

    #[test]
    fn batches_and_heartbeats_round_trip(
        observations in prop::collection::vec(observation(), 0..10),
        epoch: u64, sequence: u64, sent_at: i64, offset: i64, anonymous: bool,
        dropped in prop::collection::btree_map("[a-z]{1,9}", any::<u64>(), 0..16),
    ) {
        let agent = AgentId::new("edge/1").unwrap();
        let totals = Totals { recorded: epoch, acknowledged: 2, refused: 3, dropped };
        let identity = (!anonymous).then(|| Identity { agent: agent.clone(), epoch, sequence });
        let batch = Batch {
            identity, sequence, sent_at: Timestamp::from_micros(sent_at), clock_offset_us: offset,
            totals: Some(totals.clone()), columns: columns(&observations),
        };
        let received = Batch::try_from(v1::Batch::from(batch.clone())).unwrap();
        prop_assert_eq!(received, batch);
        let sent_at = Timestamp::from_micros(sent_at);
        let heartbeat = Heartbeat { agent, epoch, sent_at, clock_offset_us: offset, totals };
        let received = Heartbeat::try_from(v1::Heartbeat::from(heartbeat.clone())).unwrap();
        prop_assert_eq!(received, heartbeat);
    }

    #[test]
    fn definitions_round_trip(definition in definition()) {
        prop_assert_eq!(Definition::try_from(&v1::Endpoint::from(&definition)), Ok(definition));
    }

    #[test]
    fn records_of_the_observations_log_round_trip(
        observations in prop::collection::vec(observation(), 1..20),
        epoch: u64, sequence: u64, hash: u64, early: u32, anonymous: bool,
    ) {
        let series = observations.iter().map(|o| SeriesId {
            endpoint: EndpointId {
                model: o.definition.model.clone(),
                provider: o.definition.provider.clone(),
                quantization: o.definition.quantization.unwrap_or_default(),
            },
            region: o.definition.region.clone().unwrap_or_default(),
        });
        let agent = AgentId::new("edge-1").unwrap();
        let part = ObservationsRecord::Part(Box::new(Part {
            identity: Identity { agent: agent.clone(), epoch, sequence },
            anonymous, content_hash: hash, received_at: Timestamp::from_micros(7), early,
            series: series.collect(), columns: columns(&observations),
        }));
        prop_assert_eq!(ObservationsRecord::decode(&part.clone().encode()).unwrap(), part);
        let report = ObservationsRecord::Agent(AgentReport {
            agent, epoch, received_at: Timestamp::from_micros(9), clock_offset_us: -3,
            totals: Totals::default(),
        });
        prop_assert_eq!(ObservationsRecord::decode(&report.clone().encode()).unwrap(), report);
    }

    #[test]
    fn records_of_the_windows_log_round_trip(
        row in endpoint_row(), agent in agent_row(), epoch: u64, log_id: u64, whole: bool,
    ) {
        let state = if whole { OwnerState::Whole } else { OwnerState::Rebuilding };
        let at = Timestamp::from_micros(11);
        let entries = [
            Entry::EndpointGone(row.id().clone()),
            Entry::AgentGone(agent.agent.clone()),
            Entry::Endpoint(row),
            Entry::Agent(agent),
            Entry::Progress(Progress { state, position_at: at, at }),
        ];
        for entry in entries {
            let record = to_record(&entry, Writer { epoch: Some(epoch), log_id });
            let read = from_record(3, &stored(record, 40)).unwrap();
            prop_assert_eq!((read.partition, read.offset, read.epoch, read.log_id), (3, 40, epoch, log_id));
            prop_assert_eq!(read.entry, entry);
        }
    }

    #[test]
    fn the_content_hash_sees_what_was_recorded_and_not_when_it_was_corrected(
        observations in prop::collection::vec(observation(), 1..10),
        change in 0_usize..9,
        at in any::<prop::sample::Index>(),
    ) {
        prop_assert_eq!(hash(&observations, 0), hash(&observations, 12_345));
        let mut changed = observations.clone();
        let index = at.index(changed.len());
        let o = &mut changed[index];
        let m = &mut o.measurement;
        match change {
            0 => m.completed_at = m.completed_at.plus_micros(1),
            1 => m.outcome = if m.outcome.code() == 0 { sextant_measure::outcome::Outcome::Timeout } else { sextant_measure::outcome::Outcome::Ok },
            2 => m.duration_us = m.duration_us.map(|us| us + 1),
            3 => m.ttft_us = if m.ttft_us.is_some() { None } else { Some(0) },
            4 => m.output_tokens = if m.output_tokens.is_some() { None } else { Some(0) },
            5 => m.input_tokens = if m.input_tokens.is_some() { None } else { Some(0) },
            6 => m.attempt = m.attempt.wrapping_add(1).max(1),
            7 => m.status_code = if m.status_code.is_some() { None } else { Some(200) },
            _ => o.definition.region = if o.definition.region.is_some() { None } else { Some("r".parse().unwrap()) },
        }
        prop_assume!(changed != observations);
        prop_assert_ne!(hash(&observations, 0), hash(&changed, 0));
    }
}

#[test]
fn an_operation_does_not_hash_like_a_request_id() {
    let base = observation()
        .new_tree(&mut TestRunner::deterministic())
        .unwrap()
        .current();
    let named = |operation: Option<&str>, request_id: Option<&str>| Observation {
        operation: operation.map(|text| text.parse().unwrap()),
        request_id: request_id.map(|text| text.parse().unwrap()),
        ..base.clone()
    };
    let hashes = BTreeSet::from(
        [
            named(None, None),
            named(Some("x"), None),
            named(None, Some("x")),
            named(Some("x"), Some("x")),
        ]
        .map(|observation| hash(&[observation], 0)),
    );
    assert_eq!(hashes.len(), 4);
}

#[test]
fn a_claims_epoch_is_its_own_offset() {
    let claim = Entry::Claim { owner: "a".into() };
    let record = to_record(
        &claim,
        Writer {
            epoch: None,
            log_id: 9,
        },
    );
    let read = from_record(0, &stored(record, 77)).unwrap();
    assert_eq!((read.epoch, read.log_id, read.entry), (77, 9, claim));
}
