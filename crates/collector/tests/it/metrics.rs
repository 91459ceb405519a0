//! The stage's contract: received = sent + refused.

use std::num::NonZeroU32;

use sextant_collector::Config;
use sextant_wire::columns::Columns;
use sextant_wire::v1;

use crate::faulty_log::{Fate, unavailable};
use crate::harness::{Conversation, collector_with, until};
use crate::sample::{anonymous, batch, spread};

#[tokio::test]
async fn everything_received_is_sent_or_refused_whatever_befell_it() {
    let harness = collector_with(Config {
        observations_max: NonZeroU32::new(50).unwrap(),
        ..Config::default()
    })
    .await;
    let mut client = harness.client().await;
    let (mut conversation, _) = Conversation::open(&mut client).await;
    conversation.define([0]).await;
    // Taken, but for two rows.
    let mut raw = v1::Columns::from(spread(30, 1));
    (raw.duration_us[3], raw.duration_us[9]) = (0, 0);
    let columns = Columns::try_from(raw).unwrap();
    conversation.send(batch(1, columns)).await;
    assert_eq!(conversation.acknowledged().await.accepted, 28);
    // Too large, unknown, undecodable, unavailable.
    conversation.send(batch(2, spread(51, 1))).await;
    conversation.refused().await;
    conversation.send(batch(3, spread(7, 2))).await;
    conversation.refused().await;
    let mut unequal = v1::Batch::from(batch(4, spread(11, 1)));
    unequal.columns.as_mut().unwrap().kind = vec![0; 2];
    conversation
        .say(v1::report_request::Message::Batch(unequal))
        .await;
    conversation.refused().await;
    harness.log.plan(|_, _| Fate::Refused(unavailable()));
    conversation.send(batch(5, spread(13, 1))).await;
    conversation.refused().await;
    harness.log.plan(|_, _| Fate::Appended);
    // By another way.
    harness.submit(anonymous(1, spread(17, 5))).await.unwrap();

    let received = 30 + 51 + 7 + 11 + 13 + 17;
    assert_eq!(harness.metric("received_observations_total"), received);
    assert_eq!(harness.metric("sent_observations_total"), 28 + 17);
    assert_eq!(
        harness.metric("refused_observations_total"),
        2 + 51 + 7 + 11 + 13
    );
    for (reason, count) in [
        ("\"duration_missing\"", 2),
        ("\"too_large\"", 51),
        ("\"definitions\"", 7),
        ("\"invalid\"", 11),
        ("\"unavailable\"", 13),
    ] {
        let found = harness.metric_where("refused_observations_total", reason);
        assert_eq!(found, count, "{reason}");
    }
    assert_eq!(harness.metric("received_batches_total"), 6);
    assert_eq!(harness.metric("sent_batches_total"), 2);
    assert_eq!(harness.metric("refused_batches_total"), 4);
    assert_eq!(
        harness.metric_where("received_batches_total", "\"grpc_stream\""),
        5
    );
    assert_eq!(harness.metric_where("errors_total", "\"unavailable\""), 1);
    until("nothing is in flight", || {
        harness.metric("begun_appends_total") == harness.metric("ended_appends_total")
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_batch_uncounted() {
    let harness = collector_with(Config::default()).await;
    harness.log.hold();
    {
        let submitting = harness.submit(batch(1, spread(5, 1)));
        let reached = until("the batch has reached the log", || {
            harness.log.appends() > 0
        });
        tokio::select! {
            answer = submitting => panic!("{answer:?} came from a log that is held"),
            () = reached => {}
        }
    }
    harness.log.release();
    until("it is durable all the same", || {
        harness.metric("sent_observations_total") == 5
    })
    .await;
}

#[tokio::test]
async fn names_and_labels_are_those_that_were_promised() {
    let harness = collector_with(Config::default()).await;
    let text = harness.metrics_text();
    for line in [
        "sextant_collector_received_observations_total{transport=\"http\"} 0",
        "sextant_collector_refused_observations_total{reason=\"ttft_above_duration\"} 0",
        "sextant_collector_refused_batches_total{reason=\"load\"} 0",
        "sextant_collector_sent_bytes_total 0",
        "sextant_collector_errors_total{kind=\"unavailable\"} 0",
        "sextant_collector_append_seconds_count 0",
        "sextant_collector_lag_seconds_count 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
