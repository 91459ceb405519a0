//! Which rules are broken, by hand-made rows.

use sextant_incident::Subject;
use sextant_measure::figures::{Percentile, Percentiles};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::ratio::Ratio;

use super::made::{Made, NOW, agent, resolved, view};
use super::{Judge, Verdict};
use crate::config::Resolved;
use crate::view::View;

/// What is broken, as text.
fn broken(config: &Resolved, view: &View) -> Vec<String> {
    let breaches = Judge::new(config, view, NOW).breaches();
    breaches.iter().map(|it| it.alert.to_string()).collect()
}

fn broken_by(made: &Made) -> Vec<String> {
    broken(&resolved(""), &view(NOW, std::slice::from_ref(made)))
}

#[test]
fn both_windows_must_burn() {
    let outage = Made::down("p", "a/b");
    assert_eq!(broken_by(&outage), ["uptime-page/endpoint/a/b/p/fp8"]);
    let over = Made {
        bad_5m: 0,
        ..outage.clone()
    };
    assert!(broken_by(&over).is_empty(), "it is over");
    let blip = Made {
        bad_30m: 144,
        ..outage.clone()
    };
    assert!(broken_by(&blip).is_empty(), "at the limit, not above it");
    let slow = Made {
        bad_5m: 70,
        bad_30m: 70,
        bad_6h: 61,
        ..outage
    };
    assert_eq!(broken_by(&slow), ["uptime-ticket/endpoint/a/b/p/fp8"]);
}

#[test]
fn what_is_just_allowed_is_kept() {
    let config = resolved(
        "objective = 0.5\n[[rules]]\nname = \"r\"\nkind = \"uptime\"\nburn_rate = 1.0\n\
         window = \"30m\"\nshort_window = \"5m\"\n",
    );
    let with = |bad| Made {
        bad_5m: bad,
        bad_30m: bad,
        ..Made::well("p", "a/b")
    };
    assert!(broken(&config, &view(NOW, &[with(500)])).is_empty());
    assert_eq!(broken(&config, &view(NOW, &[with(501)])).len(), 1);
}

#[test]
fn low_traffic_stale_rows_and_a_single_view_decide_nothing() {
    let outage = Made::down("p", "a/b");
    for made in [
        Made {
            n: 99,
            ..outage.clone()
        },
        Made {
            age_s: 61,
            ..outage.clone()
        },
        Made {
            agents: (1, 2),
            ..outage.clone()
        },
    ] {
        assert!(broken_by(&made).is_empty(), "{made:?}");
        let view = view(NOW, &[made]);
        let config = resolved("");
        let judge = Judge::new(&config, &view, NOW);
        let alert = "uptime-page/endpoint/a/b/p/fp8".parse().unwrap();
        assert_eq!(judge.standing(&alert), Verdict::Unknown);
    }
    let alone = Made {
        agents: (1, 1),
        ..outage
    };
    assert_eq!(broken_by(&alone).len(), 1, "nobody else has been seen");
}

#[test]
fn objectives_of_models_and_providers_count() {
    let lenient = "objectives = [{ provider = \"p\", uptime = 0.95 }, \
                   { provider = \"p\", model = \"a/c\", uptime = 0.99 }]";
    let config = resolved(lenient);
    let made = |model| Made {
        bad_5m: 500,
        bad_30m: 500,
        ..Made::well("p", model)
    };
    // 14.4 x 5 % is 72 %.
    assert_eq!(
        broken(
            &config,
            &view(NOW, &[made("a/b"), made("a/c"), Made::well("p", "a/d")])
        ),
        ["uptime-page/endpoint/a/c/p/fp8"]
    );
}

#[test]
fn a_provider_most_of_whose_endpoints_burn_is_told_as_one() {
    let mut barely = Made::down("p", "a/2");
    barely.bad_30m = 100;
    let made = [
        Made::down("p", "a/1"),
        barely,
        Made::well("p", "a/3"),
        Made::well("q", "a/1"),
    ];
    let config = resolved("");
    assert_eq!(
        broken(&config, &view(NOW, &made)),
        ["uptime-page/endpoint/a/1/p/fp8", "uptime-page/provider/p"]
    );
    let half = [Made::down("p", "a/1"), Made::well("p", "a/2")];
    assert_eq!(
        broken(&config, &view(NOW, &half)),
        ["uptime-page/endpoint/a/1/p/fp8"],
        "half is not more than half"
    );
}

