//! Real sockets, real time, real resets.

use std::sync::Arc;
use std::time::Duration;

use sextant_measure::outcome::Outcome;
use tokio::time::Instant;

use super::catcher::Catcher;
use super::provider::{Act::*, Gateway, Stamps};
use super::{DONE, KEEP_ALIVE, ROLE, STOP, TOKEN, USAGE};

#[tokio::test]
async fn over_tcp_it_is_the_same() {
    for (script, expected) in [
        (
            vec![Status(200), Say(TOKEN), Say(STOP), Say(DONE), Close],
            Outcome::Ok,
        ),
        (
            vec![Status(200), Say(TOKEN), Wait(20), Reset],
            Outcome::StreamError,
        ),
        (vec![Reset], Outcome::TransportError),
        (vec![RetryAfter(429), Close], Outcome::RateLimited),
    ] {
        let catcher = Catcher::start();
        let began = Instant::now();
        Gateway::default().request_over_tcp(&catcher, script).await;
        let seen = catcher.only().await;
        assert_eq!(seen.outcome, expected);
        let took = Duration::from_micros(seen.duration_us.unwrap());
        assert!(took <= began.elapsed());
    }
    let catcher = Arc::new(Catcher::start());
    Gateway::default().request_to_nobody(&catcher).await;
    assert_eq!(catcher.only().await.outcome, Outcome::TransportError);
}

/// A moment that lies between two others.
type Between = (Duration, Duration);

/// When the provider said the first of some, or the last, and when the gateway had heard it: counted
/// from the dispatch, and as wide as that is uncertain.
fn told(stamps: &Stamps, text: &str, is_last: bool) -> Between {
    let ends = |mut all: Vec<Instant>| {
        let first = all[0];
        if is_last { all.pop().unwrap() } else { first }
    };
    let said = stamps.said.iter().filter(|(_, what)| *what == text);
    let heard = stamps.heard.iter().filter(|(_, what)| {
        let what = String::from_utf8_lossy(what);
        what.contains(text)
    });
    let (said, heard) = (
        ends(said.map(|(at, _)| *at).collect()),
        ends(heard.map(|(at, _)| *at).collect()),
    );
    let (before, after) = stamps.dispatched.unwrap();
    (said - after, heard - before)
}

/// On a busy machine what is said may be heard late; then it is tried again, since nobody can tell
/// what would have been right.
#[tokio::test]
async fn times_and_throughput_are_right_to_a_millisecond() {
    let script = vec![
        Status(200),
        Wait(10),
        Say(ROLE),
        Wait(10),
        Say(KEEP_ALIVE),
        Wait(20),
        Say(TOKEN),
        Wait(30),
        Say(TOKEN),
        Wait(10),
        Say(STOP),
        Say(USAGE),
        Say(DONE),
        Close,
    ];
    for _ in 0..200 {
        let (catcher, gateway) = (Catcher::start(), Gateway::default());
        gateway.request_over_tcp(&catcher, script.clone()).await;
        let seen = catcher.all(1).await[0];
        assert_eq!(seen.outcome, Outcome::Ok);
        let stamps = gateway.stamps.into_inner().unwrap();
        let (first, last) = (told(&stamps, TOKEN, false), told(&stamps, TOKEN, true));
        let us = |at: Duration| u64::try_from(at.as_micros()).unwrap();
        let is_in = |at: u64, (from, to): Between| (us(from)..=us(to)).contains(&at);
        let (ttft_us, duration_us) = (seen.ttft_us.unwrap(), seen.duration_us.unwrap());
        assert!(is_in(ttft_us, first), "{ttft_us} {first:?}");
        assert!(is_in(duration_us, last), "{duration_us} {last:?}");
        let throughput = seen.throughput_mtps().unwrap();
        let at = |duration| 150 * 1_000_000_000 / us(duration);
        let is_right = (at(last.1)..=at(last.0)).contains(&throughput);
        assert!(is_right, "{throughput} {last:?}");
        let is_sharp = |(from, to): Between| to < from + Duration::from_millis(1);
        if is_sharp(first) && is_sharp(last) {
            return;
        }
    }
    panic!("what was said was always heard too late");
}
