//! How far a partition has been read, and from which earlier positions a watcher may go on.
//!
//! A position is one past the last record that may have changed what is handed out. Records that
//! say nothing to a watcher leave it where it is, so that a version stands for as long as what it
//! stands for. Where offsets are missing, a removal may have been among them: compaction deletes
//! tombstones in the end. So the record after such a gap moves the position, whatever it says, and
//! so does the end of the log after one.
//!
//! Removals are remembered for an hour and a log keeps its tombstones for as long, so a watcher may
//! go on from a position of the last half hour. When a position was reached follows from marks: *at
//! this time the log had reached this position*. A watcher whose position isn't below a young
//! mark's has missed nothing that the mark's time doesn't cover, no matter how long ago it was
//! there.
//!
//! Marks come from append times, so that a reader that has only just started knows some, and from
//! the reader's saying that it has reached the end, so that an idle log has some.

use std::collections::VecDeque;

use sextant_measure::time::Timestamp;

/// The oldest position from which a watcher may go on.
pub(crate) const RESUME_US_MAX: i64 = 30 * 60 * 1_000_000;

/// How far apart marks are.
const MARK_US: i64 = 10_000_000;

/// Enough for the last half hour, and one for each end of it.
const MARKS_MAX: usize = 182;

#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Timestamp,
    position: u64,
}

/// Whether a record may change what is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A watcher has to be told.
    Shown,
    /// It says nothing to a watcher.
    Unshown,
}

/// How far a partition has been read. It never goes back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cursor {
    next: u64,
    position: u64,
    reached_at: Option<Timestamp>,
    /// In ascending order of time and position.
    marks: VecDeque<Mark>,
}

impl Cursor {
    /// The offset to be read next.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// What whoever has everything up to here has reached.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The time of which it is known that nothing from before is left to be read.
    pub(crate) fn reached_at(&self) -> Option<Timestamp> {
        self.reached_at
    }

    /// Whether the record at this offset has been read.
    pub(crate) fn has_read(&self, offset: u64) -> bool {
        offset < self.next
    }

    /// The record at this offset, which the log took at this time, has been read.
    pub(crate) fn advance(&mut self, offset: u64, appended_at: Timestamp, effect: Effect) {
        let follows = offset == self.next;
        self.next = offset.saturating_add(1);
        if effect == Effect::Shown || !follows {
            self.position = self.next;
        }
        self.mark(appended_at);
    }

    /// There was nothing more to read at this time, and `next` is the offset of the next record.
    /// Whether the position has moved.
    pub(crate) fn reached_end(&mut self, next: u64, now: Timestamp) -> bool {
        let hides = next > self.next;
        if hides {
            (self.next, self.position) = (next, next);
        }
        self.mark(now);
        hides
    }

    /// Whether a watcher that has everything below this position may go on from it.
    pub(crate) fn resumes_from(&self, position: u64, now: Timestamp) -> bool {
        if position >= self.position {
            return true;
        }
        let oldest = now.plus_micros(-RESUME_US_MAX);
        let young = self.marks.partition_point(|mark| mark.at < oldest);
        self.marks
            .get(young)
            .is_some_and(|mark| mark.position <= position)
    }

