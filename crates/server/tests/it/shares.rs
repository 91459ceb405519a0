//! One caller among many.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use sextant_server::Caller;
use sextant_snapshot::record::OwnerState;
use sextant_wire::v1::{WatchSnapshotRequest, WatchSnapshotResponse};
use tokio::time::sleep;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;
use tower::ServiceExt;

use crate::rig::{Rig, Running, progress};

const HISTORY: &str = "/api/v1/models/meta-llama/llama-4-scout/history";

fn token(name: &str) -> Caller {
    Caller::Token(Arc::from(name))
}

async fn watch(
    running: &Running,
    caller: &str,
) -> Result<Streaming<WatchSnapshotResponse>, Status> {
    let mut request = tonic::Request::new(WatchSnapshotRequest::default());
    request.extensions_mut().insert(token(caller));
    let answer = running.client().watch_snapshot(request).await;
    answer.map(tonic::Response::into_inner)
}

fn history(caller: &str) -> Request<Body> {
    asking(caller, HISTORY)
}

fn asking(caller: &str, uri: &str) -> Request<Body> {
    let mut request = Request::get(uri).body(Body::empty()).unwrap();
    request.extensions_mut().insert(token(caller));
    request
}

/// P7.
#[tokio::test(start_paused = true)]
async fn one_callers_watches_leave_half_of_all_to_others() {
    let mut rig = Rig::new(1).await;
    rig.claim(0).await;
    rig.append(0, progress(OwnerState::Whole)).await;
    rig.config.watchers_max = 4.try_into().unwrap();
    let running = rig.serve().await;
    let mut open = Vec::new();
    for caller in ["greedy", "greedy", "modest"] {
        open.push(watch(&running, caller).await.unwrap());
        if open.len() == 2 {
            let refused = watch(&running, "greedy").await.unwrap_err();
            assert_eq!(refused.code(), Code::ResourceExhausted);
            let details = refused.get_error_details();
            assert!(details.retry_info().unwrap().retry_delay.unwrap() > Duration::ZERO);
            let info = details.error_info().unwrap();
            assert_eq!(info.reason, "TOO_MANY_WATCHERS");
            assert_eq!(info.metadata["watchers_of_one_caller_max"], "2");
        }
    }
    open.push(watch(&running, "other").await.unwrap());
    let refused = watch(&running, "latecomer").await.unwrap_err();
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["watchers_max"], "4");
    drop(open);
    assert!(watch(&running, "greedy").await.is_ok());
    running.end().await;
}

/// P7.
#[tokio::test(start_paused = true)]
async fn one_callers_slow_queries_of_the_history_leave_half_of_all_to_others() {
    let mut rig = Rig::new(1).await;
    rig.claim(0).await;
    rig.append(0, progress(OwnerState::Whole)).await;
    rig.config.history_queries_max = 4.try_into().unwrap();
    let running = rig.serve().await;
    rig.store.stall(true);
    for _ in 0..2 {
        let slow = running.router.clone().oneshot(history("greedy"));
        running.spawn(async { drop(slow.await) });
    }
    sleep(Duration::from_millis(1)).await;
    rig.store.stall(false);
    let refused = running.ask(history("greedy")).await;
    refused.problem(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    let then = "/api/v1/route?model=a/b&tier=batch&at=2026-11-22T14:00:00Z";
    running.ask(asking("greedy", then)).await.problem(429);
    assert_eq!(running.ask(history("modest")).await.status, 200);
    // The slow ones are given up in the end, and have held nothing for longer.
    sleep(Duration::from_secs(11)).await;
    assert_eq!(running.ask(history("greedy")).await.status, 200);
    running.end().await;
}
