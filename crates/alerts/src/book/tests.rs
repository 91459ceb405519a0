//! What becomes of what is judged, over time.

use std::collections::BTreeSet;
use std::slice::from_ref;

use sextant_incident::{Delivery, Event};
use sextant_measure::time::Timestamp;

use super::{Book, Outcome, Terms};
use crate::config::Resolved;
use crate::delivery::Audience;
use crate::judge::Judge;
use crate::judge::made::{Made, NOW, resolved, view};
use crate::view::View;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

struct Course {
    config: Resolved,
    book: Book,
    now: Timestamp,
}

impl Course {
    fn new(settings: &str, receivers: &[&str]) -> Self {
        let config = resolved(settings);
        let terms = Terms {
            resolve_after_us: config.resolve_after_us,
            incidents_max: config.incidents_max,
            covers_for_us: 30 * MINUTE,
            audience: receivers
                .iter()
                .fold(Audience::default(), |all, it| all.with(it)),
        };
        Self {
            config,
            book: Book::new(terms),
            now: NOW,
        }
    }

    fn look(&mut self, view: &View) -> Outcome {
        let judge = Judge::new(&self.config, view, self.now);
        self.book.evaluate(&judge, self.now)
    }

    fn see(&mut self, made: &[Made]) -> Outcome {
        self.look(&view(self.now, made))
    }

    fn pass(&mut self, us: i64) {
        self.now = self.now.plus_micros(us);
    }

    /// Sees the same every ten seconds.
    fn see_for(&mut self, us: i64, made: &[Made]) -> Outcome {
        let mut all = Outcome::default();
        for _ in 0..us / (10 * SECOND) {
            self.pass(10 * SECOND);
            let one = self.see(made);
            all.opened += one.opened;
            all.closed += one.closed;
        }
        all
    }

    fn open(&self) -> Vec<String> {
        let open = self.book.open();
        open.map(|held| held.incident.alert.to_string()).collect()
    }

    fn ended(&self) -> Vec<String> {
        let held = self.book.alerts.values().flatten();
        let ended = held.filter(|held| !held.incident.is_open());
        ended
            .map(|held| format!("{}: {}", held.incident.alert, held.incident.closed_because))
            .collect()
    }
}

fn counts(outcome: Outcome) -> (usize, usize) {
    (outcome.opened, outcome.closed)
}

#[test]
fn p8_an_outage_is_one_incident_from_its_first_look_to_five_minutes_after_its_end() {
    let mut course = Course::new("", &[]);
    let (down, well) = (Made::down("p", "a/b"), Made::well("p", "a/b"));
    assert_eq!(counts(course.see(from_ref(&down))), (1, 0));
    assert_eq!(counts(course.see_for(MINUTE, &[down])), (0, 0));
    assert_eq!(course.open(), ["uptime-page/endpoint/a/b/p/fp8"]);
    // It is clear from the first of these looks on.
    assert_eq!(counts(course.see_for(5 * MINUTE, from_ref(&well))), (0, 0));
    assert_eq!(counts(course.see_for(10 * SECOND, &[well])), (0, 1));
    assert_eq!(
        course.ended(),
        ["uptime-page/endpoint/a/b/p/fp8: it has recovered"]
    );
}

#[test]
fn p8_a_flap_is_one_incident() {
    let mut course = Course::new("", &[]);
    let (down, well) = (Made::down("p", "a/b"), Made::well("p", "a/b"));
    course.see(from_ref(&down));
    for _ in 0..10 {
        assert_eq!(counts(course.see_for(4 * MINUTE, from_ref(&well))), (0, 0));
        assert_eq!(counts(course.see_for(MINUTE, from_ref(&down))), (0, 0));
    }
    assert_eq!(course.open().len(), 1);
}

#[test]
fn what_nobody_can_tell_neither_opens_nor_closes() {
    let mut course = Course::new("", &[]);
    let stale = |made: Made| Made { age_s: 120, ..made };
    course.see(&[Made::down("p", "a/b")]);
    course.see_for(4 * MINUTE, &[Made::well("p", "a/b")]);
    assert_eq!(
        counts(course.see_for(60 * MINUTE, &[stale(Made::well("p", "a/b"))])),
        (0, 0)
    );
    assert_eq!(course.open().len(), 1, "what was clear begins anew");
    assert_eq!(
        counts(course.see_for(5 * MINUTE, &[Made::well("p", "a/b")])),
        (0, 0)
    );
    assert_eq!(
        counts(course.see_for(10 * SECOND, &[Made::well("p", "a/b")])),
        (0, 1)
    );
}

