//! A number as it is read, sorted and explained.

use std::fmt::Write as _;

use serde::Serialize;
use sextant_catalog::{Price, Score};
use sextant_measure::figures::{Absent, minimum};
use sextant_measure::ratio::Ratio;

/// What stands where a number is absent.
pub const ABSENT: &str = "—";

/// A number as it is read, sorted and explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// The number without its unit, which the column's heading has; or a dash.
    pub text: String,
    /// What it is sorted by. A dash stands behind all numbers.
    pub order: Option<f64>,
    /// What it rests on, or why it is absent.
    pub note: String,
}

/// Which percentile a number is, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// How many percent were this fast or faster: 95 for p95, of latency and of throughput.
    pub percent: u32,
    /// How many observations it needs.
    pub min: u64,
    /// What was counted: `streamed answers`.
    pub of: &'static str,
}

impl Cell {
    /// A percentile of `n` observations, to the nearest whole.
    pub fn percentile(value: Result<f64, Absent>, n: u64, rank: Rank) -> Self {
        match value {
            Ok(value) => Self {
                text: format!("{:.0}", value.round()),
                order: Some(value),
                note: format!(
                    "{}% of {} {} were this fast or faster",
                    rank.percent,
                    grouped(n),
                    rank.of
                ),
            },
            Err(absent) => Self::absent(absent, Some(n), rank.min, rank.of),
        }
    }

    /// A part of what was counted that ought to be large, in percent; with the lower end of its Wilson
    /// 95 % interval.
    pub fn ratio(value: Result<Ratio, Absent>, n: Option<u64>, of: &str) -> Self {
        let mut cell = Self::share(value, n, of);
        if let Some(lower) = value.ok().and_then(Ratio::wilson_lower) {
            // Rounded down, as the number itself.
            let lower = (lower * 10_000.0).floor() / 100.0;
            _ = write!(cell.note, "; Wilson 95% lower bound {lower:.2}%");
        }
        cell
    }

    /// A part of what was counted, in percent.
    pub fn share(value: Result<Ratio, Absent>, n: Option<u64>, of: &str) -> Self {
        let ratio = match value {
            Ok(ratio) => ratio,
            Err(absent) => return Self::absent(absent, n, minimum::RATIO, of),
        };
        let Some(percent) = ratio.percent() else {
            return Self::absent(Absent::NoData, n, minimum::RATIO, of);
        };
        Self {
            text: percent.to_string(),
            order: ratio.value(),
            note: format!("{} of {} {of}", grouped(ratio.part), grouped(ratio.whole)),
        }
    }

    /// USD per 1M tokens.
    pub fn price(price: Option<Price>) -> Self {
        match price {
            Some(price) => Self {
                text: format!("{price:.4}"),
                order: Some(usd(price)),
                note: format!("{price} per 1M tokens"),
            },
            None => Self {
                text: ABSENT.to_owned(),
                order: None,
                note: "not in the catalog".to_owned(),
            },
        }
    }

    /// A score from 0 to 100.
    pub fn score(score: Option<Score>) -> Self {
        match score {
            Some(score) => Self {
                text: score.to_string(),
                order: Some(f64::from(score.as_tenths())),
                note: "of 100, a weighted mean of public benchmarks".to_owned(),
            },
            None => Self {
                text: ABSENT.to_owned(),
                order: None,
                note: "no benchmarks published".to_owned(),
            },
        }
    }

    /// How many of something that the note names.
    pub fn count(n: u64, note: impl Into<String>) -> Self {
        Self {
            text: grouped(n),
            order: Some(as_f64(n)),
            note: note.into(),
        }
    }

    fn absent(absent: Absent, n: Option<u64>, min: u64, of: &str) -> Self {
        let n = n.unwrap_or(0);
        let note = match absent {
            Absent::InsufficientData => format!("{} of {min} {of} that it takes", grouped(n)),
            Absent::NoData => format!("no {of} in this window"),
            Absent::Stale => "nothing new for as long as the window lasts".to_owned(),
            Absent::Rebuilding => "being rebuilt from the store".to_owned(),
            Absent::NotStreaming => "answers came, but none was streamed".to_owned(),
        };
        Self {
            text: ABSENT.to_owned(),
            order: None,
            note,
        }
    }
}

/// With a thin space between thousands, as numbers are set for people.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

/// An age or a span, in the largest unit that tells something: `4 s`, `12 min`, `3 h`.
pub fn span(ms: i64) -> String {
    let s = ms.max(0) / 1_000;
    match s {
        0..120 => format!("{s} s"),
        120..7_200 => format!("{} min", s / 60),
        7_200..172_800 => format!("{} h", s / 3_600),
        _ => format!("{} days", s / 86_400),
    }
}

fn usd(price: Price) -> f64 {
    as_f64(price.as_nano_usd()) / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "it is only sorted by")]
fn as_f64(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAMED: Rank = Rank {
        percent: 95,
        min: minimum::P95,
        of: "streamed answers",
    };

    #[test]
    fn a_percentile_is_whole_and_says_what_it_rests_on() {
        let cell = Cell::percentile(Ok(630.6), 1_412, STREAMED);
        assert_eq!(cell.text, "631");
        assert_eq!(cell.order, Some(630.6));
        assert_eq!(
            cell.note,
            "95% of 1\u{2009}412 streamed answers were this fast or faster"
        );
    }

    #[test]
    fn an_absent_number_is_a_dash_and_says_why() {
        for (absent, n, note) in [
            (
                Absent::InsufficientData,
                7,
                "7 of 100 streamed answers that it takes",
            ),
            (Absent::NoData, 0, "no streamed answers in this window"),
            (
                Absent::NotStreaming,
                0,
                "answers came, but none was streamed",
            ),
        ] {
            let cell = Cell::percentile(Err(absent), n, STREAMED);
            assert_eq!((cell.text.as_str(), cell.order), (ABSENT, None));
            assert_eq!(cell.note, note);
        }
    }

    #[test]
    fn a_ratio_is_rounded_down_and_has_its_lower_bound() {
        let cell = Cell::ratio(Ok(Ratio::new(99_996, 100_000)), Some(100_000), "requests");
        assert_eq!(cell.text, "99.99%");
        let note = "99\u{2009}996 of 100\u{2009}000 requests; Wilson 95% lower bound 99.98%";
        assert_eq!(cell.note, note);
        let rebuilding = Cell::ratio(Err(Absent::Rebuilding), None, "requests");
        assert_eq!(rebuilding.note, "being rebuilt from the store");
    }

    #[test]
    fn spans_have_one_unit() {
        let shown = [-5, 900, 119_999, 120_000, 7_199_999, 7_200_000, 172_800_000].map(span);
        assert_eq!(
            shown,
            ["0 s", "0 s", "119 s", "2 min", "119 min", "2 h", "2 days"]
        );
    }
}
