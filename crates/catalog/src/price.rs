//! Money: USD per 1M tokens, as an integer.

use std::fmt;
use std::str::FromStr;

use crate::decimal::{self, DecimalError};

/// Decimals that a price in USD per 1M tokens can have.
const SCALE: usize = 9;
/// From "per 1M tokens" to "per token": six more decimals.
const SCALE_PER_TOKEN: usize = SCALE + 6;
/// Decimals that money is shown with, at the least.
const DECIMALS_SHOWN: usize = 2;

/// USD per 1M tokens, exact to 10^-9 USD. Between nothing and 1,000,000 USD (1 USD a token).
///
/// Shown as `$0.08`, with at least two decimals; `{:.4}` asks for at least four: `$0.0800`.
/// It is never rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Price(u64);

/// Why a text is not a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Not a plain decimal.
    #[error("is not a plain decimal number")]
    NotDecimal,
    /// Below zero.
    #[error("is negative")]
    Negative,
    /// More decimals than are kept.
    #[error("has more than 9 decimals")]
    TooPrecise,
    /// Above [`Price::MAX`].
    #[error("is above 1000000 USD per 1M tokens")]
    TooLarge,
}

impl Price {
    /// 1 USD a token.
    pub const MAX: Self = Self(1_000_000_000_000_000);

    /// From 10^-9 USD per 1M tokens; none above [`Price::MAX`].
    pub fn from_nano_usd(nano_usd: u64) -> Option<Self> {
        (nano_usd <= Self::MAX.0).then_some(Self(nano_usd))
    }

    /// In 10^-9 USD per 1M tokens.
    pub fn as_nano_usd(self) -> u64 {
        self.0
    }

    /// USD per 1M tokens as a decimal, e.g. `0.08`; what [`Price::from_str`] reads.
    pub fn to_decimal(self) -> String {
        decimal::format(self.0, SCALE, 0)
    }

    /// USD per single token as a decimal, e.g. `0.00000008`.
    pub fn to_usd_per_token(self) -> String {
        decimal::format(self.0, SCALE_PER_TOKEN, 0)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals_min = f.precision().unwrap_or(DECIMALS_SHOWN);
        write!(f, "${}", decimal::format(self.0, SCALE, decimals_min))
    }
}

impl FromStr for Price {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, PriceError> {
        let nano_usd = decimal::parse(text, SCALE).map_err(|error| match error {
            DecimalError::Malformed => PriceError::NotDecimal,
            DecimalError::Negative => PriceError::Negative,
            DecimalError::TooPrecise => PriceError::TooPrecise,
            DecimalError::TooLarge => PriceError::TooLarge,
        })?;
        Self::from_nano_usd(nano_usd).ok_or(PriceError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_price_is_shown_with_as_many_decimals_as_the_place_asks_for() {
        let price: Price = "0.08".parse().unwrap();
        assert_eq!(price.to_string(), "$0.08");
        assert_eq!(format!("{price:.4}"), "$0.0800");
        assert_eq!(price.to_decimal(), "0.08");
        assert_eq!(price.to_usd_per_token(), "0.00000008");
        assert_eq!("15".parse::<Price>().unwrap().to_string(), "$15.00");
        assert_eq!("0.30".parse::<Price>().unwrap().to_string(), "$0.30");
        assert_eq!(
            "0.00005".parse::<Price>().map(|p| format!("{p:.4}")),
            Ok("$0.00005".to_owned())
        );
        assert_eq!(Price::MAX.to_usd_per_token(), "1");
        assert_eq!(Price::default().to_usd_per_token(), "0");
    }

    #[test]
    fn what_is_no_price_is_refused_with_its_reason() {
        for (text, error) in [
            ("NaN", PriceError::NotDecimal),
            ("inf", PriceError::NotDecimal),
            ("8e-2", PriceError::NotDecimal),
            ("$0.08", PriceError::NotDecimal),
            ("-1", PriceError::Negative),
            ("0.0000000001", PriceError::TooPrecise),
            ("1000000.000000001", PriceError::TooLarge),
            ("99999999999999999999", PriceError::TooLarge),
        ] {
            assert_eq!(text.parse::<Price>(), Err(error), "{text}");
        }
        assert_eq!("1000000".parse(), Ok(Price::MAX));
    }

    proptest! {
        #[test]
        fn every_price_survives_being_written_and_read(nano_usd in 0..=Price::MAX.0) {
            let price = Price(nano_usd);
            prop_assert_eq!(price.to_decimal().parse(), Ok(price));
            prop_assert_eq!(decimal::parse(&price.to_usd_per_token(), SCALE_PER_TOKEN), Ok(nano_usd));
        }
    }
}
