//! Ratios with their counts, and the lower bound of what they prove.

use std::fmt;

/// The 0.975 quantile of the standard normal distribution, for a 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// A part of a whole. It has no value while the whole is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ratio {
    /// The numerator.
    pub part: u64,
    /// The denominator, which is the count published beside the ratio.
    pub whole: u64,
}

impl Ratio {
    /// `part` of `whole`.
    pub const fn new(part: u64, whole: u64) -> Self {
        Self { part, whole }
    }

    /// From 0 to 1, unrounded; `None` for an empty whole.
    pub fn value(self) -> Option<f64> {
        (self.whole > 0).then(|| as_f64(self.part) / as_f64(self.whole))
    }

    /// The same if the whole has at least `min`.
    pub fn value_with(self, min: u64) -> Option<f64> {
        self.value().filter(|_| self.whole >= min)
    }

    /// Whether the part is at least `percent` of the whole, without rounding.
    pub fn at_least_percent(self, percent: u64) -> bool {
        u128::from(self.part) * 100 >= u128::from(self.whole) * u128::from(percent)
    }

    /// Lower end of the Wilson score interval at 95 %; `None` for an empty whole.
    ///
    /// E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    /// JASA 22 (1927).
    pub fn wilson_lower(self) -> Option<f64> {
        let p = self.value()?;
        let n = as_f64(self.whole);
        let z2 = Z * Z;
        let centre = p + z2 / (2.0 * n);
        let spread = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        Some(((centre - spread) / (1.0 + z2 / n)).max(0.0))
    }

    /// As people see it: two decimals, rounded down, so that 99.996 % is not shown as 100.00 %.
    pub fn percent(self) -> Option<Percent> {
        (self.whole > 0).then(|| {
            let hundredths = u128::from(self.part) * 10_000 / u128::from(self.whole);
            Percent(u64::try_from(hundredths).unwrap_or(u64::MAX))
        })
    }
}

impl std::ops::Add for Ratio {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            part: self.part.saturating_add(other.part),
            whole: self.whole.saturating_add(other.whole),
        }
    }
}

impl std::iter::Sum for Ratio {
    fn sum<I: Iterator<Item = Self>>(ratios: I) -> Self {
        ratios.fold(Self::default(), std::ops::Add::add)
    }
}

/// Hundredths of a percent; displays as `99.99%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:02}%", self.0 / 100, self.0 % 100))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_down() {
        let shown = |part, whole| Ratio::new(part, whole).percent().map(|p| p.to_string());
        assert_eq!(shown(99_996, 100_000).as_deref(), Some("99.99%"));
        assert_eq!(shown(20, 150).as_deref(), Some("13.33%"));
        assert_eq!(shown(7, 7).as_deref(), Some("100.00%"));
        assert_eq!(shown(0, 7).as_deref(), Some("0.00%"));
        assert_eq!(shown(0, 0), None);
    }

    #[test]
    fn the_wilson_bound_solves_its_equation() {
        // The bound solves |p - b| = z sqrt(b (1 - b) / n) for b; checked by putting it back in.
        let lower = |part, whole| Ratio::new(part, whole).wilson_lower().unwrap_or(f64::NAN);
        for (part, whole) in [(149_u64, 150_u64), (20, 20), (1, 3), (999, 100_000)] {
            let (p, n, b) = (
                as_f64(part) / as_f64(whole),
                as_f64(whole),
                lower(part, whole),
            );
            assert!(
                b <= p && ((p - b) - Z * (b * (1.0 - b) / n).sqrt()).abs() < 1e-12,
                "{b}"
            );
        }
        assert!(
            (lower(149, 150) - 0.963_2).abs() < 5e-5,
            "{}",
            lower(149, 150)
        );
        assert_eq!(Ratio::new(0, 0).wilson_lower(), None);
        assert!(lower(0, 10).abs() < 1e-12);
    }

    #[test]
    fn thresholds_are_exact() {
        assert!(Ratio::new(95, 100).at_least_percent(95));
        assert!(!Ratio::new(949_999, 1_000_000).at_least_percent(95));
        assert_eq!(Ratio::new(19, 19).value_with(20), None);
    }
}
