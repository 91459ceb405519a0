//! How far this clock is behind the collector's, learnt as NTP does (RFC 5905, sections 8 and 10):
//! from the four timestamps of an exchange, trusting the quickest of the last eight.

use std::collections::VecDeque;

use sextant_measure::time::Timestamp;

const SAMPLES_MAX: usize = 8;

/// The four timestamps of an exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    /// Sent, by this clock.
    pub(crate) asked: Timestamp,
    /// Received, by the other clock.
    pub(crate) received: Timestamp,
    /// Answered, by the other clock.
    pub(crate) answered: Timestamp,
    /// Heard, by this clock.
    pub(crate) heard: Timestamp,
}

/// What to add to this clock.
#[derive(Debug, Default)]
pub(crate) struct ClockOffset {
    samples: VecDeque<Sample>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    offset_us: i64,
    delay_us: i64,
}

impl ClockOffset {
    /// Learns from an exchange. One that cannot have happened teaches nothing.
    pub(crate) fn learn(&mut self, exchange: Exchange) {
        let there = exchange.received.micros_since(exchange.asked);
        let back = exchange.answered.micros_since(exchange.heard);
        let trip = exchange.heard.micros_since(exchange.asked);
        let busy = exchange.answered.micros_since(exchange.received);
        let delay_us = trip.saturating_sub(busy);
        if trip < 0 || busy < 0 || delay_us < 0 {
            return;
        }
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        // Halved before they are added, so that no clock can make it overflow.
        let offset_us = there / 2 + back / 2;
        self.samples.push_back(Sample {
            offset_us,
            delay_us,
        });
    }

    /// What to add to this clock, in microseconds.
    ///
    /// The true offset lies within half the delay around the measured one. Where that reaches
    /// zero, nothing tells the clocks apart, and this one is left as it is.
    pub(crate) fn micros(&self) -> i64 {
        let quickest = self.samples.iter().min_by_key(|sample| sample.delay_us);
        quickest.map_or(0, |sample| {
            let error_us = sample.delay_us.unsigned_abs() / 2;
            if sample.offset_us.unsigned_abs() <= error_us + 1 {
                0
            } else {
                sample.offset_us
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_behind_learns_by_how_much() {
        let mut offset = ClockOffset::default();
        offset.learn(exchange([1_000, 6_100, 6_200, 1_300]));
        assert_eq!(offset.micros(), 5_000);
        let mut ahead = ClockOffset::default();
        ahead.learn(exchange([6_000, 1_100, 1_200, 6_300]));
        assert_eq!(ahead.micros(), -5_000);
    }

    #[test]
    fn the_quickest_of_the_last_eight_exchanges_counts() {
        let mut offset = ClockOffset::default();
        offset.learn(exchange([0, 5_010, 5_010, 20]));
        for _ in 0..7 {
            offset.learn(exchange([0, 9_000, 9_000, 4_000]));
        }
        assert_eq!(offset.micros(), 5_000);
        offset.learn(exchange([0, 9_000, 9_000, 4_000]));
        assert_eq!(offset.micros(), 7_000);
    }

    #[test]
    fn what_could_be_the_way_alone_moves_no_clock() {
        let mut offset = ClockOffset::default();
        // Half a millisecond there, nothing back: as likely the network as the clock.
        offset.learn(exchange([0, 500, 500, 500]));
        assert_eq!(offset.micros(), 0);
    }

    #[test]
    fn times_that_cannot_be_teach_nothing_and_overflow_nothing() {
        let mut offset = ClockOffset::default();
        offset.learn(exchange([10, 5, 1, 20]));
        offset.learn(exchange([0, 0, 1_000, 20]));
        offset.learn(exchange([20, 0, 0, 10]));
        assert_eq!(offset.micros(), 0);
        offset.learn(exchange([0, i64::MAX, i64::MAX, 10]));
        assert!(offset.micros() > i64::MAX / 4);
        offset.learn(exchange([0, i64::MIN, i64::MAX, i64::MAX]));
        offset.learn(exchange([i64::MIN, i64::MAX, i64::MAX, i64::MAX]));
    }

    fn exchange([asked, received, answered, heard]: [i64; 4]) -> Exchange {
        Exchange {
            asked: Timestamp::from_micros(asked),
            received: Timestamp::from_micros(received),
            answered: Timestamp::from_micros(answered),
            heard: Timestamp::from_micros(heard),
        }
    }
}
