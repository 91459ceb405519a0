//! Which minutes the store has not got yet, and how far the log may be committed.

use std::collections::BTreeMap;

use sextant_eventlog::{Offset, Position};
use sextant_measure::time::{Minute, Timestamp};

/// How long after its end a minute is first written.
const FIRST_WRITE_US: i64 = 10_000_000;
/// How long after it was written a minute may be written again.
const REWRITE_US: i64 = 60_000_000;

/// Minutes with observations that the store lacks.
#[derive(Debug, Default)]
pub(crate) struct Unstored {
    minutes: BTreeMap<Minute, State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// The first record that changed the minute since it was last handed to the store.
    since: Option<Position>,
    /// The same, of what is on its way to the store.
    on_its_way: Option<Position>,
    written_at: Option<Timestamp>,
}

impl Unstored {
    /// Notes that a record changed a minute.
    pub(crate) fn note(&mut self, minute: Minute, record: Position) {
        let state = self.minutes.entry(minute).or_insert(State {
            since: None,
            on_its_way: None,
            written_at: None,
        });
        state.since.get_or_insert(record);
    }

    /// Minutes to write now.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<Minute> {
        let due = |(minute, state): (&Minute, &State)| {
            let at = match state.written_at {
                None => minute.end().plus_micros(FIRST_WRITE_US),
                Some(written_at) => written_at.plus_micros(REWRITE_US),
            };
            (state.since.is_some() && at <= now).then_some(*minute)
        };
        self.minutes.iter().filter_map(due).collect()
    }

    /// Every minute that the store lacks something of.
    pub(crate) fn all(&self) -> Vec<Minute> {
        let lacking = |(minute, state): (&Minute, &State)| state.since.is_some().then_some(*minute);
        self.minutes.iter().filter_map(lacking).collect()
    }

    /// The oldest minute that the store lacks something of and that is not on its way.
    pub(crate) fn oldest(&self) -> Option<Minute> {
        let mut lacking = self
            .minutes
            .iter()
            .filter(|(_, state)| state.since.is_some());
        lacking.next().map(|(minute, _)| *minute)
    }

    /// The minutes are on their way to the store.
    pub(crate) fn handed_over(&mut self, minutes: &[Minute], now: Timestamp) {
        for minute in minutes {
            if let Some(state) = self.minutes.get_mut(minute) {
                state.on_its_way = state.since.take();
                state.written_at = Some(now);
            }
        }
    }

    /// What was on its way has arrived. Minutes before `closed` that lack nothing are let go.
    pub(crate) fn stored(&mut self, closed: Minute) {
        for state in self.minutes.values_mut() {
            state.on_its_way = None;
        }
        self.minutes
            .retain(|minute, state| state.since.is_some() || *minute >= closed);
    }

    /// Where the log may be committed: everything before it is in the store.
    pub(crate) fn committable(&self, read: Position) -> Position {
        let lacking = self
            .minutes
            .values()
            .flat_map(|state| [state.since, state.on_its_way]);
        lacking
            .flatten()
            .min_by_key(|position| position.offset)
            .unwrap_or(read)
    }
}

/// The position of a record.
pub(crate) fn position(offset: Offset, appended_at: Timestamp) -> Position {
    Position {
        offset,
        time_us: appended_at.as_micros(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64) -> Position {
        position(Offset(offset), Timestamp::default())
    }

    fn minute(index: u32) -> Minute {
        Minute::from_index(index)
    }

    #[test]
    fn a_minute_is_due_ten_seconds_after_its_end_and_again_a_minute_later() {
        let mut unstored = Unstored::default();
        unstored.note(minute(5), at(1));
        let first = minute(5).end().plus_micros(FIRST_WRITE_US);
        assert!(unstored.due(first.plus_micros(-1)).is_empty());
        assert_eq!(unstored.due(first), [minute(5)]);
        unstored.handed_over(&[minute(5)], first);
        unstored.stored(minute(0));
        unstored.note(minute(5), at(9));
        assert!(unstored.due(first.plus_micros(REWRITE_US - 1)).is_empty());
        assert_eq!(unstored.due(first.plus_micros(REWRITE_US)), [minute(5)]);
    }

    #[test]
    fn the_log_is_committed_up_to_the_first_record_the_store_lacks() {
        let mut unstored = Unstored::default();
        assert_eq!(unstored.committable(at(9)), at(9));
        unstored.note(minute(5), at(3));
        unstored.note(minute(5), at(7));
        unstored.note(minute(6), at(4));
        assert_eq!(unstored.committable(at(9)), at(3));
        unstored.handed_over(&[minute(5)], minute(6).start());
        assert_eq!(
            unstored.committable(at(9)),
            at(3),
            "on its way is not stored"
        );
        unstored.note(minute(5), at(8));
        unstored.stored(minute(0));
        assert_eq!(unstored.committable(at(9)), at(4));
        unstored.handed_over(&[minute(6)], minute(7).start());
        unstored.stored(minute(0));
        assert_eq!(
            unstored.committable(at(9)),
            at(8),
            "what came meanwhile is still lacking"
        );
        assert_eq!(unstored.oldest(), Some(minute(5)));
    }
}
