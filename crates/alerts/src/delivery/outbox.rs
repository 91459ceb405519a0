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
    Failed(Pause),
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

    /// What is told next; of several that are due, what happened to the oldest incident.
    pub(super) fn next<'b>(&self, board: &'b [Posted], now: Instant) -> Option<Due<'b>> {
        let owed = board.iter().filter_map(|posted| {
            let event = self.owed(posted).next()?;
            let notice = Notice::of(&posted.incident, event);
            let own = match self.tries.get(&notice) {
                Some(Try::Failed(pause)) => pause.until(),
                _ => None,
            };
            let at = own.max(self.pause.until()).map_or(now, |at| at.max(now));
            Some(Due {
                incident: &posted.incident,
                event,
                at,
            })
        });
        owed.min_by_key(|due| (due.at, due.incident.opened_at))
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
        let known = self.tries.entry(notice);
        let known = known.or_insert_with(|| Try::Failed(Pause::new(wait_max)));
        if let Try::Failed(pause) = known {
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
