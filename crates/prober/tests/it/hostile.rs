//! Providers that say too much.

use std::fmt::Write as _;

use sextant_measure::outcome::Outcome;

use crate::kit::start;
use crate::provider::{Act::*, Provider, TOKEN, say};

#[tokio::test]
async fn whatever_a_provider_pours_out_is_bounded_and_ends() {
    const NOISE: &str =
        "data: {\"choices\":[{\"delta\":{\"content\":\"again and again and again\"}}]}\n\n";
    let long_line = vec![
        Status(200),
        say("data: "),
        Repeat("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0),
    ];
    let cases = [
        (
            "tokens",
            vec![Status(200), Repeat(NOISE, 0)],
            Outcome::StreamError,
        ),
        ("line", long_line, Outcome::StreamError),
        (
            "refusal",
            vec![Status(500), Repeat("no no no no no no no", 0)],
            Outcome::ProviderError,
        ),
        (
            "head",
            vec![Raw("HTTP/1.1 200 OK\r\n"), Repeat("x-a: b\r\n", 0)],
            Outcome::TransportError,
        ),
        (
            "slow-head",
            vec![Raw("HTTP/1.1 200 OK\r\n"), Repeat("x-a: b\r\n", 100)],
            Outcome::Timeout,
        ),
        (
            "chunk",
            vec![Status(200), say(TOKEN), Raw("fffffffffffffffffff\r\n")],
            Outcome::StreamError,
        ),
    ];
    let provider = Provider::start(cases.clone().map(|(case, script, _)| (case, script))).await;
    let mut toml = "answer_bytes_max = 100000\nin_flight_max = 64\n".to_owned();
    for (case, ..) in &cases {
        let timeout_ms = if *case == "slow-head" { 400 } else { 80_000 };
        write!(
            toml,
            "[[targets]]\nmodel = \"a/b\"\nprovider = \"{case}\"\ninterval_ms = 500\n\
             timeout_ms = {timeout_ms}\nurl = \"http://127.0.0.1:{}/{case}/v1\"\n",
            provider.port
        )
        .unwrap();
    }
    let running = start(&toml);
    for observation in running.firsts(cases.len()).await {
        let case = observation.definition.provider.as_str();
        let expected = cases.iter().find(|(name, ..)| *name == case).unwrap();
        assert_eq!(observation.measurement.outcome, expected.2, "{case}");
    }
    running.end().await;
}
