//! What agents say of themselves.

use std::time::Duration;

use sextant_measure::id::AgentId;
use sextant_wire::batch::{Batch, Heartbeat};
use sextant_wire::definition::partition_of_agent;
use sextant_wire::part::AgentReport;
use sextant_wire::v1::report_request::Message as Request;

use crate::faulty_log::{Fate, unavailable};
use crate::harness::{Conversation, NOW, PARTITIONS, collector, until};
use crate::sample::{batch, completed_at, spread, totals};

/// A batch of one observation that is an hour ahead.
fn early(sequence: u64, recorded: u64) -> Batch {
    Batch {
        totals: Some(totals(recorded)),
        clock_offset_us: 250,
        ..batch(sequence, completed_at(NOW.plus_micros(3_600_000_000)))
    }
}

fn report(recorded: u64) -> AgentReport {
    AgentReport {
        agent: AgentId::new("agent").unwrap(),
        epoch: 7,
        received_at: NOW,
        clock_offset_us: 250,
        totals: totals(recorded),
    }
}

#[tokio::test(start_paused = true)]
async fn totals_are_kept_at_most_every_ten_seconds() {
    let harness = collector().await;
    for sequence in 1..=3 {
        harness.submit(early(sequence, sequence)).await.unwrap();
    }
    until("the first report is there", || {
        harness.metric("sent_reports_total") == 1
    })
    .await;
    tokio::time::advance(Duration::from_secs(10)).await;
    harness.submit(early(4, 4)).await.unwrap();
    until("the second report is there", || {
        harness.metric("sent_reports_total") == 2
    })
    .await;
    let partition = partition_of_agent("agent", PARTITIONS);
    let expected = [(partition, report(1)), (partition, report(4))];
    assert_eq!(harness.log.reports().await, expected);
    assert_eq!(harness.metric("early_observations_total"), 4);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_fails_is_made_up_for_by_the_next_and_keeps_no_batch_from_being_acknowledged()
{
    let harness = collector().await;
    harness.submit(early(1, 1)).await.unwrap();
    until("the first report is there", || {
        harness.metric("sent_reports_total") == 1
    })
    .await;
    tokio::time::advance(Duration::from_secs(10)).await;
    let empty = |sequence, recorded| Batch {
        totals: Some(totals(recorded)),
        clock_offset_us: 250,
        ..batch(sequence, spread(0, 1))
    };
    harness.log.plan(|_, _| Fate::Refused(unavailable()));
    harness.submit(empty(2, 2)).await.unwrap();
    until("the second report is given up", || {
        harness.metric_where("dropped_reports_total", "not_appended") == 1
    })
    .await;
    harness.log.plan(|_, _| Fate::Appended);
    tokio::time::advance(Duration::from_secs(10)).await;
    harness.submit(empty(3, 3)).await.unwrap();
    until("the third report is there", || {
        harness.metric("sent_reports_total") == 2
    })
    .await;
    let reports = harness.log.reports().await;
    assert_eq!(reports[1].1, report(3));
}

#[tokio::test]
async fn a_heartbeat_is_kept_and_a_bad_one_is_counted() {
    let harness = collector().await;
    let mut client = harness.client().await;
    let (mut conversation, _) = Conversation::open(&mut client).await;
    let heartbeat = Heartbeat {
        agent: AgentId::new("agent").unwrap(),
        epoch: 7,
        sent_at: NOW,
        clock_offset_us: 250,
        totals: totals(12),
    };
    let mut bad = sextant_wire::v1::Heartbeat::from(heartbeat.clone());
    bad.agent_id = "a\nb".to_owned();
    conversation.say(Request::Heartbeat(bad)).await;
    for _ in 0..3 {
        conversation
            .say(Request::Heartbeat(heartbeat.clone().into()))
            .await;
    }
    // Answered after all that came before it has been heard.
    conversation.send(batch(1, spread(0, 1))).await;
    conversation.acknowledged().await;
    until("the report is there", || {
        harness.metric("sent_reports_total") == 1
    })
    .await;
    let partition = partition_of_agent("agent", PARTITIONS);
    assert_eq!(harness.log.reports().await, [(partition, report(12))]);
    assert_eq!(harness.metric("refused_heartbeats_total"), 1);
}
