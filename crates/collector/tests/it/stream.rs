//! Batches on a gRPC stream.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use sextant_catalog::Catalog;
use sextant_collector::Config;
use sextant_intake::Keeper as _;
use sextant_measure::observation::Definition;
use sextant_measure::quantization::Quantization;
use sextant_wire::batch::definition_message;
use sextant_wire::v1;
use sextant_wire::v1::BatchRefusalReason as Reason;
use sextant_wire::v1::report_request::Message as Request;
use sextant_wire::v1::report_response::Message as Answer;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{Conversation, Harness, NOW, collector, collector_with, until};
use crate::sample::{anonymous, batch, definition, spread};

fn limit(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

async fn open(harness: &Harness) -> Conversation {
    let mut client = harness.client().await;
    Conversation::open(&mut client).await.0
}

#[tokio::test]
async fn the_collector_speaks_first_and_says_its_time_and_limits() {
    let harness = collector().await;
    let mut client = harness.client().await;
    let (_conversation, hello) = Conversation::open(&mut client).await;
    assert_eq!(
        hello,
        v1::Hello {
            time_us: NOW.as_micros(),
            batch_observations_max: 10_000,
            message_bytes_max: 4 << 20,
        }
    );
}

#[tokio::test]
async fn an_acknowledgement_carries_the_collectors_times() {
    let harness = collector().await;
    let mut conversation = open(&harness).await;
    harness.log.hold();
    conversation.define(0..4).await;
    conversation.send(batch(17, spread(10, 4))).await;
    until("the batch has reached the log", || {
        harness.log.appends() > 0
    })
    .await;
    harness.clock.set(NOW.plus_micros(30_000));
    harness.log.release();
    let answer = conversation.acknowledged().await;
    assert_eq!((answer.sequence, answer.accepted), (17, 10));
    assert_eq!(answer.received_at_us, NOW.as_micros());
    assert_eq!(answer.sent_at_us, NOW.as_micros() + 30_000);
    assert!(answer.deduplicated);
}

#[tokio::test]
async fn many_batches_are_in_flight_and_no_more_than_the_bound() {
    let harness = collector_with(Config {
        stream_batches_max: limit(8),
        ..Config::default()
    })
    .await;
    let mut conversation = open(&harness).await;
    harness.log.hold();
    conversation.define([0]).await;
    for sequence in 1..=20 {
        conversation.send(batch(sequence, spread(2, 1))).await;
    }
    until("eight are in flight", || harness.log.appends() == 8).await;
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(harness.log.appends(), 8);
    harness.log.release();
    let mut answered = BTreeSet::new();
    for _ in 0..20 {
        answered.insert(conversation.acknowledged().await.sequence);
    }
    assert_eq!(answered, (1..=20).collect());
}

#[tokio::test]
async fn half_closing_lets_everything_in_flight_be_answered() {
    let harness = collector().await;
    let conversation = open(&harness).await;
    harness.log.hold();
    conversation.define([0]).await;
    for sequence in 1..=5 {
        conversation.send(batch(sequence, spread(2, 1))).await;
    }
    until("all are in flight", || harness.log.appends() == 5).await;
    let mut answers = conversation.half_close();
    harness.log.release();
    let mut count = 0;
    while answers.message().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 5);
    until("the stream is closed", || {
        harness.metric("ended_streams_total") == 1
    })
    .await;
}

#[tokio::test]
async fn shutdown_answers_what_is_in_flight_and_sends_the_client_elsewhere() {
    let harness = collector().await;
    let mut conversation = open(&harness).await;
    harness.log.hold();
    conversation.define([0]).await;
    conversation.send(batch(1, spread(2, 1))).await;
    until("it is in flight", || harness.log.appends() == 1).await;
    harness.shutdown.cancel();
    harness.log.release();
    assert_eq!(conversation.acknowledged().await.sequence, 1);
    let status = conversation.next().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.get_error_details().retry_info().is_some());
    harness.collector.drained().await;
}

#[tokio::test]
async fn an_unknown_id_refuses_its_batch_in_band_and_the_stream_lives_on() {
    let harness = collector().await;
    let mut conversation = open(&harness).await;
    conversation.define([0]).await;
    conversation.send(batch(1, spread(4, 2))).await;
    let refusal = conversation.refused().await;
    assert_eq!(
        (refusal.sequence, refusal.reason()),
        (1, Reason::Definitions)
    );
    assert!(refusal.message.starts_with("UNKNOWN_DEFINITION"));
    assert!(refusal.retry_after_ms.is_some());
    assert_eq!(harness.log.appends(), 0, "a part of it was taken");
    conversation.define([1]).await;
    conversation.send(batch(1, spread(4, 2))).await;
    assert_eq!(conversation.acknowledged().await.accepted, 4);
}

#[tokio::test]
async fn a_catalog_that_is_replaced_stamps_what_a_stream_has_defined() {
    let harness = collector().await;
    let mut conversation = open(&harness).await;
    let unnamed = Definition {
        quantization: None,
        ..definition("deepinfra")
    };
    let definitions = vec![definition_message(0, &unnamed)];
    conversation
        .say(Request::Definitions(v1::Definitions { definitions }))
        .await;
    conversation.send(batch(1, spread(1, 1))).await;
    conversation.acknowledged().await;
    let empty = Catalog::parse("none", "").unwrap();
    harness
        .collector
        .intake()
        .keeper()
        .rules()
        .catalog
        .replace(empty);
    conversation.send(batch(2, spread(1, 1))).await;
    conversation.acknowledged().await;
    let parts = harness.log.parts().await;
    let stamps = parts
        .iter()
        .map(|(_, part)| part.series[0].endpoint.quantization);
    assert_eq!(
        stamps.collect::<Vec<_>>(),
        [Quantization::Fp8, Quantization::Unknown]
    );
    assert_eq!(parts[0].1.content_hash, parts[1].1.content_hash);
}

