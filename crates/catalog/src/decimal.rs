//! Decimal texts as scaled integers, exactly: no float ever stands between the two.

/// Why a text is not a decimal of the wanted scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DecimalError {
    /// Not digits, or digits on both sides of one point.
    Malformed,
    /// A minus sign before a decimal.
    Negative,
    /// Digits other than zero beyond the scale.
    TooPrecise,
    /// Too large for the integer.
    TooLarge,
}

/// Reads `12` or `12.5` as an integer of 10^-`scale`.
pub(crate) fn parse(text: &str, scale: usize) -> Result<u64, DecimalError> {
    let magnitude = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(DecimalError::Malformed);
    }
    if magnitude.len() < text.len() {
        return Err(DecimalError::Negative);
    }
    let fraction = fraction.trim_end_matches('0');
    let padding = scale
        .checked_sub(fraction.len())
        .ok_or(DecimalError::TooPrecise)?;
    whole
        .bytes()
        .chain(fraction.bytes())
        .chain(std::iter::repeat_n(b'0', padding))
        .try_fold(0_u64, |value, digit| {
            value
                .checked_mul(10)?
                .checked_add(u64::from(digit.wrapping_sub(b'0')))
        })
        .ok_or(DecimalError::TooLarge)
}

/// Writes an integer of 10^-`scale` with no more decimals than it needs, but at least
/// `decimals_min`.
pub(crate) fn format(value: u64, scale: usize, decimals_min: usize) -> String {
    let digits = format!("{value:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() && decimals_min == 0 {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction:0<decimals_min$}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_read_exactly() {
        assert_eq!(parse("74.3", 1), Ok(743));
        assert_eq!(parse("74", 1), Ok(740));
        assert_eq!(parse("74.300", 1), Ok(743));
        assert_eq!(parse("0", 9), Ok(0));
        assert_eq!(parse("18446744073709551615", 0), Ok(u64::MAX));
    }

    #[test]
    fn what_is_no_decimal_of_the_scale_is_refused() {
        for text in [
            "", ".", "1.", ".5", "+1", "--1", "-", "1e3", "NaN", "inf", "0x1", "1_0", " 1", "1,5",
            "1.2.3", "١", "0.８", "-x",
        ] {
            assert_eq!(parse(text, 3), Err(DecimalError::Malformed), "{text}");
        }
        assert_eq!(parse("-0.5", 3), Err(DecimalError::Negative));
        assert_eq!(parse("0.0001", 3), Err(DecimalError::TooPrecise));
        assert_eq!(
            parse("18446744073709551616", 0),
            Err(DecimalError::TooLarge)
        );
        assert_eq!(parse(&"9".repeat(65_536), 3), Err(DecimalError::TooLarge));
    }

    #[test]
    fn no_more_decimals_are_written_than_needed_or_asked_for() {
        assert_eq!(format(80, 3, 0), "0.08");
        assert_eq!(format(80, 3, 4), "0.0800");
        assert_eq!(format(5_000, 3, 0), "5");
        assert_eq!(format(5_000, 3, 2), "5.00");
        assert_eq!(format(7, 0, 0), "7");
    }

    proptest! {
        #[test]
        fn writing_then_reading_gives_the_same(value: u64, scale in 0_usize..16, decimals in 0_usize..20) {
            prop_assert_eq!(parse(&format(value, scale, decimals), scale), Ok(value));
        }
    }
}
