//! The JSON POST, over real sockets.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sextant_reporter::error::ReporterError;
use sextant_reporter::options::Options;
use sextant_reporter::report::DropReason;
use sextant_reporter::target::Token;
use sextant_wire::answer::BatchRefusalReason as Reason;
use tokio::time::{Instant, sleep};

use crate::collector::{Collector, Reaction};
use crate::http_server::{HttpServer, Manners};
use crate::kit::{PATIENT, hasty, ms, observation, quick, send, send_all, start, until};

#[tokio::test]
async fn everything_arrives_with_several_requests_under_way() {
    let collector = Collector::obliging();
    let manners = Manners {
        answers_after: ms(20),
        ..Manners::good()
    };
    let server = HttpServer::start(&collector, manners);
    let report = send_all(quick(), server.transport(None), 500, PATIENT).await;
    assert!(report.is_complete() && report.failure.is_none());
    assert_eq!((report.batches, report.retries), (50, 0));
    collector.assert_holds_once(500);
    let under_way = server.seen.under_way_max.load(Ordering::Relaxed);
    assert!((4..=8).contains(&under_way), "{under_way} requests at once");
}

#[tokio::test]
async fn a_request_without_an_answer_is_made_again_with_the_same_bytes() {
    let collector = Collector::new(|it| match it.nth {
        1 => Reaction::Break,
        3 => Reaction::TakeAndBreak,
        6 => Reaction::TakeAndSayNothing,
        _ => Reaction::Take,
    });
    let server = HttpServer::start(&collector, Manners::good());
    let report = send_all(hasty(), server.transport(None), 200, PATIENT).await;
    assert!(report.is_complete());
    assert!(report.retries >= 3);
    collector.assert_holds_once(200);
}

#[tokio::test]
async fn each_status_does_what_it_should() {
    let collector = Collector::new(|it| match it.identity.sequence {
        1 if it.repeats == 0 => Reaction::Refuse(Reason::Load, None),
        2 => Reaction::Refuse(Reason::Invalid, None),
        3 => Reaction::Refuse(Reason::TooLarge, None),
        4 => Reaction::TakeExcept(vec![1]),
        _ => Reaction::Take,
    });
    let server = HttpServer::start(&collector, Manners::good());
    let report = send_all(quick(), server.transport(None), 100, PATIENT).await;
    assert_eq!((report.recorded, report.refused), (100, 1));
    assert_eq!(report.dropped.get(&DropReason::Invalid), Some(&10));
    assert_eq!(report.acknowledged, 89);
    assert_eq!(report.drops[0].message, "400 Bad Request: not now");
    assert_eq!(report.refusals[0].reason, "why");
}

#[tokio::test]
async fn retry_after_is_kept() {
    let collector = Collector::new(|it| match it.nth {
        0 => Reaction::Refuse(Reason::Rate, Some(Duration::from_secs(1))),
        _ => Reaction::Take,
    });
    let server = HttpServer::start(&collector, Manners::good());
    let options = Options {
        in_flight_max: 1,
        ..quick()
    };
    let began = Instant::now();
    let report = send_all(options, server.transport(None), 20, PATIENT).await;
    assert!(report.is_complete());
    assert!(began.elapsed() >= Duration::from_secs(1));
    collector.assert_holds_once(20);
}

#[tokio::test]
async fn a_server_that_goes_away_and_comes_back_gets_everything() {
    let collector = Collector::obliging();
    let manners = Manners {
        answers_after: ms(5),
        ..Manners::good()
    };
    let server = HttpServer::start(&collector, manners.clone());
    let address = server.address;
    let sender = start(quick(), server.transport(None));
    send(&sender, 200).await;
    drop(server);
    for n in 200..400 {
        sender.send(observation(n)).await.unwrap();
    }
    sleep(ms(300)).await;
    let server = HttpServer::start_at(&collector, manners, address);
    let counters = sender.counters();
    let report = sender.finish(PATIENT).await;
    assert!(report.is_complete(), "{report:?}");
    assert!(counters.borrow().connections_failed > 1);
    collector.assert_holds_once(400);
    drop(server);
}

#[tokio::test]
async fn a_success_that_says_nothing_is_no_acknowledgement() {
    for body in ["", "<html>hello</html>", r#"{"accepted":"all"}"#] {
        let manners = Manners {
            instead: Some((200, body)),
            ..Manners::good()
        };
        let server = HttpServer::start(&Collector::obliging(), manners);
        let sender = start(quick(), server.transport(None));
        send(&sender, 10).await;
        until(|| server.seen.requests.load(Ordering::Relaxed) > 1).await;
        let report = sender.finish(Duration::ZERO).await;
        assert_eq!(report.acknowledged, 0);
        assert!(matches!(report.failure, Some(ReporterError::Deadline(_))));
    }
}

#[tokio::test]
async fn a_path_that_is_not_there_ends_the_sender() {
    let manners = Manners {
        instead: Some((404, r#"{"title":"no such path"}"#)),
        ..Manners::good()
    };
    let server = HttpServer::start(&Collector::obliging(), manners);
    let sender = start(quick(), server.transport(None));
    sender.send(observation(0)).await.unwrap();
    let report = sender.finish(PATIENT).await;
    let refused = ReporterError::Refused("404 Not Found: no such path".to_owned());
    assert_eq!(report.failure, Some(refused));
    assert_eq!(server.seen.requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_token_goes_with_each_request() {
    let collector = Collector::obliging();
    let manners = Manners {
        token: Some("Bearer s3cret"),
        ..Manners::good()
    };
    let server = HttpServer::start(&collector, manners);
    let token = Token::new("s3cret".into());
    let report = send_all(quick(), server.transport(Some(&token)), 10, PATIENT).await;
    assert!(report.is_complete());
    let unfit = Token::new("a\nb".into());
    let target: sextant_reporter::target::Target = "http://127.0.0.1:1".parse().unwrap();
    let refused = target.transport(Some(&unfit), None, crate::kit::TestClock::new());
    assert_eq!(refused.err(), Some(ReporterError::Token));
}
