//! What came of the requests.

use std::ops::Range;

use sextant_measure::outcome::Outcome;

/// An attempt. Times are in seconds from the beginning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Attempt {
    /// When it was dispatched.
    pub(crate) at_s: f64,
    pub(crate) took_s: f64,
    pub(crate) provider: usize,
    pub(crate) outcome: Outcome,
    /// Which attempt of its request it is, from 1.
    pub(crate) n: u32,
    /// Whether no further one follows.
    pub(crate) is_final: bool,
}

/// All attempts, in the order of their dispatch.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct History {
    attempts: Vec<Attempt>,
}

/// What became of the attempts of some seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Requests that tried it first.
    pub(crate) firsts: u32,
    pub(crate) attempts: u32,
    pub(crate) ok: u32,
    pub(crate) rate_limited: u32,
    /// All else.
    pub(crate) failed: u32,
}

impl History {
    pub(super) fn note(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
    }

    /// All attempts of a span of seconds.
    pub(crate) fn during(&self, span: Range<f64>) -> &[Attempt] {
        let before = |end: f64| self.attempts.partition_point(|one| one.at_s < end);
        &self.attempts[before(span.start)..before(span.end)]
    }

    /// What a provider got in a span of seconds.
    pub(crate) fn tally(&self, provider: usize, span: Range<f64>) -> Tally {
        let mut tally = Tally::default();
        let attempts = self.during(span).iter();
        for one in attempts.filter(|one| one.provider == provider) {
            tally.attempts += 1;
            tally.firsts += u32::from(one.n == 1);
            match one.outcome {
                Outcome::Ok => tally.ok += 1,
                Outcome::RateLimited => tally.rate_limited += 1,
                _ => tally.failed += 1,
            }
        }
        tally
    }

    /// Requests of a span of seconds.
    pub(crate) fn requests(&self, span: Range<f64>) -> u32 {
        count(self.during(span), |one| one.n == 1)
    }

    /// Requests of a span of seconds that no attempt served.
    pub(crate) fn unserved(&self, span: Range<f64>) -> u32 {
        let is_lost = |one: &Attempt| one.is_final && one.outcome != Outcome::Ok;
        count(self.during(span), is_lost)
    }

    /// The share of requests that tried a provider first, in a span of seconds.
    pub(crate) fn share(&self, provider: usize, span: Range<f64>) -> f64 {
        let firsts = self.tally(provider, span.clone()).firsts;
        f64::from(firsts) / f64::from(self.requests(span).max(1))
    }

    /// The most attempts that a provider got in so many seconds on end, and from when on.
    pub(crate) fn most_attempts(&self, provider: usize, span: Range<f64>, on_end_s: f64) -> u32 {
        let at = |one: &&Attempt| one.provider == provider;
        let attempts: Vec<_> = self.during(span).iter().filter(at).collect();
        let until = |from: &Attempt| {
            let end_s = from.at_s + on_end_s;
            attempts.partition_point(|one| one.at_s < end_s)
        };
        let counts = attempts.iter().enumerate();
        let most = counts.map(|(n, from)| until(from) - n).max();
        u32::try_from(most.unwrap_or(0)).unwrap()
    }

    /// When the first failure of a provider was seen, from a moment on.
    pub(crate) fn first_failure(&self, provider: usize, from_s: f64) -> Option<f64> {
        let mut attempts = self.during(from_s..f64::MAX).iter();
        let failed = |one: &&Attempt| one.provider == provider && one.outcome != Outcome::Ok;
        attempts.find(failed).map(|one| one.at_s + one.took_s)
    }

    /// The last time that a request tried a provider first, in a span of seconds.
    pub(crate) fn last_first(&self, provider: usize, span: Range<f64>) -> Option<f64> {
        let mut newest_first = self.during(span).iter().rev();
        let tried = |one: &&Attempt| one.provider == provider && one.n == 1;
        newest_first.find(tried).map(|one| one.at_s)
    }

    /// How many seconds after the begin of a span a provider has nine tenths of the requests, for
    /// ten seconds.
    pub(crate) fn back_after(&self, provider: usize, span: Range<f64>) -> Option<u32> {
        let share = |after_s: u32| {
            let from_s = span.start + f64::from(after_s);
            self.share(provider, from_s..from_s + 10.0)
        };
        let mut seconds = (0..).take_while(|after_s| span.start + f64::from(*after_s) < span.end);
        seconds.find(|after_s| share(*after_s) >= 0.9)
    }
}

fn count(attempts: &[Attempt], counts: impl Fn(&Attempt) -> bool) -> u32 {
    let counted = attempts.iter().filter(|one| counts(one)).count();
    u32::try_from(counted).unwrap()
}