#[test]
fn more_than_half_of_all_providers_at_once_means_the_observer() {
    let provider = |name, is_down: bool| {
        let made = if is_down { Made::down } else { Made::well };
        made(name, "a/b")
    };
    let fleet = |down: usize| {
        let names = ["p1", "p2", "p3", "p4", "p5"].into_iter().enumerate();
        let made: Vec<_> = names.map(|(i, name)| provider(name, i < down)).collect();
        let broken = broken(&resolved(""), &view(NOW, &made));
        broken.contains(&"observer-suspected/fleet".to_owned())
    };
    assert!(fleet(3));
    assert!(!fleet(2));
    let four: Vec<_> = ["p1", "p2", "p3", "p4"].map(|it| provider(it, true)).into();
    let told = broken(&resolved(""), &view(NOW, &four));
    assert!(
        !told.contains(&"observer-suspected/fleet".to_owned()),
        "{told:?}"
    );
    let thin: Vec<_> = ["p1", "p2", "p3", "p4", "p5"]
        .map(|it| Made {
            n: 99,
            ..Made::down(it, "a/b")
        })
        .into();
    assert!(
        broken(&resolved(""), &view(NOW, &thin)).is_empty(),
        "low traffic"
    );
    let mut said = view(NOW, &[]);
    said.observer_suspected = true;
    assert_eq!(broken(&resolved(""), &said), ["observer-suspected/fleet"]);
}

#[test]
fn silence_is_by_what_the_owners_have_read() {
    let config = resolved("");
    let mut view = View::new(
        Vec::new(),
        vec![
            agent("late", NOW.plus_micros(-70_000_000)),
            agent("well", NOW.plus_micros(-5_000_000)),
            agent("well", NOW.plus_micros(-500_000_000)),
        ],
    );
    assert!(
        broken(&config, &view).is_empty(),
        "nobody says how far it is"
    );
    view.as_of = Some(NOW.plus_micros(-15_000_000));
    assert!(
        broken(&config, &view).is_empty(),
        "its word may wait in the log"
    );
    view.as_of = Some(NOW);
    assert_eq!(broken(&config, &view), ["agent-silent/agent/late"]);
    view.is_whole = false;
    assert!(broken(&config, &view).is_empty(), "another owner may know");
}

#[test]
fn limits_on_percentiles_and_rate_limiting() {
    let config = resolved(
        "[[rules]]\nname = \"slow\"\nkind = \"latency\"\npercentile = \"p95\"\nabove_ms = 2000.0\n\
         [[rules]]\nname = \"thin\"\nkind = \"throughput\"\npercentile = \"p50\"\nbelow_tps = 20.0\n\
         providers = [\"p\"]\n\
         [[rules]]\nname = \"limited\"\nkind = \"rate_limited\"\nabove_ratio = 0.25\n",
    );
    let with = |provider, us, mtps, limited: u32| {
        let made = Made::well(provider, "a/b");
        let mut figures = made.figures();
        let set = |percentile: Percentile, value| {
            let mut percentiles = Percentiles {
                n: 500,
                ..Percentiles::default()
            };
            percentiles.values[percentile as usize] = Some(value);
            percentiles
        };
        figures.latency_us = set(Percentile::P95, us);
        figures.throughput_mtps = set(Percentile::P50, mtps);
        (0..limited).for_each(|_| figures.counts.add(Source::Live, Outcome::RateLimited));
        figures.recent.rate_limited_1m = Ratio::new(30, 100);
        made.row_of(NOW, &figures)
    };
    let rows = vec![
        with("p", 2_000_001, 19_999, 334),
        with("q", 2_000_000, 1, 333),
    ];
    assert_eq!(
        broken(&config, &View::new(rows, Vec::new())),
        [
            "slow/endpoint/a/b/p/fp8",
            "thin/endpoint/a/b/p/fp8",
            "limited/endpoint/a/b/p/fp8"
        ]
    );
}

#[test]
fn what_an_open_incident_stands_at() {
    let config = resolved("");
    let standing =
        |view: &View, alert: &str| Judge::new(&config, view, NOW).standing(&alert.parse().unwrap());
    let endpoint = "uptime-page/endpoint/a/b/p/fp8";
    let gone = view(NOW, &[]);
    assert!(matches!(standing(&gone, endpoint), Verdict::Clear(why) if why.contains("no longer")));
    let mut partly = view(NOW, &[]);
    partly.is_whole = false;
    assert_eq!(standing(&partly, endpoint), Verdict::Unknown);
    assert_eq!(
        standing(&partly, "uptime-page/provider/p"),
        Verdict::Unknown
    );
    let quiet = Made {
        n: 49,
        ..Made::down("p", "a/b")
    };
    let too_little = standing(&view(NOW, &[quiet]), endpoint);
    assert!(matches!(too_little, Verdict::Clear(why) if why.contains("too little")));
    let mut silent = Made::down("p", "a/b").figures();
    silent.recent.uptime_5m = Ratio::default();
    let rows = vec![Made::well("p", "a/b").row_of(NOW, &silent)];
    let unasked = View::new(rows, Vec::new());
    assert_eq!(
        standing(&unasked, endpoint),
        Verdict::Unknown,
        "nobody asks it"
    );
    let alert = "gone/endpoint/a/b/p/fp8";
    assert!(matches!(standing(&gone, alert), Verdict::Gone(_)));
}