#[tokio::test]
async fn definitions_past_the_bound_refuse_only_the_batches_that_need_them() {
    let harness = collector_with(Config {
        stream_definitions_max: limit(3),
        ..Config::default()
    })
    .await;
    let mut conversation = open(&harness).await;
    conversation.define(0..5).await;
    conversation.define(0..2).await;
    conversation.send(batch(1, spread(9, 3))).await;
    assert_eq!(conversation.acknowledged().await.accepted, 9);
    conversation.send(batch(2, spread(9, 4))).await;
    let refusal = conversation.refused().await;
    assert_eq!(
        (refusal.sequence, refusal.reason()),
        (2, Reason::Definitions)
    );
    assert!(refusal.message.contains("new stream"), "{refusal:?}");
    // Another stream starts anew.
    let mut other = open(&harness).await;
    other.define([3]).await;
    let mut columns = v1::Columns::from(spread(2, 1));
    columns.endpoint.fill(3);
    other.send(batch(2, columns.try_into().unwrap())).await;
    assert_eq!(other.acknowledged().await.accepted, 2);
}

#[tokio::test]
async fn definitions_of_all_streams_are_bounded_and_given_back() {
    let harness = collector_with(Config {
        definitions_max: limit(8),
        ..Config::default()
    })
    .await;
    let mut first = open(&harness).await;
    first.define(0..4).await;
    first.send(batch(1, spread(4, 4))).await;
    first.acknowledged().await;
    let mut second = open(&harness).await;
    second.define([0]).await;
    second.send(batch(2, spread(1, 1))).await;
    assert_eq!(second.refused().await.reason(), Reason::Definitions);
    drop(first);
    until("the first stream is closed", || {
        harness.metric("ended_streams_total") == 1
    })
    .await;
    second.define([0]).await;
    second.send(batch(2, spread(1, 1))).await;
    assert_eq!(second.acknowledged().await.accepted, 1);
}

#[tokio::test]
async fn streams_past_the_bound_are_told_when_to_try_again() {
    let harness = collector_with(Config {
        streams_max: limit(2),
        ..Config::default()
    })
    .await;
    let mut client = harness.client().await;
    let (first, _) = Conversation::open(&mut client).await;
    let Err(status) = Conversation::try_open(&mut client).await else {
        panic!("one peer took more than its share");
    };
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.get_error_details().retry_info().is_some());
    drop(first);
    until("the first stream is closed", || {
        harness.metric("ended_streams_total") == 1
    })
    .await;
    Conversation::open(&mut client).await;
}

#[tokio::test]
async fn a_batch_that_cannot_be_decoded_is_refused_under_its_sequence() {
    let harness = collector().await;
    let mut conversation = open(&harness).await;
    conversation.define([0]).await;
    let good = || v1::Batch::from(batch(3, spread(4, 1)));
    let mut unequal = good();
    unequal.columns.as_mut().unwrap().kind = vec![0; 3];
    let mut nameless = good();
    nameless.agent_id = "x".repeat(129);
    let mut texts = good();
    texts.columns.as_mut().unwrap().request_ids = vec![0xff, 0xfe].into();
    let mut loud = good();
    let dropped = (0..17).map(|n| (format!("reason {n}"), 1)).collect();
    loud.totals = Some(v1::Totals {
        dropped,
        ..v1::Totals::default()
    });
    for bad in [unequal, nameless, texts, loud] {
        conversation.say(Request::Batch(bad)).await;
        let refusal = conversation.refused().await;
        assert_eq!((refusal.sequence, refusal.reason()), (3, Reason::Invalid));
        assert_eq!(refusal.retry_after_ms, None);
    }
    conversation.say(Request::Batch(good())).await;
    assert_eq!(conversation.acknowledged().await.accepted, 4);
}

#[tokio::test]
async fn a_bad_definition_refuses_its_rows_by_name_and_no_others() {
    let harness = collector().await;
    let mut conversation = open(&harness).await;
    let endpoint = |model: &str| v1::Endpoint {
        model: model.to_owned(),
        ..v1::Endpoint::from(&definition("groq"))
    };
    let definitions = [
        "a/b",
        "a/<script>",
        "а/b",
        "a/b\0",
        &format!("a/{}", "b".repeat(65_536)),
    ];
    let definitions = (0..).zip(definitions).map(|(id, model)| v1::Definition {
        id,
        endpoint: Some(endpoint(model)),
    });
    let definitions = definitions.collect();
    conversation
        .say(Request::Definitions(v1::Definitions { definitions }))
        .await;
    conversation.send(anonymous(1, spread(5, 5))).await;
    let answer = conversation.acknowledged().await;
    assert_eq!(answer.accepted, 1);
    let refused: Vec<_> = answer.refused.iter().map(|r| (r.index, r.code)).collect();
    assert_eq!(refused, [(1, 3), (2, 3), (3, 3), (4, 3)]);
    assert!(answer.refused[0].reason.starts_with("model must be"));
}

#[tokio::test]
async fn a_kind_of_message_from_the_future_is_passed_over() {
    let harness = collector().await;
    let mut conversation = open(&harness).await;
    let unknown = v1::ReportRequest { message: None };
    conversation.requests.send(unknown).await.unwrap();
    conversation.define([0]).await;
    conversation.send(batch(1, spread(1, 1))).await;
    let answer = conversation.answer().await;
    assert!(matches!(answer, Answer::Acknowledgement(_)), "{answer:?}");
    assert_eq!(harness.metric("unknown_fields_total"), 1);
}