#[test]
fn a_ticket_grows_into_a_page_and_does_not_come_back_for_the_same_errors() {
    let mut course = Course::new("", &[]);
    let slow = Made {
        bad_5m: 70,
        bad_30m: 70,
        bad_6h: 70,
        ..Made::well("p", "a/b")
    };
    let fast = Made {
        bad_6h: 70,
        ..Made::down("p", "a/b")
    };
    course.see(from_ref(&slow));
    assert_eq!(course.open(), ["uptime-ticket/endpoint/a/b/p/fp8"]);
    let grown = course.see_for(10 * SECOND, &[fast]);
    assert_eq!(counts(grown), (1, 1));
    assert_eq!(course.open(), ["uptime-page/endpoint/a/b/p/fp8"]);
    assert_eq!(
        course.ended(),
        ["uptime-ticket/endpoint/a/b/p/fp8: it grew into uptime-page/endpoint/a/b/p/fp8"]
    );
    // The last 30 minutes still hold the outage's errors, the last five do not.
    let after = Made { bad_5m: 0, ..slow };
    let ended = course.see_for(30 * MINUTE, from_ref(&after));
    assert_eq!(counts(ended), (0, 1));
    let new_errors = course.see_for(10 * SECOND, &[after]);
    assert_eq!(counts(new_errors), (1, 0), "these came since");
}

#[test]
fn a_provider_stands_for_its_endpoints_and_the_observer_for_all() {
    let mut course = Course::new("", &[]);
    let fleet = |down: usize| {
        let providers = ["p1", "p2", "p3", "p4", "p5"].into_iter().enumerate();
        let made = providers.flat_map(|(i, provider)| {
            let made = if i < down { Made::down } else { Made::well };
            ["a/1", "a/2", "a/3"].map(|model| made(provider, model))
        });
        made.collect::<Vec<_>>()
    };
    let outcome = course.see(&fleet(2));
    assert_eq!((outcome.opened, outcome.covered), (2, 6));
    assert_eq!(
        course.open(),
        ["uptime-page/provider/p1", "uptime-page/provider/p2"]
    );
    let outcome = course.see_for(10 * SECOND, &fleet(5));
    assert_eq!(counts(outcome), (1, 2));
    assert_eq!(course.open(), ["observer-suspected/fleet"]);
    // What is left when the observer has recovered is a provider's own.
    let outcome = course.see_for(5 * MINUTE + 20 * SECOND, &fleet(1));
    assert_eq!(outcome.closed, 1);
    assert_eq!(course.open(), ["uptime-page/provider/p1"]);
}

#[test]
fn the_worst_that_was_seen_is_kept() {
    let mut course = Course::new("", &[]);
    let at = |bad_5m| Made {
        bad_5m,
        ..Made::down("p", "a/b")
    };
    for bad in [300, 900, 400] {
        course.see_for(10 * SECOND, &[at(bad)]);
    }
    let worst = course.book.open().next().unwrap().incident.worst.unwrap();
    assert_eq!(worst.to_string(), "10.00 %");
}

#[test]
fn an_ended_incident_stays_until_everyone_has_heard_of_it() {
    let mut course = Course::new("resolve_after_s = 0", &["hook", "store"]);
    course.see(&[Made::down("p", "a/b")]);
    let opened_at = course.now;
    let alert = course.book.open().next().unwrap().incident.alert.clone();
    let say = |book: &mut Book, receiver: &str, event| {
        let receiver = receiver.to_owned();
        book.heard(&alert, opened_at, Delivery { receiver, event });
    };
    for receiver in ["hook", "store"] {
        say(&mut course.book, receiver, Event::Opened);
    }
    assert_eq!(course.book.board(course.now).len(), 1, "open ones stay");
    course.see_for(10 * SECOND, &[Made::well("p", "a/b")]);
    say(&mut course.book, "hook", Event::Closed);
    course.see_for(60 * MINUTE, &[Made::well("p", "a/b")]);
    assert_eq!(course.book.board(course.now).len(), 1, "the store has not");
    course.book.take_changed();
    say(&mut course.book, "store", Event::Closed);
    course.see_for(10 * SECOND, &[Made::well("p", "a/b")]);
    assert!(course.book.board(course.now).is_empty());
    assert_eq!(course.book.take_changed(), BTreeSet::from([alert.clone()]));
    assert!(course.book.held(&alert).is_empty(), "a tombstone");
}