#[test]
fn the_reason_quotes_what_it_rests_on() {
    let made = Made::down("p", "a/b");
    let (config, view) = (resolved(""), view(NOW, &[made]));
    let breaches = Judge::new(&config, &view, NOW).breaches();
    let breach = breaches.first().unwrap();
    assert!(matches!(breach.alert.subject, Subject::Endpoint(_)));
    assert_eq!(
        breach.evidence.reason,
        "uptime is 80.00 % over 30 min (1000 observations) and 0.00 % over 5 min; errors come 20.0 \
         and 100.0 times as fast as the objective allows, the limit is 14.4"
    );
}

#[test]
fn what_is_seen_of_a_part_says_nothing_of_the_fleet() {
    let config = resolved("");
    let fleet = "observer-suspected/fleet".parse().unwrap();
    let standing = |view: &View| Judge::new(&config, view, NOW).standing(&fleet);
    let down = ["p1", "p2", "p3", "p4", "p5"].map(|it| Made::down(it, "a/b"));
    let mut partly = view(NOW, &down);
    assert!(matches!(standing(&partly), Verdict::Breached(_)));
    partly.is_whole = false;
    assert_eq!(standing(&partly), Verdict::Unknown);
    let stale = down.map(|made| Made { age_s: 61, ..made });
    assert_eq!(standing(&view(NOW, &stale)), Verdict::Unknown);
    assert!(matches!(standing(&view(NOW, &[])), Verdict::Clear(_)));
}

#[test]
fn rules_about_some_models_say_nothing_of_the_fleet() {
    let about = "[[rules]]\nname = \"r\"\nkind = \"uptime\"\nseverity = \"page\"\nburn_rate = 2.0\n\
                 window = \"30m\"\nshort_window = \"5m\"\n";
    let observer = "[[rules]]\nname = \"o\"\nkind = \"observer\"\nseverity = \"page\"\n";
    let down = ["p1", "p2", "p3", "p4", "p5"].map(|it| Made::down(it, "a/b"));
    let says = |rules: &str| {
        let told = broken(&resolved(rules), &view(NOW, &down));
        told.contains(&"o/fleet".to_owned())
    };
    assert!(says(&format!("{about}{observer}")));
    assert!(!says(&format!("{about}models = [\"a/b\"]\n{observer}")));
    let ticket = about.replace("page", "ticket");
    assert!(
        !says(&format!("{ticket}{observer}")),
        "and tickets nothing of pages"
    );
}

#[test]
fn a_provider_of_which_part_is_unknown_has_not_recovered() {
    let config = resolved("");
    let alert = "uptime-page/provider/p".parse().unwrap();
    let standing = |made: &[Made]| {
        let view = view(NOW, made);
        Judge::new(&config, &view, NOW).standing(&alert)
    };
    let quiet = |model| Made {
        n: 60,
        ..Made::down("p", model)
    };
    let left = [Made::down("p", "a/1"), quiet("a/2")];
    assert_eq!(
        standing(&left),
        Verdict::Unknown,
        "the last one asked still burns"
    );
    let stale = Made {
        age_s: 61,
        ..Made::down("p", "a/1")
    };
    assert_eq!(standing(&[stale, Made::well("p", "a/2")]), Verdict::Unknown);
    let well = standing(&[Made::well("p", "a/1"), Made::well("p", "a/2")]);
    assert!(matches!(well, Verdict::Clear(_)), "{well:?}");
}

#[test]
fn a_percentile_without_traffic_is_told_by_too_little() {
    let config = resolved(
        "[[rules]]\nname = \"slow\"\nkind = \"latency\"\npercentile = \"p95\"\nabove_ms = 2000.0\n",
    );
    let alert = "slow/endpoint/a/b/p/fp8".parse().unwrap();
    let standing = |n: u64| {
        let made = Made::well("p", "a/b");
        let mut figures = made.figures();
        figures.latency_us.n = n;
        let view = View::new(vec![made.row_of(NOW, &figures)], Vec::new());
        Judge::new(&config, &view, NOW).standing(&alert)
    };
    assert!(matches!(standing(0), Verdict::Clear(why) if why.contains("too little")));
    assert!(matches!(standing(49), Verdict::Clear(_)));
    assert_eq!(standing(60), Verdict::Unknown);
}