    fn mark(&mut self, at: Timestamp) {
        self.reached_at = Some(at);
        // The log stood here at this time, so a mark that claims to be later yet stands before it
        // is of a clock that ran ahead.
        while self.marks.back().is_some_and(|last| last.at > at) {
            self.marks.pop_back();
        }
        let due = |last: &Mark| at.micros_since(last.at) >= MARK_US;
        if self.marks.back().is_none_or(due) {
            self.marks.push_back(Mark {
                at,
                position: self.position,
            });
        }
        if self.marks.len() > MARKS_MAX {
            self.marks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    impl Cursor {
        fn show(&mut self, offset: u64, appended_at: Timestamp) {
            self.advance(offset, appended_at, Effect::Shown);
        }

        fn pass(&mut self, offset: u64, appended_at: Timestamp) {
            self.advance(offset, appended_at, Effect::Unshown);
        }
    }

    #[test]
    fn the_present_position_is_never_too_old() {
        let mut cursor = Cursor::default();
        assert!(cursor.resumes_from(0, at(0)));
        cursor.show(5, at(0));
        assert!(cursor.resumes_from(6, at(1_000_000)));
        assert!(cursor.resumes_from(7, at(1_000_000)));
        assert!(!cursor.resumes_from(5, at(1_000_000)));
    }

    #[test]
    fn what_says_nothing_to_a_watcher_leaves_the_position_for_as_long_as_it_goes_on() {
        let mut cursor = Cursor::default();
        cursor.show(0, at(0));
        for second in 1..7_200_u32 {
            cursor.pass(u64::from(second), at(i64::from(second)));
        }
        assert_eq!((cursor.position(), cursor.next()), (1, 7_200));
        cursor.show(7_200, at(7_200));
        assert_eq!(cursor.position(), 7_201);
        assert!(cursor.resumes_from(1, at(7_200)), "it had all there was");
        assert!(!cursor.resumes_from(0, at(7_200)));
    }

    #[test]
    fn a_gap_may_hide_a_removal_whatever_comes_after_it() {
        let mut cursor = Cursor::default();
        cursor.show(0, at(0));
        cursor.pass(1, at(1));
        assert_eq!(cursor.position(), 1);
        // Of a removal between, the tombstone is gone by now.
        cursor.pass(1_000, at(120 * MINUTE));
        assert_eq!(cursor.position(), 1_001);
        assert!(!cursor.resumes_from(1, at(120 * MINUTE)));
    }

    #[test]
    fn positions_of_the_last_half_hour_can_be_resumed() {
        let mut cursor = Cursor::default();
        for second in 0..7_200_u32 {
            cursor.show(u64::from(second), at(i64::from(second)));
        }
        let now = at(7_200);
        let oldest = 7_200 - 30 * 60;
        assert!(cursor.resumes_from(oldest + 10, now));
        assert!(!cursor.resumes_from(oldest - 10, now));
        assert!(!cursor.resumes_from(0, now));
    }

    #[test]
    fn a_reader_that_has_just_started_resumes_what_it_can_prove() {
        let mut cursor = Cursor::default();
        // What compaction has left: a row of long ago, then those of the last minute.
        cursor.show(3, at(0));
        cursor.show(1_000, at(120 * MINUTE));
        cursor.show(1_060, at(121 * MINUTE));
        cursor.show(1_061, at(121 * MINUTE + 1));
        let now = at(121 * MINUTE + 2);
        // Between 4 and 1,000 there may have been tombstones, gone by now.
        assert!(!cursor.resumes_from(4, now));
        assert!(!cursor.resumes_from(1_000, now));
        assert!(cursor.resumes_from(1_001, now));
    }

    #[test]
    fn a_gap_at_the_end_may_hide_a_removal_too() {
        let mut cursor = Cursor::default();
        cursor.show(0, at(0));
        assert!(cursor.reached_end(2, at(120 * MINUTE)));
        assert_eq!((cursor.position(), cursor.next()), (2, 2));
        assert!(!cursor.resumes_from(1, at(120 * MINUTE)));
        assert!(!cursor.reached_end(2, at(121 * MINUTE)));
    }

    #[test]
    fn an_idle_log_is_resumed_if_its_end_was_seen() {
        let mut cursor = Cursor::default();
        cursor.show(0, at(0));
        let mut seen = cursor.clone();
        assert!(!seen.reached_end(1, at(100 * MINUTE)));
        for cursor in [&mut cursor, &mut seen] {
            cursor.show(1, at(100 * MINUTE + 1));
        }
        let now = at(100 * MINUTE + 2);
        assert!(!cursor.resumes_from(1, now));
        assert!(seen.resumes_from(1, now));
    }

    #[test]
    fn a_time_from_the_future_makes_nothing_look_younger() {
        let mut cursor = Cursor::default();
        cursor.show(0, at(10_000 * MINUTE));
        cursor.show(1, at(1));
        cursor.show(2, at(100 * MINUTE));
        assert!(!cursor.resumes_from(1, at(100 * MINUTE)));
    }

    #[test]
    fn marks_are_bounded() {
        let mut cursor = Cursor::default();
        for offset in 0..10_000_u32 {
            cursor.show(u64::from(offset), at(i64::from(offset) * 10));
        }
        assert_eq!(cursor.marks.len(), MARKS_MAX);
        assert!(cursor.resumes_from(9_999 - 30 * 6 + 1, at(99_990)));
    }
}
