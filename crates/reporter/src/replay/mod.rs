//! Observations from a file, moved in time and paced.

pub mod lines;
pub mod schedule;

use std::io::BufRead;

use sextant_measure::time::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::error::ReporterError;
use crate::sender::Sender;
use lines::{BadLine, Lines};
use schedule::Schedule;

/// Most bad lines that are told one by one.
pub const BAD_LINES_MAX: usize = 100;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Survey {
    /// Lines that are observations.
    pub observations: u64,
    /// Lines that are none, apart from blank ones.
    pub bad_lines: u64,
    /// When the earliest of them completed.
    pub first: Option<Timestamp>,
    /// When the latest of them completed.
    pub last: Option<Timestamp>,
}

/// What has been handed to the sender.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Observations handed over.
    pub observations: u64,
    /// Lines left out.
    pub bad_lines: u64,
    /// The first of them.
    pub first_bad_lines: Vec<BadLine>,
}

impl Survey {
    /// Reads through all lines.
    pub fn of(lines: Lines<impl BufRead>) -> Result<Self, ReporterError> {
        let mut survey = Self::default();
        for line in lines {
            match line? {
                Ok(observation) => survey.add(observation.measurement.completed_at),
                Err(_) => survey.bad_lines += 1,
            }
        }
        Ok(survey)
    }

    fn add(&mut self, completed_at: Timestamp) {
        self.observations += 1;
        let (first, last) = (self.first, self.last);
        self.first = Some(first.map_or(completed_at, |at| at.min(completed_at)));
        self.last = last.max(Some(completed_at));
    }
}

/// Hands the observations of all lines to the sender, each at its time, and leaves out lines that
/// are none. The sender's counters tell how far it is; [`Sender::finish`] then waits for the end.
///
/// Lines are read on the calling task, which they hold up as long as the reader does.
pub async fn replay(
    lines: Lines<impl BufRead>,
    schedule: &Schedule,
    sender: &Sender,
) -> Result<Replayed, ReporterError> {
    let began = Instant::now();
    let mut replayed = Replayed::default();
    for line in lines {
        let mut observation = match line? {
            Ok(observation) => observation,
            Err(bad) => {
                replayed.bad_lines += 1;
                if replayed.first_bad_lines.len() < BAD_LINES_MAX {
                    replayed.first_bad_lines.push(bad);
                }
                continue;
            }
        };
        let completed_at = &mut observation.measurement.completed_at;
        if let Some(due) = schedule.due(*completed_at) {
            sleep_until(began + due).await;
        }
        *completed_at = schedule.moved(*completed_at);
        sender.send(observation).await?;
        replayed.observations += 1;
    }
    Ok(replayed)
}
