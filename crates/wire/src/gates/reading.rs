//! Which log a reader of gates is in.

use sextant_snapshot::gates::GateRecord;

use super::{Entry, LogRecord};

/// How many names a log is read again for.
const TRIED_MAX: usize = 16;

/// What a reader knows of the log's name. Records are taken in their order, from the earliest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    log_id: Option<u64>,
    /// Other names that were met, for which the log was read again.
    tried: Vec<u64>,
}

/// What a record means to its reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// A ruling of this log.
    Ruling(GateRecord),
    /// It only names the log.
    Name,
    /// Its writer believes in another log.
    OtherLog,
    /// Its writer believes in a log that may have been made in place of this one: nothing that was
    /// read stands, and the earliest record is to be read next.
    Anew,
}

impl Reading {
    /// What the log is called, once that has been read.
    pub fn log_id(&self) -> Option<u64> {
        self.log_id
    }

    /// The earliest record is read next.
    pub fn restart(&mut self) {
        self.log_id = None;
    }

    fn may_try(&self, log_id: u64) -> bool {
        self.tried.len() < TRIED_MAX && !self.tried.contains(&log_id)
    }

    /// Takes the next record.
    pub fn take(&mut self, record: LogRecord) -> Taken {
        let LogRecord {
            offset,
            appended_at,
            log_id,
            entry,
        } = record;
        match entry {
            Entry::Name => {
                // The first one counts. That of a log which was made anew was met as another's.
                let name = *self.log_id.get_or_insert(log_id);
                self.tried.retain(|tried| *tried != name);
                Taken::Name
            }
            Entry::Ruling(ruling) if self.log_id == Some(log_id) => Taken::Ruling(GateRecord {
                offset,
                appended_at,
                ruling,
            }),
            // Reading again tells a new log from a writer that is wrong. Once for each name, and so
            // often only: what many names claim is none of theirs.
            Entry::Ruling(_) if self.log_id.is_some() && self.may_try(log_id) => {
                self.tried.push(log_id);
                self.restart();
                Taken::Anew
            }
            Entry::Ruling(_) => Taken::OtherLog,
        }
    }
}

#[cfg(test)]
mod tests {
    use sextant_measure::time::Timestamp;

    use super::super::tests::ruling;
    use super::*;

    fn record(offset: u64, log_id: u64, entry: Entry) -> LogRecord {
        LogRecord {
            offset,
            appended_at: Timestamp::default(),
            log_id,
            entry,
        }
    }

    fn name(offset: u64, log_id: u64) -> LogRecord {
        record(offset, log_id, Entry::Name)
    }

    fn ruled(offset: u64, log_id: u64) -> LogRecord {
        record(offset, log_id, Entry::Ruling(ruling("sum", None)))
    }

    fn is_ruling(taken: &Taken) -> bool {
        matches!(taken, Taken::Ruling(_))
    }

    #[test]
    fn of_two_names_the_first_counts() {
        let mut reading = Reading::default();
        assert_eq!(reading.take(name(0, 7)), Taken::Name);
        assert_eq!(reading.take(name(1, 8)), Taken::Name);
        assert_eq!(reading.log_id(), Some(7));
        assert!(is_ruling(&reading.take(ruled(2, 7))));
    }

    #[test]
    fn a_log_that_was_made_anew_is_read_from_its_start() {
        let mut reading = Reading::default();
        reading.take(name(0, 7));
        reading.take(ruled(1, 7));
        assert_eq!(reading.take(ruled(2, 9)), Taken::Anew);
        assert_eq!(reading.log_id(), None);
        reading.take(name(0, 9));
        assert!(is_ruling(&reading.take(ruled(2, 9))));
        assert_eq!(reading.log_id(), Some(9));
    }

    #[test]
    fn a_writer_that_is_wrong_makes_it_be_read_again_once() {
        let mut reading = Reading::default();
        reading.take(name(0, 7));
        assert_eq!(reading.take(ruled(1, 9)), Taken::Anew);
        for _ in 0..2 {
            reading.take(name(0, 7));
            assert_eq!(reading.take(ruled(1, 9)), Taken::OtherLog);
            assert!(is_ruling(&reading.take(ruled(2, 7))));
        }
    }

    #[test]
    fn writers_that_are_wrong_end_no_reading_however_many_they_are() {
        let mut reading = Reading::default();
        let mut again = 0;
        // Each time from the start: its name, then rulings of forty others, then one of its own.
        let mut records = 0..;
        while records.next().is_some_and(|n| n < 1_000) {
            reading.take(name(0, 7));
            let foreign = (1..=40).map(|n| ruled(n, 100 + n));
            let taken: Vec<_> = foreign.map(|record| reading.take(record)).collect();
            if taken.contains(&Taken::Anew) {
                again += 1;
                reading.restart();
                continue;
            }
            assert!(is_ruling(&reading.take(ruled(41, 7))));
            assert!(again <= TRIED_MAX, "{again}");
            return;
        }
        panic!("it was read again and again");
    }

    #[test]
    fn what_stands_before_every_name_is_of_no_log() {
        assert_eq!(Reading::default().take(ruled(0, 9)), Taken::OtherLog);
    }
}
