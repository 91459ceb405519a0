//! What one receiver has yet to hear of, and when it is told next. Values only: the board, the time
//! and how tries ended come in as arguments.
//!
//! A receiver is told one thing at a time, an incident's opening before its closing. Whoever fails is
//! left alone for a while, and so is the notice that it failed at: one that a receiver chokes on holds
//! up no other.

use std::collections::BTreeMap;
use std::time::Duration;

use sextant_incident::{AlertKey, Incident, Kind, Severity};
use sextant_measure::time::Timestamp;
use tokio::time::Instant;

use super::pause::Pause;
use super::{Delivery, Event, Posted};

/// Of which incidents a receiver is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// All, if there is none.
    pub(super) severities: Vec<Severity>,
    /// All, if there is none.
    pub(super) kinds: Vec<Kind>,
}

/// What one receiver has yet to hear of.
#[derive(Debug)]
pub(super) struct Outbox {
    receiver: String,
    filter: Filter,
    give_up_after_us: i64,
    wait_max: Duration,
    /// Of notices on the board that were tried.
    tries: BTreeMap<Notice, Try>,
    pause: Pause,
}

/// An event of an incident.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Notice {
    pub(super) alert: AlertKey,
    pub(super) opened_at: Timestamp,
    pub(super) event: Event,
}

/// What is to be told next.
#[derive(Debug)]
pub(super) struct Due<'b> {
    pub(super) incident: &'b Incident,
    pub(super) event: Event,
    /// Not before this moment.
    pub(super) at: Instant,
}

#[derive(Debug)]
enum Try {
    Failed {
        times: u32,
        pause: Pause,
    },
    /// Delivered or given up; the board needn't know yet.
    Over,
}

impl Filter {
    pub(super) fn wants(&self, incident: &Incident) -> bool {
        let is_in_severities = self.severities.contains(&incident.severity);
        let is_in_kinds = self.kinds.contains(&incident.kind);
        (self.severities.is_empty() || is_in_severities) && (self.kinds.is_empty() || is_in_kinds)
    }
}

impl Notice {
    pub(super) fn of(incident: &Incident, event: Event) -> Self {
        Self {
            alert: incident.alert.clone(),
            opened_at: incident.opened_at,
            event,
        }
    }
}

impl Outbox {
    /// Tries are `wait_max` apart at most, unless the receiver asks for more.
    pub(super) fn new(
        receiver: &str,
        filter: Filter,
        give_up_after: Duration,
        wait_max: Duration,
    ) -> Self {
        let micros = i64::try_from(give_up_after.as_micros());
        Self {
            receiver: receiver.to_owned(),
            filter,
            give_up_after_us: micros.unwrap_or(i64::MAX),
            wait_max,
            tries: BTreeMap::new(),
            pause: Pause::new(wait_max),
        }
    }

    /// Forgets what is no longer on the board.
    pub(super) fn tidy(&mut self, board: &[Posted]) {
        if self.tries.is_empty() {
            return;
        }
        let on_board: std::collections::BTreeSet<_> = board
            .iter()
            .map(|it| (&it.incident.alert, it.incident.opened_at))
            .collect();
        self.tries
            .retain(|notice, _| on_board.contains(&(&notice.alert, notice.opened_at)));
    }

