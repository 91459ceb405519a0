//! What many readers ask for is made once.

use std::time::Duration;

use futures::future::join_all;

use crate::numbers::{deepinfra, figures, ok, row, unlisted};
use crate::rig::{Answer, Rig, Running};

const READERS: usize = 20;

async fn all(running: &Running, uri: &str, accepted: &str) -> Vec<Answer> {
    let headers = [("accept-encoding", accepted)];
    let answers = join_all((0..READERS).map(|_| running.get_with(uri, &headers))).await;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{uri}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.body, answers[0].body);
    }
    answers
}

/// Bytes encoded in a form since the start.
fn encoded(running: &Running, form: &str) -> f64 {
    let name = format!("sextant_server_encoded_bytes_total{{form=\"{form}\"}}");
    running.metric(&name).unwrap_or_default()
}

fn bytes(answer: &Answer) -> f64 {
    f64::from(u32::try_from(answer.body.len()).unwrap())
}

fn assert_close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 0.5, "{found} for {wanted}");
}

#[tokio::test(start_paused = true)]
async fn a_page_is_made_once_for_all_who_ask_in_a_second() {
    let rows = [deepinfra(), unlisted("a/a")].map(|id| row(id, &figures(ok(150))));
    let (rig, running) = Rig::with(rows).await;
    for (uri, form) in [
        ("/api/v1/models", "models"),
        ("/api/v1/models/a/a/endpoints", "endpoints"),
    ] {
        let first = all(&running, uri, "identity").await;
        assert_close(encoded(&running, form), bytes(&first[0]));
        all(&running, uri, "zstd").await;
        assert_close(encoded(&running, form), bytes(&first[0]));
        // An edition may stand for long, and the ages in it are those of now.
        rig.wind(Duration::from_secs(1));
        let second = all(&running, uri, "identity").await;
        assert_close(
            encoded(&running, form),
            bytes(&first[0]) + bytes(&second[0]),
        );
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_compressed_once_for_all_who_ask() {
    let (rig, running) = Rig::with([row(deepinfra(), &figures(ok(150)))]).await;
    let uri = "/api/v1/snapshot";
    let plain = all(&running, uri, "identity").await;
    for coding in ["gzip", "zstd"] {
        let coded = all(&running, uri, coding).await;
        assert_eq!(coded[0].header("content-encoding"), Some(coding));
        rig.wind(Duration::from_mins(1));
        all(&running, uri, coding).await;
        assert_close(encoded(&running, coding), bytes(&coded[0]));
    }
    assert_close(encoded(&running, "json"), bytes(&plain[0]));
    running.end().await;
}
