//! `GET /api/v1/snapshot`.

use http::{Method, Request};
use serde_json::{Value, json};

use crate::numbers::{deepinfra, figures, ok, row, unlisted};
use crate::rig::{NOW, Rig};

const PATH: &str = "/api/v1/snapshot";

#[tokio::test(start_paused = true)]
async fn it_has_what_a_router_needs_of_every_endpoint() {
    let (_rig, running) = Rig::with([row(deepinfra(), &figures(ok(100)))]).await;
    let snapshot = running.json(PATH).await;
    assert_eq!(
        snapshot["coverage"],
        json!({"partitions_whole": 1, "partitions": 1})
    );
    assert_eq!(snapshot["observer_suspected"], false);
    assert_eq!(snapshot["gates"], json!([]));
    let endpoints = snapshot["endpoints"].as_array().unwrap();
    let found = endpoints
        .iter()
        .find(|e| e["provider"] == "deepinfra")
        .unwrap();
    assert_eq!(found["id"], "meta-llama/llama-4-scout/deepinfra/fp8");
    assert_eq!(found["native"], false);
    assert_eq!(found["price"], json!({"input": "0.08", "output": "0.3"}));
    assert_eq!(found["batch_price"], Value::Null);
    assert_eq!(found["offset"], json!({"partition": 0, "offset": 1}));
    assert_eq!(found["agents"], json!({"5m": 1, "1h": 2}));
    let global = &found["global"];
    assert_eq!(global["status"], "healthy");
    assert_eq!(global["success_30m"], json!({"ratio": 1.0, "n": 100}));
    assert_eq!(global["latency_ms"]["n"], 100);
    assert!(global["throughput_tps"]["p95"].is_f64());
    assert_eq!(found["regions"]["us-west-2"], *global);
    // Those of the catalog that nobody has seen stand there without numbers.
    let unseen = endpoints
        .iter()
        .find(|e| e["provider"] == "novita")
        .unwrap();
    assert_eq!(
        (&unseen["native"], &unseen["global"]),
        (&json!(true), &Value::Null)
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn its_tag_is_its_version_and_what_is_held_is_not_sent_again() {
    let (rig, running) = Rig::with([]).await;
    let answer = running.get(PATH).await;
    let version = answer.json()["version"].as_str().unwrap().to_owned();
    let tag = format!("\"{version}\"");
    assert_eq!(answer.header("etag"), Some(tag.as_str()));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    for held in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x\", {tag}"),
        "*".to_owned(),
    ] {
        let unchanged = running.get_with(PATH, &[("if-none-match", &held)]).await;
        assert_eq!(
            (unchanged.status.as_u16(), unchanged.body.len()),
            (304, 0),
            "{held}"
        );
        assert_eq!(unchanged.header("etag"), Some(tag.as_str()));
    }
    rig.append(0, row(deepinfra(), &figures(ok(1)))).await;
    crate::rig::settle().await;
    let changed = running.get_with(PATH, &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(tag.as_str()));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_version_names_one_text_only() {
    let (rig, running) = Rig::with([]).await;
    let first = running.get(PATH).await;
    rig.pass(std::time::Duration::from_mins(5)).await;
    let second = running.get(PATH).await;
    assert_eq!(first.header("etag"), second.header("etag"));
    assert_eq!(first.text(), second.text());
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_compressed_as_the_client_accepts() {
    let (_rig, running) = Rig::with([row(deepinfra(), &figures(ok(100)))]).await;
    let plain = running.get(PATH).await;
    assert_eq!(plain.header("content-encoding"), None);
    for (accepted, used, magic) in [
        ("gzip", "gzip", &[0x1f, 0x8b][..]),
        ("zstd", "zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
        ("gzip;q=0.5, zstd", "zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
    ] {
        let answer = running
            .get_with(PATH, &[("accept-encoding", accepted)])
            .await;
        assert_eq!(answer.header("content-encoding"), Some(used));
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        assert!(answer.body.starts_with(magic), "{accepted}");
        assert!(answer.body.len() < plain.body.len() / 2, "{accepted}");
        // Other bytes under the same version: the tag says no more than that they mean the same.
        let weak = format!("W/{}", plain.header("etag").unwrap());
        assert_eq!(answer.header("etag"), Some(weak.as_str()));
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_filter_leaves_only_the_models_asked_for() {
    let rows = [deepinfra(), unlisted("a/a"), unlisted("b/b")].map(|id| row(id, &figures(ok(1))));
    let (_rig, running) = Rig::with(rows).await;
    let models = async |query: &str| {
        let snapshot = running.json(&format!("{PATH}{query}")).await;
        let endpoints = snapshot["endpoints"].as_array().unwrap();
        let mut models: Vec<_> = endpoints
            .iter()
            .map(|e| e["model"].as_str().unwrap().to_owned())
            .collect();
        models.dedup();
        models
    };
    assert_eq!(models("?models=a/a,b/b").await, ["a/a", "b/b"]);
    assert_eq!(models("?models=b/b&models=a%2Fa").await, ["a/a", "b/b"]);
    assert_eq!(models("?models=c/c").await, Vec::<String>::new());
    assert_eq!(
        models("?models=").await,
        ["a/a", "b/b", "meta-llama/llama-4-scout"]
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_cannot_be_is_refused() {
    let (_rig, running) = Rig::with([]).await;
    let refused = running
        .get(&format!("{PATH}?models=a/a,%3Cscript%3E"))
        .await;
    let problem = refused.problem(400);
    assert_eq!(problem["parameter"], "models");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("number 2") && !detail.contains("script"),
        "{detail}"
    );
    let many = vec!["a/a"; 1_001].join(",");
    let refused = running.get(&format!("{PATH}?models={many}")).await;
    assert!(
        refused.problem(400)["detail"]
            .as_str()
            .unwrap()
            .contains("1000")
    );
    let refused = running.get(&format!("{PATH}?model=a/a")).await;
    assert!(
        refused.problem(400)["detail"]
            .as_str()
            .unwrap()
            .contains("models")
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn head_answers_as_get_does_without_a_body() {
    let (_rig, running) = Rig::with([]).await;
    let got = running.get(PATH).await;
    let head = Request::builder().method(Method::HEAD).uri(PATH);
    let head = running
        .ask(head.body(axum::body::Body::empty()).unwrap())
        .await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("etag"), got.header("etag"));
    assert_eq!(
        head.header("content-length").unwrap(),
        got.body.len().to_string()
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn before_the_log_is_read_nothing_partial_is_served() {
    let rig = Rig::new(1).await;
    let running = rig.start();
    for path in [PATH, "/api/v1/models", "/api/v1/models/a/b/endpoints"] {
        let refused = running.get(path).await;
        refused.problem(503);
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    crate::rig::settle().await;
    let snapshot = running.json(PATH).await;
    assert_eq!(
        snapshot["coverage"],
        json!({"partitions_whole": 0, "partitions": 1})
    );
    assert_eq!(snapshot["generated_at"], sextant_wire::json::rfc3339(NOW));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn each_edition_is_encoded_once_for_all_who_read_it() {
    let (_rig, running) = Rig::with([row(deepinfra(), &figures(ok(100)))]).await;
    let body = running.get(PATH).await.body;
    for _ in 0..20 {
        assert_eq!(running.get(PATH).await.body, body);
    }
    let encoded = running.metric("sextant_server_encoded_bytes_total{form=\"json\"}");
    assert_eq!(encoded, Some(f64::from(u32::try_from(body.len()).unwrap())));
    let requests = "sextant_server_requests_total{route=\"/api/v1/snapshot\",status=\"200\"}";
    assert_eq!(running.metric(requests), Some(21.0));
    running.end().await;
}
