//! What is drawn.

use crate::simulation::provider::Trouble;
use crate::simulation::scenarios::Scenario;

pub(crate) struct Case {
    /// The file's name.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) scenario: Scenario,
    /// From when to when there is trouble, in seconds.
    pub(crate) trouble_s: (f64, f64),
    /// Seconds that are drawn as one.
    pub(crate) bin_s: f64,
}

const FROM_S: f64 = 120.0;

pub(crate) fn all() -> Vec<Case> {
    let case = |name, title, minutes, to_s, bin_s| Case {
        name,
        title,
        scenario: Scenario::new(minutes),
        trouble_s: (FROM_S, to_s),
        bin_s,
    };
    let with = |case: Case, change: fn(Scenario, std::ops::Range<f64>) -> Scenario| {
        let (from_s, to_s) = case.trouble_s;
        Case {
            scenario: change(case.scenario, from_s..to_s),
            ..case
        }
    };
    vec![
        with(
            case(
                "crowded",
                "alder can serve 75 % of all requests, and answers 429 to the rest",
                14.0,
                720.0,
                5.0,
            ),
            |scenario, span| scenario.quickest_serves(0.75, span),
        ),
        with(
            case(
                "scarce",
                "alder can serve 40 % of all requests, and answers 429 to the rest",
                14.0,
                720.0,
                5.0,
            ),
            |scenario, span| scenario.quickest_serves(0.4, span),
        ),
        with(
            case(
                "slow",
                "alder can serve 75 % of all requests, and lets the rest wait",
                50.0,
                3_000.0,
                15.0,
            ),
            |scenario, span| scenario.quickest_serves(0.75, span).quickest_queues(),
        ),
        with(
            case(
                "failing",
                "alder answers every request with a server error for three minutes",
                8.0,
                300.0,
                2.5,
            ),
            |scenario, span| scenario.quickest_has(Trouble::Errors, span),
        ),
        with(
            case(
                "outage",
                "alder answers every request with a server error for half an hour",
                60.0,
                1_920.0,
                15.0,
            ),
            |scenario, span| scenario.quickest_has(Trouble::Errors, span),
        ),
    ]
}
