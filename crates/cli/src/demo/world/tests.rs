use std::collections::BTreeMap;
use std::sync::LazyLock;

use sextant_measure::outcome::Outcome;
use sextant_measure::time::MINUTE_US;

use std::time::Duration;

use super::*;

const SEED: u64 = 7;

#[test]
fn the_same_seed_and_times_give_the_same_observations_however_the_time_is_cut() {
    let (one, other) = (world(SEED), world(SEED));
    let to = start().plus_micros(MINUTE_US);
    for (agent, again) in one.agents().iter().zip(other.agents()) {
        let whole = one.step(agent, start(), to);
        let mut pieces = Vec::new();
        let mut from = start();
        for length_us in [1, 999_999, 1_000_000, 17_300_000, 123_456]
            .into_iter()
            .cycle()
        {
            let next = from.plus_micros(length_us).min(to);
            pieces.extend(other.step(again, from, next));
            from = next;
            if from == to {
                break;
            }
        }
        assert!(whole.len() > 1_000, "{}", whole.len());
        assert_eq!(whole, pieces);
    }
    let another = world(SEED + 1);
    let [agent, ..] = another.agents() else {
        panic!()
    };
    assert_ne!(
        another.step(agent, start(), to),
        one.step(agent, start(), to)
    );
}

#[test]
fn no_time_holds_nothing() {
    let world = world(SEED);
    let agent = &world.agents()[0];
    assert_eq!(world.step(agent, start(), start()), []);
    assert_eq!(world.step(agent, start().plus_micros(5), start()), []);
}

#[test]
fn all_of_it_passes_the_checks_in_order_and_in_time() {
    for seen in half_an_hour_of_each() {
        for observation in seen {
            assert_eq!(observation.measurement.check(), Ok(()), "{observation:?}");
        }
        let completed = || {
            seen.iter()
                .map(|observation| observation.measurement.completed_at)
        };
        assert!(completed().is_sorted());
        assert!(completed().all(|at| (start()..end()).contains(&at)));
    }
}

#[test]
fn live_attempts_come_at_the_rate_promised() {
    let seconds = 1_800.0;
    let live = half_an_hour().filter(|it| is_live(it)).count();
    let rate = f64::from(u32::try_from(live).unwrap()) / seconds;
    assert!((rate / LIVE_RATE - 1.0).abs() < 0.05, "{rate}");
}

#[test]
fn only_probes_touch_the_idle_endpoint_and_every_agent_sends_one_each_ten_seconds() {
    let of_idle: Vec<_> = half_an_hour()
        .filter(|it| provider(it) == "google-vertex")
        .collect();
    assert!(of_idle.iter().all(|it| !is_live(it)));
    assert_eq!(of_idle.len(), 3 * 180);
    let mut others = half_an_hour().filter(|it| provider(it) != "google-vertex");
    assert!(others.all(is_live));
}

#[test]
fn latency_medians_lie_by_their_parameters_plus_the_way() {
    let world = world(SEED);
    for (agent, seen) in world.agents().iter().zip(half_an_hour_of_each()) {
        for (character, definition) in world.endpoints.iter().zip(&agent.definitions) {
            let mut latencies: Vec<_> = seen
                .iter()
                .filter(|it| it.definition == *definition)
                .filter_map(|it| it.measurement.latency_us())
                .collect();
            if character.is_idle() {
                assert!(latencies.is_empty());
                continue;
            }
            latencies.sort_unstable();
            let median_s = Duration::from_micros(latencies[latencies.len() / 2]).as_secs_f64();
            let wanted_s = agent.way_s + character.ttft_s;
            assert!(
                (median_s / wanted_s - 1.0).abs() < 0.05,
                "{definition:?}: {median_s} {wanted_s}"
            );
        }
    }
}

