//! The stream, over real sockets.

use std::sync::Arc;
use std::time::Duration;

use sextant_reporter::error::ReporterError;
use sextant_reporter::target::Token;
use sextant_wire::answer::BatchRefusalReason as Reason;
use tokio::time::sleep;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::collector::{Collector, Reaction};
use crate::grpc_server::{GrpcServer, Manners};
use crate::kit::{PATIENT, hasty, ms, observation, quick, send, send_all, start, until};

#[tokio::test]
async fn everything_arrives_and_the_last_word_too() {
    let collector = Collector::obliging();
    let server = GrpcServer::start(&collector, Manners::good());
    let report = send_all(quick(), server.transport(None), 1_000, PATIENT).await;
    assert!(report.is_complete() && report.failure.is_none());
    assert_eq!((report.batches, report.retries), (100, 0));
    collector.assert_holds_once(1_000);
    assert_eq!(collector.heartbeats().last().unwrap().acknowledged, 1_000);
}

#[tokio::test]
async fn a_connection_that_breaks_costs_nothing() {
    let collector = Collector::new(|it| match it.nth {
        5 => Reaction::Break,
        12 | 20 => Reaction::TakeAndBreak,
        n if n % 5 == 1 => Reaction::TakeAndSayLater,
        n if n % 7 == 1 => Reaction::TakeAndSayTwice,
        n if n % 11 == 1 => Reaction::TakeAfterNonsense,
        _ => Reaction::Take,
    });
    let server = GrpcServer::start(&collector, Manners::good());
    let report = send_all(hasty(), server.transport(None), 600, PATIENT).await;
    assert!(report.is_complete());
    assert!(collector.links() >= 4);
    collector.assert_holds_once(600);
}

#[tokio::test]
async fn a_lost_acknowledgement_brings_the_same_bytes_again() {
    let collector = Collector::new(|it| match (it.identity.sequence, it.repeats) {
        (2, 0) => Reaction::TakeAndSayNothing,
        _ => Reaction::Take,
    });
    let server = GrpcServer::start(&collector, Manners::good());
    let report = send_all(hasty(), server.transport(None), 50, PATIENT).await;
    assert!(report.is_complete());
    let log = collector.log();
    let tries: Vec<_> = log.iter().filter(|it| it.identity.sequence == 2).collect();
    assert!(tries.len() > 1);
    assert!(tries.iter().all(|it| it.identity == tries[0].identity));
    assert!(tries.iter().all(|it| it.content == tries[0].content));
    collector.assert_holds_once(50);
}

#[tokio::test]
async fn refusals_in_band_are_heard() {
    let collector = Collector::new(|it| match it.nth {
        0 => Reaction::Refuse(Reason::Load, None),
        1 => Reaction::Refuse(Reason::Rate, Some(ms(60))),
        _ if it.names.len() > 6 => Reaction::Refuse(Reason::TooLarge, None),
        _ if it.names.contains(&"r3".to_owned()) => Reaction::TakeExcept(vec![0]),
        _ => Reaction::Take,
    });
    let server = GrpcServer::start(&collector, Manners::good());
    let report = send_all(quick(), server.transport(None), 100, PATIENT).await;
    assert_eq!((report.acknowledged, report.refused), (99, 1));
    assert!(report.refusals[0].reason.starts_with("input_tokens"));
}

#[tokio::test]
async fn a_server_that_goes_away_and_comes_back_gets_everything() {
    let collector = Collector::obliging();
    let server = GrpcServer::start(&collector, Manners::good());
    let address = server.address;
    let sender = start(quick(), server.transport(None));
    send(&sender, 200).await;
    drop(server);
    for n in 200..400 {
        sender.send(observation(n)).await.unwrap();
    }
    sleep(ms(300)).await;
    let server = GrpcServer::start_at(&collector, Manners::good(), address);
    let counters = sender.counters();
    let report = sender.finish(PATIENT).await;
    assert!(report.is_complete(), "{report:?}");
    assert!(counters.borrow().connections_failed > 1);
    collector.assert_holds_once(400);
    drop(server);
}

#[tokio::test]
async fn nothing_comes_before_the_hello() {
    // The server fails the test if something does.
    let collector = Collector::obliging();
    let manners = Manners {
        hello_after: ms(150),
        ..Manners::good()
    };
    let server = GrpcServer::start(&collector, manners);
    let report = send_all(quick(), server.transport(None), 100, PATIENT).await;
    assert!(report.is_complete());
    assert_eq!(collector.links(), 1);
}

#[tokio::test]
async fn answers_without_meaning_are_passed_over() {
    let collector = Collector::obliging();
    let manners = Manners {
        is_confused: true,
        ..Manners::good()
    };
    let server = GrpcServer::start(&collector, manners);
    let sender = start(quick(), server.transport(None));
    let counters = sender.counters();
    send(&sender, 100).await;
    let report = sender.finish(PATIENT).await;
    assert!(report.is_complete() && report.deduplicated);
    assert_eq!(counters.borrow().answers_ignored, 2);
    collector.assert_holds_once(100);
}

#[tokio::test]
async fn a_call_that_is_refused_for_good_ends_the_sender() {
    let collector = Collector::obliging();
    let manners = Manners {
        ends_with: Some(Status::permission_denied("not you")),
        ..Manners::good()
    };
    let server = GrpcServer::start(&collector, manners);
    let sender = start(quick(), server.transport(None));
    sender.send(observation(0)).await.unwrap();
    let report = sender.finish(PATIENT).await;
    assert_eq!(report.dropped.values().sum::<u64>(), 1);
    let Some(ReporterError::Refused(reason)) = report.failure else {
        panic!("{:?}", report.failure);
    };
    assert!(reason.contains("not you"), "{reason}");
}

#[tokio::test]
async fn a_call_that_may_be_made_later_is_made_later() {
    let collector = Collector::obliging();
    let wait = ErrorDetails::with_retry_info(Some(Duration::from_mins(2)));
    let status =
        Status::with_error_details(tonic::Code::ResourceExhausted, "too many streams", wait);
    let manners = Manners {
        ends_with: Some(status),
        ..Manners::good()
    };
    let server = GrpcServer::start(&collector, manners);
    let sender = start(quick(), server.transport(None));
    send(&sender, 10).await;
    until(|| collector.links() > 0).await;
    sleep(ms(300)).await;
    let report = sender.finish(Duration::ZERO).await;
    assert!(matches!(report.failure, Some(ReporterError::Deadline(_))));
    assert_eq!(collector.links(), 1, "tried again before its time");
}

#[tokio::test]
async fn the_token_goes_with_the_call() {
    // The server fails the call if it does not.
    let collector = Collector::obliging();
    let manners = Manners {
        token: Some("Bearer s3cret"),
        ..Manners::good()
    };
    let server = GrpcServer::start(&collector, manners);
    let token = Token::new("s3cret".into());
    let transport = server.transport(Some(&token));
    let report = send_all(quick(), Arc::clone(&transport), 10, PATIENT).await;
    assert!(report.is_complete());
}
