//! Bad input, and parts that are away.

use std::time::Duration;

use http::StatusCode;
use sextant_catalog::Catalog;
use sextant_measure::quantization::Quantization;
use sextant_snapshot::record::OwnerState;
use sextant_store::StoreError;

use super::{SCOUT, cell, page, read};
use crate::numbers::{deepinfra, endpoint, figures, ok, row};
use crate::rig::{Rig, progress};

#[tokio::test(start_paused = true)]
async fn what_names_hold_is_text() {
    let mut rig = Rig::new(1).await;
    let text = r#"
[providers.evil]
name = "<img src=x onerror=alert(1)>"
[[models]]
id = "a/b"
name = "\"><script>alert(1)</script>"
description = "</dd><style>*{display:none}</style>"
context_length = 1
[[models.endpoints]]
provider = "evil"
quantization = "fp8"
price = { input = "1", output = "1" }
"#;
    rig.catalog
        .replace(Catalog::parse("evil.toml", text).unwrap());
    rig.claim(0).await;
    let id = endpoint("a/b", "evil", Quantization::Fp8);
    rig.append(0, row(id, &figures(ok(20)))).await;
    rig.append(0, progress(OwnerState::Whole)).await;
    let running = rig.serve().await;
    for uri in ["/models/a/b", "/", "/providers", "/?q=%3Cscript%3E%22"] {
        let html = page(&running, uri).await;
        for markup in ["<img", "<script>", "<style>"] {
            assert!(!html.contains(markup), "{uri} {markup}: {html}");
        }
    }
    let search = page(&running, "/?q=%22%20autofocus%20x=%22%3Cb%3E").await;
    let value = "value=\"&#34; autofocus x=&#34;&#60;b&#62;\"";
    assert!(search.contains(value), "{search}");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_shown_is_said_on_a_page_with_its_status() {
    let (_, running) = Rig::with([row(deepinfra(), &figures(ok(20)))]).await;
    let said = async |uri: &str| {
        let answer = running.get(uri).await;
        let text = answer.text();
        assert!(text.starts_with("<!doctype html>"), "{uri}: {text}");
        (answer.status, read(&text))
    };
    let (status, text) = said("/models/meta-llama/llama-4-scoot").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(
        text.contains("There is no model meta-llama/llama-4-scoot."),
        "{text}"
    );
    assert!(
        text.contains("Did you mean meta-llama/llama-4-scout"),
        "{text}"
    );
    for (uri, wanted) in [
        (format!("{SCOUT}?region=%20"), StatusCode::BAD_REQUEST),
        (format!("{SCOUT}?nonsense=1"), StatusCode::BAD_REQUEST),
        ("/?q=a&q=b".to_owned(), StatusCode::BAD_REQUEST),
        (format!("/?q={}", "x".repeat(129)), StatusCode::BAD_REQUEST),
        ("/models/%ff/x".to_owned(), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(said(&uri).await.0, wanted, "{uri}");
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn before_the_log_is_read_a_page_says_so() {
    let rig = Rig::new(1).await;
    rig.log.cut(true);
    let running = rig.serve().await;
    let answer = running.get(SCOUT).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(answer.text().starts_with("<!doctype html>"));
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_costs_the_last_minutes_alone() {
    let (rig, running) = Rig::with([row(deepinfra(), &figures(ok(20)))]).await;
    let is_away = async || {
        let html = page(&running, SCOUT).await;
        assert_eq!(cell(&html, "deepinfra/fp8", "latency_p50"), "10");
        let (_, rest) = html.split_once("id=\"store-away\"").unwrap();
        !rest.split('>').next().unwrap().contains("hidden")
    };
    rig.store.stall(true);
    assert!(is_away().await, "it does not answer");
    rig.store.stall(false);
    rig.pass(Duration::from_secs(5)).await;
    assert!(!is_away().await, "it is asked again soon");
    let reason = "it is away".to_owned();
    rig.store.fail(StoreError::Unavailable { reason });
    rig.pass(Duration::from_secs(20)).await;
    assert!(!is_away().await, "what was read before stands in");
    rig.pass(Duration::from_mins(2)).await;
    assert!(is_away().await, "but not for ever");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_that_did_not_come_from_here() {
    let (_, running) = Rig::with([row(deepinfra(), &figures(ok(20)))]).await;
    let answer = running.get(SCOUT).await;
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"));
    assert!(!policy.contains("unsafe") && !policy.contains("http"));
    let html = answer.text();
    let inline = ["style=\"", "onclick", "onload", "javascript:"];
    assert!(!inline.iter().any(|code| html.contains(code)), "{html}");
    let mut assets = 0;
    for part in html
        .split(['"'])
        .filter(|part| part.starts_with("/assets/"))
    {
        let asset = running.get(part).await;
        assert_eq!(asset.status, 200, "{part}");
        let kept = asset.header("cache-control");
        assert_eq!(kept, Some("public, max-age=31536000, immutable"), "{part}");
        assert!(!asset.body.is_empty());
        assets += 1;
    }
    assert!(assets >= 7, "{html}");
    let other = running.get("/assets/page.0.css").await;
    assert_eq!(
        (other.status, other.header("cache-control")),
        (StatusCode::NOT_FOUND, Some("no-store"))
    );
    running.end().await;
}