#[test]
fn throughput_is_that_of_real_providers() {
    for (name, tps) in [
        ("deepinfra", 60..120),
        ("groq", 250..500),
        ("novita", 25..60),
    ] {
        let of_it = half_an_hour().filter(|it| provider(it) == name);
        let mut throughputs: Vec<_> = of_it
            .filter_map(|it| it.measurement.throughput_mtps())
            .collect();
        throughputs.sort_unstable();
        let median = throughputs[throughputs.len() / 2] / 1_000;
        assert!(tps.contains(&median), "{name}: {median}");
    }
}

#[test]
fn outcomes_have_their_shares() {
    let share = |name: &str, outcome: Outcome| {
        let of_it = || half_an_hour().filter(|it| provider(it) == name);
        let such = of_it()
            .filter(|it| it.measurement.outcome == outcome)
            .count();
        such * 10_000 / of_it().count()
    };
    // In hundredths of a percent. The fast one turns many away.
    assert!((500..700).contains(&share("groq", Outcome::RateLimited)));
    assert!((40..120).contains(&share("deepinfra", Outcome::RateLimited)));
    for name in ["deepinfra", "groq", "novita"] {
        assert!(
            (60..140).contains(&share(name, Outcome::ClientCancelled)),
            "{name}"
        );
        assert!(
            (1..30).contains(&share(name, Outcome::StreamError)),
            "{name}"
        );
        assert!((1..600).contains(&share(name, Outcome::Timeout)), "{name}");
        assert!(share(name, Outcome::Ok) > 8_000, "{name}");
    }
    assert!(share("google-vertex", Outcome::Ok) > 9_900);
}

#[test]
fn an_outage_comes_and_ends() {
    // The worst of each stretch of ten seconds, in percent of answers that failed.
    let mut failed: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    for observation in half_an_hour().filter(|it| provider(it) == "novita") {
        let outcome = observation.measurement.outcome;
        let bad = [
            Outcome::ProviderError,
            Outcome::Timeout,
            Outcome::TransportError,
        ]
        .contains(&outcome);
        let step = failed
            .entry(observation.measurement.completed_at.step().index())
            .or_default();
        *step = (step.0 + usize::from(bad), step.1 + 1);
    }
    let out: Vec<_> = failed.values().map(|(bad, all)| bad * 2 > *all).collect();
    let begun = out.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    let ended = out.windows(2).filter(|pair| pair[0] && !pair[1]).count();
    assert_eq!((begun, ended), (2, 2), "{out:?}");
    let steps = out.iter().filter(|out| **out).count();
    assert!((10..=32).contains(&steps), "{steps}");
}

#[test]
fn a_catalog_without_endpoints_is_a_quiet_world() {
    let empty = Catalog::parse("empty.toml", "").unwrap();
    let world = World::new(&empty, SEED).unwrap();
    for agent in world.agents() {
        assert_eq!(
            world.step(agent, start(), start().plus_micros(MINUTE_US)),
            []
        );
    }
}

/// What all agents see of the world in half an hour.
fn half_an_hour() -> impl Iterator<Item = &'static Observation> {
    half_an_hour_of_each().iter().flatten()
}

/// The same by agent; made once for all tests.
fn half_an_hour_of_each() -> &'static [Vec<Observation>] {
    static SEEN: LazyLock<Vec<Vec<Observation>>> = LazyLock::new(|| {
        let world = world(SEED);
        let agents = world.agents().iter();
        agents
            .map(|agent| world.step(agent, start(), end()))
            .collect()
    });
    &SEEN
}

fn provider(observation: &Observation) -> &str {
    observation.definition.provider.as_str()
}

fn is_live(observation: &Observation) -> bool {
    observation.measurement.source == Source::Live
}

fn world(seed: u64) -> World {
    World::new(&Catalog::shipped().unwrap(), seed).unwrap()
}

/// The start of a stretch of outages.
fn start() -> Timestamp {
    Timestamp::from_micros(1_764_000_000_000_000)
}

fn end() -> Timestamp {
    start().plus_micros(30 * MINUTE_US)
}
