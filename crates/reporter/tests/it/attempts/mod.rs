//! What a gateway sees of an attempt, and what is recorded of it.

mod catcher;
mod leaving;
mod provider;
mod recording;
mod sockets;

use sextant_measure::observation::Measurement;
use sextant_measure::outcome::Outcome;
use sextant_reporter::openai::{Exchange, Failure};
use tokio::time::sleep;

use self::catcher::{Catcher, about};
use self::provider::{Act, Act::*, Gateway, Provider};
use crate::kit::ms;

/// A chunk with a token.
const TOKEN: &str = r#"data: {"choices":[{"delta":{"content":"x"}}]}

"#;
const ROLE: &str = r#"data: {"choices":[{"delta":{"role":"assistant","content":""}}]}

"#;
const STOP: &str = r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}

"#;
const USAGE: &str = r#"data: {"choices":[],"usage":{"prompt_tokens":550,"completion_tokens":150}}

"#;
const ERROR: &str = r#"data: {"error":{"code":502,"message":"upstream"},"choices":[{"delta":{},"finish_reason":"error"}]}

"#;
const DONE: &str = "data: [DONE]\n\n";
const KEEP_ALIVE: &str = ": PROCESSING\n\n";

const FILTERED: &str =
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\n";
const LENGTH: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n";
const NAMED_ERROR: &str = "event: error\ndata: {\"message\":\"overloaded\"}\n\n";

/// Plays a script to a gateway, and gives what it recorded.
async fn seen(script: Vec<Act>) -> Measurement {
    let catcher = Catcher::start();
    let gateway = Gateway::default();
    let ended = gateway.request(&catcher, Provider::plays(script)).await;
    let seen = catcher.only().await;
    // Who asked is told what is recorded.
    assert_eq!(ended.outcome, seen.outcome);
    let tokens = [seen.input_tokens, seen.output_tokens];
    let told = tokens.into_iter().flatten().map(u64::from).sum::<u64>();
    assert_eq!(ended.tokens, (told > 0).then_some(told));
    seen
}

