//! How many attempts ended how.

use crate::outcome::{Meaning, Outcome, Source, TABLE, Verdict};
use crate::ratio::Ratio;

/// Codes of a [`Counts`]: one for each pair of source and outcome.
pub const COUNT_CODES: usize = Outcome::COUNT * Source::COUNT;

#[expect(clippy::cast_possible_truncation, reason = "a list of 13")]
const OUTCOMES: u8 = Outcome::COUNT as u8;

/// Counts per source and outcome.
///
/// They add and subtract modulo 2^32, so that taking away what was added always gives what was
/// there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Counts([u32; COUNT_CODES]);

/// The stable code of a pair of source and outcome.
pub const fn count_code(source: Source, outcome: Outcome) -> u8 {
    source.code() * OUTCOMES + outcome.code()
}

impl Counts {
    /// Counts in the order of their codes.
    pub const fn from_cells(cells: [u32; COUNT_CODES]) -> Self {
        Self(cells)
    }

    /// Counts in the order of their codes.
    pub const fn cells(&self) -> &[u32; COUNT_CODES] {
        &self.0
    }

    /// How many attempts of this source ended so.
    pub fn get(&self, source: Source, outcome: Outcome) -> u32 {
        self.0
            .get(usize::from(count_code(source, outcome)))
            .copied()
            .unwrap_or(0)
    }

    /// Adds `n` under a code; a code out of range changes nothing.
    pub fn add_code(&mut self, code: u8, n: u32) {
        if let Some(cell) = self.0.get_mut(usize::from(code)) {
            *cell = cell.wrapping_add(n);
        }
    }

    /// Adds one attempt.
    pub fn add(&mut self, source: Source, outcome: Outcome) {
        self.add_code(count_code(source, outcome), 1);
    }

    /// Adds all of the other's.
    pub fn merge(&mut self, other: &Self) {
        for (cell, n) in self.0.iter_mut().zip(other.0) {
            *cell = cell.wrapping_add(n);
        }
    }

    /// Takes all of the other's away.
    pub fn subtract(&mut self, other: &Self) {
        for (cell, n) in self.0.iter_mut().zip(other.0) {
            *cell = cell.wrapping_sub(n);
        }
    }

    /// All attempts of a source.
    pub fn total(&self, source: Source) -> u64 {
        Outcome::all()
            .map(|outcome| u64::from(self.get(source, outcome)))
            .sum()
    }

    /// All attempts.
    pub fn all(&self) -> u64 {
        self.0.iter().map(|n| u64::from(*n)).sum()
    }

    /// Uptime over live and probe observations together.
    pub fn uptime(&self) -> Ratio {
        self.uptime_of(Source::Live) + self.uptime_of(Source::Probe)
    }

    /// Uptime over the observations of one source.
    pub fn uptime_of(&self, source: Source) -> Ratio {
        self.ratio(source, |meaning| meaning.uptime_from(source))
    }

    /// Success, over live observations.
    pub fn success(&self) -> Ratio {
        self.ratio(Source::Live, |meaning| meaning.success)
    }

    /// Share of rate-limited attempts in success's denominator.
    pub fn rate_limited(&self) -> Ratio {
        Ratio::new(
            u64::from(self.get(Source::Live, Outcome::RateLimited)),
            self.success().whole,
        )
    }

    /// Attempts of a source whose verdict for uptime is bad.
    pub fn bad(&self, source: Source) -> u64 {
        let ratio = self.uptime_of(source);
        ratio.whole - ratio.part
    }

    /// Attempts of a source that no ratio counts: out of uptime, and for live ones out of success.
    pub fn left_out(&self, source: Source) -> u64 {
        let out = |meaning: &&Meaning| match source {
            Source::Live => meaning.success == Verdict::LeftOut,
            Source::Probe => meaning.uptime_of_probe == Verdict::LeftOut,
        };
        TABLE
            .iter()
            .filter(out)
            .map(|m| u64::from(self.get(source, m.outcome)))
            .sum()
    }

    fn ratio(&self, source: Source, verdict: impl Fn(&Meaning) -> Verdict) -> Ratio {
        let (mut good, mut bad) = (0, 0);
        for meaning in &TABLE {
            let n = u64::from(self.get(source, meaning.outcome));
            match verdict(meaning) {
                Verdict::Good => good += n,
                Verdict::Bad => bad += n,
                Verdict::LeftOut => {}
            }
        }
        Ratio::new(good, good + bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_limits_leave_uptime_alone_and_lower_success() {
        let mut counts = Counts::default();
        (0..20).for_each(|_| counts.add(Source::Live, Outcome::Ok));
        (0..130).for_each(|_| counts.add(Source::Live, Outcome::RateLimited));
        assert_eq!(counts.uptime(), Ratio::new(20, 20));
        assert_eq!(counts.success(), Ratio::new(20, 150));
        assert_eq!(counts.rate_limited(), Ratio::new(130, 150));
        assert_eq!(
            (counts.bad(Source::Live), counts.left_out(Source::Live)),
            (0, 0)
        );
    }

    #[test]
    fn probes_count_for_uptime_only() {
        let mut counts = Counts::default();
        counts.add(Source::Probe, Outcome::Ok);
        counts.add(Source::Probe, Outcome::Timeout);
        counts.add(Source::Probe, Outcome::ProviderRefused);
        assert_eq!(counts.uptime(), Ratio::new(1, 2));
        assert_eq!(counts.success(), Ratio::new(0, 0));
        assert_eq!(counts.left_out(Source::Probe), 1);
    }

    #[test]
    fn every_live_attempt_is_ok_bad_rate_limited_geo_blocked_or_left_out() {
        let mut counts = Counts::default();
        for (n, outcome) in Outcome::all().enumerate() {
            (0..=n).for_each(|_| counts.add(Source::Live, outcome));
        }
        let named = counts.get(Source::Live, Outcome::Ok)
            + counts.get(Source::Live, Outcome::RateLimited)
            + counts.get(Source::Live, Outcome::GeoBlocked);
        let rest = counts.bad(Source::Live) + counts.left_out(Source::Live);
        assert_eq!(u64::from(named) + rest, counts.total(Source::Live));
    }
}
