//! What is counted of spans, whoever goes away and whenever they come.

use sextant_otlp::{Config, Why};

use crate::harness::Bench;
use crate::http::{PROTOBUF, good, post};

#[tokio::test]
async fn spans_of_a_caller_that_has_gone_are_counted_to_their_end() {
    for why in [None, Some(Why::Unavailable)] {
        let bench = Bench::new(Config::default());
        if let Some(why) = why {
            bench.refuse(why, None);
        }
        let head = [("content-type", PROTOBUF)];
        let door = bench.kept.door.lock().await;
        tokio::select! {
            _ = post(&bench, &head, good()) => panic!("answered before it was taken"),
            () = bench.kept.has_come.notified() => {}
        }
        drop(door);
        bench.tasks.close();
        bench.tasks.wait().await;
        let sent = bench.metric("sextant_otlp_sent_observations_total");
        assert_eq!(sent, u64::from(why.is_none()));
        bench.assert_balanced();
    }
}

#[tokio::test]
async fn how_late_spans_come_is_told() {
    let bench = Bench::new(Config::default());
    post(&bench, &[("content-type", PROTOBUF)], good()).await;
    let until = |le| bench.metric(&format!("sextant_otlp_lag_seconds_bucket{{le=\"{le}\"}}"));
    assert_eq!((until("1.6"), until("3.2")), (0, 1));
}
