//! How many agents fed an endpoint of late, exact to 16.

use sextant_measure::time::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

const AGENTS_MAX: usize = 16;
const FIVE_MINUTES_US: i64 = 5 * 60 * 1_000_000;
const HOUR_US: i64 = 60 * 60 * 1_000_000;

/// The agents last seen, by a hash of their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Vec<(u64, Timestamp)>);

impl Seen {
    pub(crate) fn key(agent: &str) -> u64 {
        xxh3_64(agent.as_bytes())
    }

    /// Notes that an agent fed the endpoint; of more than 16 the longest unseen gives way.
    pub(crate) fn note(&mut self, agent: u64, at: Timestamp) {
        if let Some((_, last)) = self.0.iter_mut().find(|(known, _)| *known == agent) {
            *last = at.max(*last);
        } else if self.0.len() < AGENTS_MAX {
            self.0.push((agent, at));
        } else if let Some(oldest) = self.0.iter_mut().min_by_key(|(_, last)| *last) {
            *oldest = (agent, at);
        }
    }

    pub(crate) fn five_minutes(&self, now: Timestamp) -> u8 {
        self.within(now, FIVE_MINUTES_US)
    }

    pub(crate) fn one_hour(&self, now: Timestamp) -> u8 {
        self.within(now, HOUR_US)
    }

    fn within(&self, now: Timestamp, span_us: i64) -> u8 {
        let recent = self
            .0
            .iter()
            .filter(|(_, last)| now.micros_since(*last) < span_us);
        u8::try_from(recent.count()).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_count_once_for_as_long_as_their_span() {
        let mut seen = Seen::default();
        let minute = |n: i64| Timestamp::from_micros(n * 60_000_000);
        seen.note(1, minute(0));
        seen.note(1, minute(1));
        seen.note(2, minute(0));
        assert_eq!(
            (seen.five_minutes(minute(4)), seen.one_hour(minute(4))),
            (2, 2)
        );
        assert_eq!(
            (seen.five_minutes(minute(5)), seen.one_hour(minute(60))),
            (1, 1)
        );
        assert_eq!(seen.one_hour(minute(61)), 0);
    }

    #[test]
    fn sixteen_are_exact_and_more_are_held_at_sixteen() {
        let mut seen = Seen::default();
        (0..40).for_each(|agent| seen.note(agent, Timestamp::from_micros(1)));
        assert_eq!(seen.five_minutes(Timestamp::from_micros(1)), 16);
    }
}
