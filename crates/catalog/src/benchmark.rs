//! Published benchmark scores and the intelligence composite.

use std::fmt;

use crate::decimal::{self, DecimalError};

/// A score of 0 to 100, exact to a tenth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(u16);

impl Score {
    /// 100.
    pub const MAX: Self = Self(1_000);

    /// From tenths; none above [`Score::MAX`].
    pub fn from_tenths(tenths: u16) -> Option<Self> {
        (tenths <= Self::MAX.0).then_some(Self(tenths))
    }

    /// In tenths.
    pub fn as_tenths(self) -> u16 {
        self.0
    }

    /// Reads `74.3`.
    pub(crate) fn parse(text: &str) -> Result<Self, ScoreError> {
        let tenths = decimal::parse(text, 1).map_err(|error| match error {
            DecimalError::Malformed => ScoreError::NotDecimal,
            DecimalError::TooPrecise => ScoreError::TooPrecise,
            DecimalError::Negative | DecimalError::TooLarge => ScoreError::OutOfRange,
        })?;
        u16::try_from(tenths)
            .ok()
            .and_then(Self::from_tenths)
            .ok_or(ScoreError::OutOfRange)
    }
}

impl fmt::Display for Score {
    /// With one decimal: `74.3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&decimal::format(u64::from(self.0), 1, 1))
    }
}

/// Why a text is not a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScoreError {
    NotDecimal,
    TooPrecise,
    OutOfRange,
}

/// A component of the composite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Benchmark {
    /// MMLU-Pro.
    MmluPro,
    /// Code, pass@1.
    Code,
    /// MATH.
    Math,
    /// GPQA Diamond.
    Gpqa,
}

impl Benchmark {
    /// Every component, in the order of its weight.
    pub const ALL: [Self; 4] = [Self::MmluPro, Self::Code, Self::Math, Self::Gpqa];

    /// The key in the catalog's text and in every interface.
    pub fn key(self) -> &'static str {
        match self {
            Self::MmluPro => "mmlu_pro",
            Self::Code => "code",
            Self::Math => "math",
            Self::Gpqa => "gpqa",
        }
    }

    /// The name shown to people.
    pub fn label(self) -> &'static str {
        match self {
            Self::MmluPro => "MMLU-Pro",
            Self::Code => "Code",
            Self::Math => "MATH",
            Self::Gpqa => "GPQA Diamond",
        }
    }

    /// What it measures, in a few words.
    pub fn caption(self) -> &'static str {
        match self {
            Self::MmluPro => "broad reasoning",
            Self::Code => "pass@1 (HumanEval / LiveCodeBench)",
            Self::Math => "math accuracy",
            Self::Gpqa => "hard reasoning",
        }
    }

    /// Its share of the composite when all are present, in percent.
    pub fn weight_percent(self) -> u32 {
        match self {
            Self::MmluPro => 30,
            Self::Code | Self::Math => 25,
            Self::Gpqa => 20,
        }
    }
}

/// A model's published scores, and where they were published.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Benchmarks {
    /// MMLU-Pro.
    pub mmlu_pro: Option<Score>,
    /// Code, pass@1.
    pub code: Option<Score>,
    /// MATH.
    pub math: Option<Score>,
    /// GPQA Diamond.
    pub gpqa: Option<Score>,
    /// Where the figures come from, for people.
    pub source: String,
}

impl Benchmarks {
    /// The score of one component.
    pub fn score(&self, benchmark: Benchmark) -> Option<Score> {
        match benchmark {
            Benchmark::MmluPro => self.mmlu_pro,
            Benchmark::Code => self.code,
            Benchmark::Math => self.math,
            Benchmark::Gpqa => self.gpqa,
        }
    }

    /// The weighted mean of the components that are present, their weights renormalised, to one
    /// decimal, halves up; none if no component is present.
    pub fn composite(&self) -> Option<Score> {
        let (sum, weights) = Benchmark::ALL
            .into_iter()
            .filter_map(|benchmark| Some((self.score(benchmark)?, benchmark.weight_percent())))
            .fold((0, 0), |(sum, weights), (score, weight)| {
                (
                    sum + u32::from(score.as_tenths()) * weight,
                    weights + weight,
                )
            });
        let tenths = (2 * sum + weights).checked_div(2 * weights)?;
        u16::try_from(tenths).ok().and_then(Score::from_tenths)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn benchmarks(tenths: [Option<u16>; 4]) -> Benchmarks {
        let [mmlu_pro, code, math, gpqa] =
            tenths.map(|t| t.map(|t| Score::from_tenths(t).unwrap()));
        Benchmarks {
            mmlu_pro,
            code,
            math,
            gpqa,
            source: String::new(),
        }
    }

    #[test]
    fn scores_are_tenths_between_0_and_100() {
        assert_eq!(Score::parse("74.3"), Ok(Score(743)));
        assert_eq!(Score::parse("100"), Ok(Score::MAX));
        assert_eq!(Score::parse("100.1"), Err(ScoreError::OutOfRange));
        assert_eq!(Score::parse("-0.1"), Err(ScoreError::OutOfRange));
        assert_eq!(Score::parse("74.33"), Err(ScoreError::TooPrecise));
        assert_eq!(Score::parse("nan"), Err(ScoreError::NotDecimal));
        assert_eq!(Score(743).to_string(), "74.3");
        assert_eq!(Score(0).to_string(), "0.0");
    }

    #[test]
    fn weights_sum_to_a_hundred_percent() {
        assert_eq!(
            Benchmark::ALL
                .map(Benchmark::weight_percent)
                .iter()
                .sum::<u32>(),
            100
        );
    }

    #[test]
    fn missing_components_leave_the_others_their_proportions() {
        assert_eq!(benchmarks([None; 4]).composite(), None);
        assert_eq!(
            benchmarks([None, Some(328), None, None]).composite(),
            Some(Score(328))
        );
        // (25 * 80 + 20 * 60) / 45 = 71.11
        assert_eq!(
            benchmarks([None, None, Some(800), Some(600)]).composite(),
            Some(Score(711))
        );
    }

    #[test]
    fn halves_are_rounded_up() {
        // (25 * 0.1 + 25 * 0) / 50 = 0.05
        assert_eq!(
            benchmarks([None, Some(1), Some(0), None]).composite(),
            Some(Score(1))
        );
    }

    proptest! {
        /// The oracle looks for the tenth whose half-open interval [t - 1/2, t + 1/2) holds the
        /// mean, comparing fractions by cross-multiplication.
        #[test]
        fn the_composite_is_the_rational_mean_rounded(
            present in proptest::array::uniform4(proptest::option::of(0_u16..=1_000)),
        ) {
            let weights = [30_i64, 25, 25, 20];
            let terms: Vec<_> = present.iter().zip(weights).filter_map(|(t, w)| Some((i64::from((*t)?), w))).collect();
            let (sum, weight) = (terms.iter().map(|(t, w)| t * w).sum::<i64>(), terms.iter().map(|(_, w)| w).sum::<i64>());
            let expected = (0_i64..=1_000).find(|t| {
                weight > 0 && (2 * t - 1) * weight <= 2 * sum && 2 * sum < (2 * t + 1) * weight
            });
            let composite = benchmarks(present).composite().map(|score| i64::from(score.as_tenths()));
            prop_assert_eq!(composite, expected);
        }
    }
}