    /// What is told next: of several that are due, what failed least often, and then what happened
    /// to the oldest incident.
    pub(super) fn next<'b>(&self, board: &'b [Posted], now: Instant) -> Option<Due<'b>> {
        let owed = board.iter().filter_map(|posted| {
            let incident = &posted.incident;
            let event = self.owed(posted).next()?;
            let (times, own) = match self.tries.get(&Notice::of(incident, event)) {
                Some(Try::Failed { times, pause }) => (*times, pause.until()),
                _ => (0, None),
            };
            let at = own.max(self.pause.until()).map_or(now, |at| at.max(now));
            let due = Due {
                incident,
                event,
                at,
            };
            Some((times, due))
        });
        let next = owed.min_by_key(|(times, due)| (due.at, *times, due.incident.opened_at));
        next.map(|(_, due)| due)
    }

    /// How many notices are yet to be told.
    pub(super) fn pending(&self, board: &[Posted]) -> usize {
        board.iter().map(|posted| self.owed(posted).count()).sum()
    }

    /// Whether it happened so long ago that nobody is told any more.
    pub(super) fn is_too_old(&self, due: &Due<'_>, now: Timestamp) -> bool {
        let incident = due.incident;
        let happened_at = match due.event {
            Event::Opened => incident.opened_at,
            Event::Closed => incident.closed_at.unwrap_or(incident.opened_at),
        };
        now.micros_since(happened_at) >= self.give_up_after_us
    }

    /// Whether the receiver failed when it was last asked.
    pub(super) const fn is_failing(&self) -> bool {
        self.pause.until().is_some()
    }

    /// The receiver has heard of it.
    pub(super) fn delivered(&mut self, notice: Notice) {
        self.pause.end();
        self.tries.insert(notice, Try::Over);
    }

    /// The receiver will not hear of it.
    pub(super) fn given_up(&mut self, notice: Notice) {
        self.tries.insert(notice, Try::Over);
    }

    /// The receiver may hear of it later.
    pub(super) fn failed(&mut self, notice: Notice, now: Instant, retry_after: Option<Duration>) {
        self.pause.begin(now, retry_after);
        let wait_max = self.wait_max;
        let known = self.tries.entry(notice).or_insert_with(|| Try::Failed {
            times: 0,
            pause: Pause::new(wait_max),
        });
        if let Try::Failed { times, pause } = known {
            *times = times.saturating_add(1);
            pause.begin(now, None);
        }
    }

    /// What it is to hear of an incident, in this order.
    fn owed<'s>(&'s self, posted: &'s Posted) -> impl Iterator<Item = Event> + 's {
        let happened: &[Event] = match posted.incident.closed_at {
            None => &[Event::Opened],
            Some(_) => &Event::ALL,
        };
        // One that it knows to be over need not be opened any more.
        let is_finished =
            !self.filter.wants(&posted.incident) || self.is_over(posted, Event::Closed);
        let wanted = happened.iter().copied().filter(move |_| !is_finished);
        wanted.filter(move |event| !self.is_over(posted, *event))
    }

    fn is_over(&self, posted: &Posted, event: Event) -> bool {
        let is_this = |it: &Delivery| it.receiver == self.receiver && it.event == event;
        let notice = Notice::of(&posted.incident, event);
        posted.delivered.iter().any(is_this) || matches!(self.tries.get(&notice), Some(Try::Over))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT_MAX: Duration = Duration::from_mins(5);

    fn posted(rule: &str, opened_at: i64, closed_at: Option<i64>) -> Posted {
        let incident = Incident {
            alert: format!("{rule}/fleet").parse().unwrap(),
            kind: Kind::Observer,
            severity: Severity::Page,
            opened_at: Timestamp::from_micros(opened_at),
            closed_at: closed_at.map(Timestamp::from_micros),
            worst: None,
            reason: String::new(),
            closed_because: String::new(),
        };
        Posted {
            incident,
            delivered: std::collections::BTreeSet::new(),
        }
    }

    fn outbox() -> Outbox {
        Outbox::new("r", Filter::default(), Duration::from_mins(1), WAIT_MAX)
    }

    fn due(outbox: &Outbox, board: &[Posted], now: Instant) -> Option<(String, Event, Duration)> {
        let due = outbox.next(board, now)?;
        Some((due.incident.alert.rule.to_string(), due.event, due.at - now))
    }

    fn notice(rule: &str, opened_at: i64, event: Event) -> Notice {
        Notice::of(&posted(rule, opened_at, None).incident, event)
    }

    #[test]
    fn the_oldest_incident_comes_first_and_its_opening_before_its_closing() {
        let (mut outbox, now) = (outbox(), Instant::now());
        let board = [posted("b", 2, None), posted("a", 1, Some(3))];
        let at_once = |rule: &str, event| Some((rule.to_owned(), event, Duration::ZERO));
        assert_eq!(outbox.pending(&board), 3);
        for (rule, opened_at, event) in [
            ("a", 1, Event::Opened),
            ("a", 1, Event::Closed),
            ("b", 2, Event::Opened),
        ] {
            assert_eq!(due(&outbox, &board, now), at_once(rule, event));
            outbox.delivered(notice(rule, opened_at, event));
        }
        assert_eq!(due(&outbox, &board, now), None);
        assert_eq!(outbox.pending(&board), 0);
    }

    #[test]
    fn one_that_it_chokes_on_holds_up_no_other() {
        let (mut outbox, mut now) = (outbox(), Instant::now());
        let board = [posted("poison", 1, None), posted("other", 2, None)];
        for _ in 0..6 {
            outbox.failed(notice("poison", 1, Event::Opened), now, None);
            now += Duration::from_secs(1);
        }
        // The receiver is left alone, and then asked about what it did not fail at as often.
        let (rule, _, wait) = due(&outbox, &board, now).unwrap();
        assert!(rule == "other" && wait > Duration::ZERO, "{rule} {wait:?}");
        outbox.delivered(notice("other", 2, Event::Opened));
        assert!(!outbox.is_failing());
        let (rule, _, wait) = due(&outbox, &board, now).unwrap();
        assert!(
            rule == "poison" && wait > Duration::from_secs(8),
            "{rule} {wait:?}"
        );
    }

    #[test]
    fn what_another_process_delivered_is_not_told_again() {
        let (outbox, now) = (outbox(), Instant::now());
        let mut over = posted("a", 1, Some(3));
        let delivered = |receiver: &str, event| Delivery {
            receiver: receiver.to_owned(),
            event,
        };
        over.delivered.insert(delivered("another", Event::Opened));
        over.delivered.insert(delivered("r", Event::Closed));
        assert_eq!(due(&outbox, &[over.clone()], now), None);
        over.delivered.remove(&delivered("r", Event::Closed));
        over.delivered.insert(delivered("r", Event::Opened));
        let told = Some(("a".to_owned(), Event::Closed, Duration::ZERO));
        assert_eq!(due(&outbox, &[over], now), told);
    }

    #[test]
    fn the_time_to_give_up_counts_from_the_event() {
        let outbox = outbox();
        let board = [posted("a", 0, Some(30_000_000))];
        let is_too_old = |event, second: i64| {
            let incident = &board[0].incident;
            let at = Instant::now();
            let due = Due {
                incident,
                event,
                at,
            };
            outbox.is_too_old(&due, Timestamp::from_micros(second * 1_000_000))
        };
        assert!(!is_too_old(Event::Opened, 59) && is_too_old(Event::Opened, 60));
        assert!(!is_too_old(Event::Closed, 89) && is_too_old(Event::Closed, 90));
    }

    #[test]
    fn what_is_off_the_board_is_forgotten() {
        let mut outbox = outbox();
        let board = [posted("a", 1, None)];
        outbox.delivered(notice("a", 1, Event::Opened));
        outbox.delivered(notice("a", 0, Event::Opened));
        outbox.tidy(&board);
        assert_eq!(outbox.tries.len(), 1);
        outbox.tidy(&[]);
        assert_eq!(outbox.tries.len(), 0);
    }
}
