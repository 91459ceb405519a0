//! The last minutes as a strip of bars, as small as a word.

use std::fmt::Write as _;

/// How many minutes a strip shows.
pub const MINUTES: u32 = 30;
/// How wide a minute is, and how high the strip, in the drawing's own units.
pub const STEP: u32 = 3;
/// See [`STEP`].
pub const HEIGHT: u32 = 20;
/// The least height of a share that is not nothing, so that a single failure is seen.
const LEAST: f64 = 1.0;

/// What a minute saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seen {
    /// How many were served.
    pub good: u64,
    /// How many were not, and the endpoint is to blame.
    pub bad: u64,
}

/// The last minutes, the oldest first. A minute in which nothing was seen is a gap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strip {
    minutes: Vec<Option<Seen>>,
    /// Nobody can tell what was seen.
    is_unknown: bool,
}

impl Strip {
    /// Of these minutes, of which the last count.
    pub fn new(minutes: impl IntoIterator<Item = Option<Seen>>) -> Self {
        let mut minutes: Vec<_> = minutes.into_iter().collect();
        let most = usize::try_from(MINUTES).unwrap_or(usize::MAX);
        let surplus = minutes.len().saturating_sub(most);
        minutes.drain(..surplus);
        let known = minutes.into_iter();
        Self {
            minutes: known
                .map(|seen| seen.filter(|seen| seen.all() > 0))
                .collect(),
            is_unknown: false,
        }
    }

    /// For when the store can't be read.
    pub fn unknown() -> Self {
        Self {
            minutes: Vec::new(),
            is_unknown: true,
        }
    }

    /// The served share of each minute, from the bottom up: a path of SVG.
    pub fn good(&self) -> String {
        let mut path = String::new();
        for (x, seen) in self.bars() {
            let top = f64::from(HEIGHT) - seen.good_height();
            if seen.good > 0 {
                _ = write!(path, "M{x} {HEIGHT}V{top:.0}");
            }
        }
        path
    }

    /// The failed share of each minute, from the top down: a path of SVG.
    pub fn bad(&self) -> String {
        let mut path = String::new();
        for (x, seen) in self.bars() {
            let bottom = f64::from(HEIGHT) - seen.good_height();
            if seen.bad > 0 {
                _ = write!(path, "M{x} 0V{bottom:.0}");
            }
        }
        path
    }

    /// What the strip shows, in words.
    pub fn in_words(&self) -> String {
        let known = self.minutes.iter().flatten().count();
        let failed = self
            .minutes
            .iter()
            .flatten()
            .filter(|seen| seen.bad > 0)
            .count();
        match (known, failed) {
            _ if self.is_unknown => "the last 30 minutes can’t be drawn".to_owned(),
            (0, _) => "nothing seen in the last 30 minutes".to_owned(),
            (known, 0) => format!("no failure in the {known} of the last 30 minutes with requests"),
            (known, failed) => {
                format!("failures in {failed} of the {known} of the last 30 minutes with requests")
            }
        }
    }

    /// Each minute that saw something, with the middle of its bar.
    fn bars(&self) -> impl Iterator<Item = (f64, Seen)> {
        let middles = (0..MINUTES).map(|minute| f64::from(minute * STEP) + f64::from(STEP) / 2.0);
        middles
            .zip(&self.minutes)
            .filter_map(|(x, seen)| Some((x, (*seen)?)))
    }
}

impl Seen {
    fn all(self) -> u64 {
        self.good.saturating_add(self.bad)
    }

    #[expect(clippy::cast_precision_loss, reason = "it is drawn twenty units high")]
    fn good_height(self) -> f64 {
        let height = f64::from(HEIGHT);
        let share = self.good as f64 / self.all() as f64 * height;
        match (self.good, self.bad) {
            (0, _) => 0.0,
            (_, 0) => height,
            _ => share.clamp(LEAST, height - LEAST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Good and bad, or nothing.
    fn strip(minutes: &[Option<(u64, u64)>]) -> Strip {
        let minutes = minutes.iter();
        Strip::new(minutes.map(|seen| seen.map(|(good, bad)| Seen { good, bad })))
    }

    #[test]
    fn a_minute_is_a_bar_and_one_without_requests_a_gap() {
        let strip = strip(&[Some((4, 0)), None, Some((0, 0)), Some((1, 1)), Some((0, 9))]);
        assert_eq!(strip.good(), "M1.5 20V0M10.5 20V10");
        assert_eq!(strip.bad(), "M10.5 0V10M13.5 0V20");
        let words = "failures in 2 of the 3 of the last 30 minutes with requests";
        assert_eq!(strip.in_words(), words);
    }

    #[test]
    fn a_single_failure_or_success_among_many_is_seen() {
        let strip = strip(&[Some((100_000, 1)), Some((1, 100_000))]);
        assert_eq!(strip.good(), "M1.5 20V1M4.5 20V19");
        assert_eq!(strip.bad(), "M1.5 0V1M4.5 0V19");
    }

    #[test]
    fn the_last_thirty_minutes_count() {
        let minutes = (0..100).map(|minute| Some((1, u64::from(minute < 70))));
        let strip = strip(&minutes.collect::<Vec<_>>());
        assert_eq!((strip.bad(), strip.minutes.len()), (String::new(), 30));
        assert_eq!(
            Strip::default().in_words(),
            "nothing seen in the last 30 minutes"
        );
        let words = "no failure in the 30 of the last 30 minutes with requests";
        assert_eq!(strip.in_words(), words);
    }
}
