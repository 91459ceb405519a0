//! A measured amount with its unit.

use std::fmt;

/// What an amount is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// A part of a whole, from 0 to 1.
    Ratio,
    /// Seconds.
    Seconds,
    /// Tokens a second.
    TokensPerSecond,
}

/// An amount, in millionths of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quantity {
    /// Millionths of the unit.
    pub millionths: u64,
    /// The unit.
    pub unit: Unit,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ratio, Self::Seconds, Self::TokensPerSecond];

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ratio => "ratio",
            Self::Seconds => "seconds",
            Self::TokensPerSecond => "tokens_per_second",
        }
    }

    /// The unit of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }
}

impl Quantity {
    /// So many of so many, rounded down to millionths; nothing of nothing is nothing.
    pub fn ratio(part: u64, whole: u64) -> Self {
        let millionths = u128::from(part) * 1_000_000 / u128::from(whole.max(1));
        Self {
            millionths: u64::try_from(millionths).unwrap_or(u64::MAX),
            unit: Unit::Ratio,
        }
    }

    /// In its unit.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn value(self) -> f64 {
        self.millionths as f64 / 1e6
    }

    /// So many microseconds.
    pub const fn micros(micros: u64) -> Self {
        Self {
            millionths: micros,
            unit: Unit::Seconds,
        }
    }

    /// So many thousandths of a token a second.
    pub const fn mtps(mtps: u64) -> Self {
        Self {
            millionths: mtps.saturating_mul(1_000),
            unit: Unit::TokensPerSecond,
        }
    }
}

/// As people read it: ratios in percent, rounded down.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandths = self.millionths / 1_000;
        let (whole, part) = (thousandths / 1_000, thousandths % 1_000);
        match self.unit {
            Unit::Ratio => {
                let hundredths = self.millionths / 100;
                write!(f, "{}.{:02} %", hundredths / 100, hundredths % 100)
            }
            Unit::Seconds if whole < 10 => write!(f, "{thousandths} ms"),
            Unit::Seconds => write!(f, "{whole} s"),
            Unit::TokensPerSecond => write!(f, "{whole}.{:01} tok/s", part / 100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_units_and_no_rounding_up() {
        for (quantity, text) in [
            (Quantity::ratio(99_996, 100_000), "99.99 %"),
            (Quantity::ratio(1, 3), "33.33 %"),
            (Quantity::ratio(0, 0), "0.00 %"),
            (Quantity::micros(1_234_999), "1234 ms"),
            (Quantity::micros(65_000_000), "65 s"),
            (Quantity::mtps(158_990), "158.9 tok/s"),
        ] {
            assert_eq!(quantity.to_string(), text);
        }
    }

    #[test]
    fn units_read_back() {
        for unit in Unit::ALL {
            assert_eq!(Unit::parse(unit.name()), Some(unit));
        }
    }
}