fn outcome(seen: &Measurement) -> (Outcome, Option<u64>, Option<u64>) {
    let in_ms = |us: Option<u64>| us.map(|us| us / 1_000);
    (seen.outcome, in_ms(seen.ttft_us), in_ms(seen.duration_us))
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_timed_from_its_dispatch_to_its_tokens() {
    let seen = seen(vec![
        Wait(30),
        Status(200),
        Wait(40),
        Say(ROLE),
        Say(KEEP_ALIVE),
        Wait(200),
        Say(TOKEN),
        Wait(500),
        Say(TOKEN),
        Wait(50),
        Say(STOP),
        Say(USAGE),
        Say(DONE),
        Wait(1_000),
        Close,
    ])
    .await;
    // Neither headers, a role nor a keep-alive end the wait, and nothing behind the last token counts.
    assert_eq!(outcome(&seen), (Outcome::Ok, Some(270), Some(770)));
    assert_eq!(
        (seen.input_tokens, seen.output_tokens),
        (Some(550), Some(150))
    );
    assert_eq!(seen.status_code, Some(200));
    assert_eq!(seen.throughput_mtps(), Some(150 * 1_000_000 / 770));
}

type Case = (Vec<Act>, (Outcome, Option<u64>, Option<u64>));

async fn assert_seen(cases: impl IntoIterator<Item = Case>) {
    for (script, expected) in cases {
        let shown = format!("{script:?}");
        assert_eq!(outcome(&seen(script).await), expected, "{shown}");
    }
}

fn answer(acts: &[Act]) -> Vec<Act> {
    [&[Wait(10), Status(200)], acts].concat()
}

#[tokio::test(start_paused = true)]
async fn errors_and_ends_after_200_have_the_outcomes_of_the_table() {
    let broken = |ttft, at| (Outcome::StreamError, ttft, Some(at));
    let empty = (Outcome::EmptyResponse, None, Some(10));
    assert_seen([
        (
            answer(&[Say(TOKEN), Wait(5), Say(ERROR), Close]),
            broken(Some(10), 15),
        ),
        (answer(&[Say(ERROR), Close]), broken(None, 10)),
        (answer(&[Say(TOKEN), Wait(7), Close]), broken(Some(10), 17)),
        (answer(&[Say(TOKEN), Wait(7), Reset]), broken(Some(10), 17)),
        (answer(&[Wait(7), Reset]), broken(None, 17)),
        (answer(&[Close]), empty),
        (answer(&[Say(ROLE), Say(STOP), Say(DONE), Close]), empty),
        (
            answer(&[Say(TOKEN), Say(FILTERED), Say(DONE), Close]),
            (Outcome::ContentFiltered, Some(10), Some(10)),
        ),
        (
            answer(&[Say(TOKEN), Wait(5), Say(NAMED_ERROR), Close]),
            broken(Some(10), 15),
        ),
        (
            answer(&[Say(TOKEN), Say(STOP), Wait(5), Say(ERROR), Close]),
            broken(Some(10), 15),
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_whole_stays_so_whatever_comes_behind_it() {
    let whole = (Outcome::Ok, Some(10), Some(10));
    assert_seen([
        (answer(&[Say(TOKEN), Say(STOP), Wait(5), Reset]), whole),
        (answer(&[Say(TOKEN), Say(DONE), Wait(60_000)]), whole),
        (answer(&[Say(TOKEN), Say(LENGTH), Close]), whole),
        (
            answer(&[Say(TOKEN), Say(DONE), Wait(5), Say(ERROR), Close]),
            whole,
        ),
        // A model that has thought up to its limit, and shown nothing of that.
        (
            answer(&[Say(ROLE), Wait(90), Say(LENGTH), Wait(5), Say(DONE), Close]),
            (Outcome::Ok, None, Some(100)),
        ),
        (
            answer(&[Say(FILTERED), Wait(5), Reset]),
            (Outcome::ContentFiltered, None, Some(15)),
        ),
        (
            answer(&[Say(FILTERED), Say(DONE), Wait(60_000)]),
            (Outcome::ContentFiltered, None, Some(10_010)),
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn silence_and_broken_connections_have_the_outcomes_of_the_table() {
    let silent = |ttft, at| (Outcome::Timeout, ttft, Some(at));
    let broken = (Outcome::TransportError, None, Some(10));
    assert_seen([
        (vec![Wait(60_000)], silent(None, 10_000)),
        (
            answer(&[Say(KEEP_ALIVE), Wait(60_000)]),
            silent(None, 10_010),
        ),
        (
            answer(&[Say(TOKEN), Wait(60_000)]),
            silent(Some(10), 10_010),
        ),
        (vec![Wait(10), Reset], broken),
        (vec![Wait(10), Close], broken),
        (vec![Wait(10), Raw("nonsense\r\n\r\n"), Close], broken),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn refusals_have_the_outcomes_of_the_table() {
    const REGION: &str = r#"{"error":{"code":"unsupported_country_region_territory"}}"#;
    let status = |code| vec![Wait(10), Status(code), Close];
    let refused = |outcome| (outcome, None, Some(10));
    assert_seen([
        (status(500), refused(Outcome::ProviderError)),
        (status(529), refused(Outcome::ProviderError)),
        (status(429), refused(Outcome::RateLimited)),
        (
            vec![Wait(10), RetryAfter(429), Close],
            refused(Outcome::RateLimited),
        ),
        (status(401), refused(Outcome::ProviderRefused)),
        (status(404), refused(Outcome::ProviderRefused)),
        (status(422), refused(Outcome::ClientError)),
        (
            vec![Wait(10), Status(403), Say(REGION), Close],
            refused(Outcome::GeoBlocked),
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_stream_is_read_as_a_whole() {
    let whole = r#"{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}],
                    "usage":{"prompt_tokens":7,"completion_tokens":20}}"#;
    let empty = r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#;
    let error = r#"{"error":{"message":"upstream"}}"#;
    let thought = r#"{"choices":[{"message":{"content":""},"finish_reason":"length"}]}"#;
    for (body, expected) in [
        (thought, Outcome::Ok),
        (whole, Outcome::Ok),
        (empty, Outcome::EmptyResponse),
        ("", Outcome::EmptyResponse),
        (error, Outcome::StreamError),
    ] {
        let catcher = Catcher::start();
        let gateway = Gateway {
            streamed: false,
            ..Gateway::default()
        };
        let script = vec![Wait(300), Status(200), Say(body), Close];
        gateway.request(&catcher, Provider::plays(script)).await;
        let seen = catcher.only().await;
        assert_eq!(seen.outcome, expected, "{body}");
        assert_eq!((seen.streamed, seen.ttft_us), (false, None));
        if body == whole {
            assert_eq!(
                (seen.output_tokens, seen.duration_us),
                (Some(20), Some(300_000))
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_never_dispatched_is_the_gateways_own() {
    let catcher = Catcher::start();
    drop(Exchange::new(catcher.recorder().attempt(about())));
    Exchange::new(catcher.recorder().attempt(about())).failed(Failure::Transport);
    let mut whole = Exchange::new(catcher.recorder().attempt(about()));
    whole.answered(200);
    whole.received(TOKEN.as_bytes());
    whole.received(DONE.as_bytes());
    whole.closed();
    for seen in catcher.all(3).await {
        assert_eq!(
            (seen.outcome, seen.duration_us),
            (Outcome::GatewayError, None)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_clock_starts_when_the_request_leaves_and_not_before() {
    let catcher = Catcher::start();
    let mut attempt = catcher.recorder().attempt(about());
    sleep(ms(5_000)).await;
    attempt.dispatched();
    sleep(ms(40)).await;
    attempt.dispatched();
    attempt.token();
    attempt.not_final();
    attempt.end(Outcome::Ok);
    let seen = catcher.only().await;
    assert_eq!(outcome(&seen), (Outcome::Ok, Some(40), Some(40)));
    assert!(!seen.is_final);
}