#[test]
fn a_day_is_long_enough_to_wait_for_someone() {
    let mut course = Course::new("resolve_after_s = 0", &["hook"]);
    course.see(&[Made::down("p", "a/b")]);
    course.see_for(10 * SECOND, &[Made::well("p", "a/b")]);
    course.pass(24 * 60 * MINUTE);
    course.see(&[Made::well("p", "a/b")]);
    assert_eq!(course.ended().len(), 1);
    course.pass(60 * MINUTE);
    course.see(&[Made::well("p", "a/b")]);
    assert!(course.ended().is_empty());
}

#[test]
fn incidents_are_bounded_and_the_widest_come_first() {
    let mut course = Course::new("incidents_max = 1", &[]);
    let made = [
        Made::down("p", "a/1"),
        Made::down("q", "a/1"),
        Made::down("q", "a/2"),
    ];
    let outcome = course.see(&made);
    assert_eq!(
        (outcome.opened, outcome.covered, outcome.refused),
        (1, 2, 1)
    );
    assert_eq!(course.open(), ["uptime-page/provider/q"]);
}

#[test]
fn rules_of_one_severity_stand_beside_each_other() {
    let rule = |name| {
        format!(
            "[[rules]]\nname = \"{name}\"\nkind = \"uptime\"\nseverity = \"page\"\n\
             burn_rate = 2.0\nwindow = \"30m\"\nshort_window = \"5m\"\n"
        )
    };
    let mut course = Course::new(&(rule("one") + &rule("two")), &[]);
    course.see(&[Made::down("p", "a/b")]);
    course.see_for(10 * SECOND, &[Made::down("p", "a/b")]);
    assert_eq!(
        course.open(),
        ["one/endpoint/a/b/p/fp8", "two/endpoint/a/b/p/fp8"]
    );
}

#[test]
fn a_rule_that_is_gone_ends_its_incidents() {
    let mut course = Course::new("", &[]);
    course.see(&[Made::down("p", "a/b")]);
    course.config = resolved("rules = []");
    course.see_for(10 * SECOND, &[Made::down("p", "a/b")]);
    assert_eq!(
        course.ended(),
        ["uptime-page/endpoint/a/b/p/fp8: there is no such rule any more"]
    );
}

#[test]
fn an_observer_that_is_a_ticket_silences_no_page() {
    let rules = "[[rules]]\nname = \"r\"\nkind = \"uptime\"\nseverity = \"page\"\nburn_rate = 2.0\n\
                 window = \"30m\"\nshort_window = \"5m\"\n\
                 [[rules]]\nname = \"o\"\nkind = \"observer\"\n";
    let mut course = Course::new(rules, &[]);
    let down = ["p1", "p2", "p3", "p4", "p5"].map(|it| Made::down(it, "a/b"));
    course.see(&down);
    course.see_for(10 * SECOND, &down);
    assert_eq!(course.open().len(), 6, "{:?}", course.open());
}

#[test]
fn a_clock_that_is_set_back_silences_nobody_and_holds_nothing_open() {
    let mut course = Course::new("", &[]);
    let (down, well) = (Made::down("p", "a/b"), Made::well("p", "a/b"));
    course.see(from_ref(&down));
    course.see_for(10 * SECOND, from_ref(&well));
    course.pass(-60 * MINUTE);
    assert_eq!(counts(course.see_for(5 * MINUTE, from_ref(&well))), (0, 0));
    assert_eq!(counts(course.see_for(10 * SECOND, from_ref(&well))), (0, 1));
    course.pass(-60 * MINUTE);
    let slow = Made {
        bad_5m: 70,
        bad_30m: 70,
        bad_6h: 70,
        ..well
    };
    assert_eq!(counts(course.see_for(10 * SECOND, from_ref(&slow))), (1, 0));
}

#[test]
fn tickets_take_no_room_from_pages() {
    let mut course = Course::new("incidents_max = 1", &[]);
    let slow = |provider| Made {
        bad_5m: 70,
        bad_30m: 70,
        bad_6h: 70,
        ..Made::well(provider, "a/b")
    };
    course.see(&[slow("p"), slow("q")]);
    let outcome = course.see(&[slow("p"), slow("q"), Made::down("r", "a/b")]);
    assert_eq!((outcome.opened, outcome.refused), (1, 1));
    assert_eq!(course.open().len(), 2);
}
