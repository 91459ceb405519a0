//! Answers that nobody hears to their end, or that have none.

use sextant_measure::outcome::Outcome;

use super::catcher::Catcher;
use super::provider::{Act, Act::*, Gateway, Provider};
use super::{DONE, ERROR, FILTERED, LENGTH, NAMED_ERROR, ROLE, STOP, TOKEN, assert_seen, outcome};
use crate::kit::ms;

#[tokio::test(start_paused = true)]
async fn a_refusal_stands_however_its_body_fares() {
    const REGION: &str = r#"{"error":"not available in your region"}"#;
    let refused = [
        (500, Outcome::ProviderError),
        (429, Outcome::RateLimited),
        (401, Outcome::ProviderRefused),
        (422, Outcome::ClientError),
        (302, Outcome::ProviderRefused),
    ];
    for (code, expected) in refused {
        let head = [Wait(10), Status(code), Say("{")];
        assert_seen([
            ([&head[..], &[Reset]].concat(), (expected, None, Some(10))),
            (
                [&head[..], &[Wait(60_000)]].concat(),
                (expected, None, Some(10_010)),
            ),
        ])
        .await;
    }
    let region = vec![Wait(10), Status(403), Say(REGION), Reset];
    assert_seen([(region, (Outcome::GeoBlocked, None, Some(10)))]).await;
}

/// As a gateway does that falls back, and reads no more of what it has heard enough of.
#[tokio::test(start_paused = true)]
async fn who_leaves_behind_what_the_provider_has_told_records_that() {
    let left = |acts: &[Act]| [&[Wait(10)], acts, &[Wait(60_000)]].concat();
    let answered = |acts: &[Act]| left(&[&[Status(200)], acts].concat());
    for (script, expected) in [
        (left(&[Status(500)]), Outcome::ProviderError),
        (left(&[Status(529), Say("{")]), Outcome::ProviderError),
        (left(&[RetryAfter(429)]), Outcome::RateLimited),
        (left(&[Status(401)]), Outcome::ProviderRefused),
        (left(&[Status(422)]), Outcome::ClientError),
        (answered(&[]), Outcome::ClientCancelled),
        (answered(&[Say(ROLE)]), Outcome::ClientCancelled),
        (answered(&[Say(TOKEN)]), Outcome::ClientCancelled),
        (answered(&[Say(ERROR)]), Outcome::StreamError),
        (answered(&[Say(TOKEN), Say(ERROR)]), Outcome::StreamError),
        (answered(&[Say(NAMED_ERROR)]), Outcome::StreamError),
        (
            answered(&[Say(TOKEN), Say(STOP), Say(ERROR)]),
            Outcome::StreamError,
        ),
        (answered(&[Say(FILTERED)]), Outcome::ContentFiltered),
        (
            answered(&[Say(TOKEN), Say(FILTERED)]),
            Outcome::ContentFiltered,
        ),
        (
            answered(&[Say(TOKEN), Say(FILTERED), Say(STOP)]),
            Outcome::ContentFiltered,
        ),
        (answered(&[Say(ROLE), Say(STOP)]), Outcome::EmptyResponse),
        (answered(&[Say(ROLE), Say(LENGTH)]), Outcome::Ok),
        (answered(&[Say(TOKEN), Say(STOP)]), Outcome::Ok),
    ] {
        let shown = format!("{script:?}");
        let catcher = Catcher::start();
        let gateway = Gateway::default();
        let request = gateway.request(&catcher, Provider::plays(script));
        drop(tokio::time::timeout(ms(50), request).await);
        assert_eq!(catcher.only().await.outcome, expected, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_is_told_from_who_has_had_all() {
    let script = vec![
        Wait(100),
        Status(200),
        Wait(100),
        Say(TOKEN),
        Wait(100),
        Say(TOKEN),
        Say(STOP),
        Wait(100),
        Say(DONE),
        Close,
    ];
    for (leaves_ms, expected) in [
        (50, (Outcome::ClientCancelled, None, Some(50))),
        (150, (Outcome::ClientCancelled, None, Some(150))),
        (250, (Outcome::ClientCancelled, Some(200), Some(250))),
        (350, (Outcome::Ok, Some(200), Some(300))),
    ] {
        let catcher = Catcher::start();
        let gateway = Gateway::default();
        let request = gateway.request(&catcher, Provider::plays(script.clone()));
        drop(tokio::time::timeout(ms(leaves_ms), request).await);
        assert_eq!(outcome(&catcher.only().await), expected, "{leaves_ms}");
    }
}
