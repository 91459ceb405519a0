//! Which endpoint is cheaper: one number made of two prices, and the order that follows.

use sextant_measure::id::ProviderId;
use sextant_measure::quantization::Quantization;

use crate::price::Price;

/// What an endpoint charges. There is no price for one direction alone: it could not be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pricing {
    /// For the prompt.
    pub input: Price,
    /// For the completion.
    pub output: Price,
}

impl Pricing {
    /// The mean of both prices, weighted by the mix, to the nearest 10^-9 USD (halves up).
    pub fn blended(self, mix: Mix) -> Price {
        let parts = u128::from(mix.input) + u128::from(mix.output);
        let nano_usd = (2 * self.weighted(mix) + parts) / (2 * parts);
        // A mean of two prices is a price.
        u64::try_from(nano_usd)
            .ok()
            .and_then(Price::from_nano_usd)
            .unwrap_or(Price::MAX)
    }

    /// The blended price times the mix's parts: exact, so that what differs never ties.
    pub fn weighted(self, mix: Mix) -> u128 {
        u128::from(self.input.as_nano_usd()) * u128::from(mix.input)
            + u128::from(self.output.as_nano_usd()) * u128::from(mix.output)
    }
}

/// How many parts of input stand against how many of output in a blended price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mix {
    input: u32,
    output: u32,
}

impl Mix {
    /// So many parts of input to so many of output; none if both are zero.
    pub fn new(input: u32, output: u32) -> Option<Self> {
        (input > 0 || output > 0).then_some(Self { input, output })
    }
}

impl Default for Mix {
    /// 3 parts input to 1 part output.
    fn default() -> Self {
        Self {
            input: 3,
            output: 1,
        }
    }
}

/// Where an endpoint stands among those of its model by price, the cheapest least: by blended
/// price, then output price, then provider and quantization, so that no two are equal. Endpoints
/// without a price come last.
///
/// Only ranks made with the same [`Mix`] compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PriceRank<'a> {
    price: RankedPrice,
    provider: &'a ProviderId,
    quantization: Quantization,
}

impl<'a> PriceRank<'a> {
    /// The rank of an endpoint that charges `pricing`.
    pub fn new(
        pricing: Option<Pricing>,
        mix: Mix,
        provider: &'a ProviderId,
        quantization: Quantization,
    ) -> Self {
        let price = pricing.map_or(RankedPrice::Unknown, |pricing| RankedPrice::Known {
            weighted: pricing.weighted(mix),
            output: pricing.output,
        });
        Self {
            price,
            provider,
            quantization,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RankedPrice {
    Known { weighted: u128, output: Price },
    Unknown,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pricing(input: &str, output: &str) -> Pricing {
        Pricing {
            input: input.parse().unwrap(),
            output: output.parse().unwrap(),
        }
    }

    #[test]
    fn the_blended_price_is_three_parts_input_to_one_part_output() {
        let blended = |input, output| pricing(input, output).blended(Mix::default()).to_decimal();
        assert_eq!(blended("0.08", "0.30"), "0.135");
        assert_eq!(blended("0", "0.000000002"), "0.000000001");
        assert_eq!(blended("0", "0.000000001"), "0");
        assert_eq!(blended("1000000", "1000000"), "1000000");
        assert_eq!(
            pricing("1", "9")
                .blended(Mix::new(0, 1).unwrap())
                .to_decimal(),
            "9"
        );
        assert_eq!(
            pricing("1", "9")
                .blended(Mix::new(u32::MAX, u32::MAX).unwrap())
                .to_decimal(),
            "5"
        );
        assert_eq!(Mix::new(0, 0), None);
    }

    #[test]
    fn ties_go_to_the_lower_output_price_then_to_the_slug_and_no_price_comes_last() {
        let (a, b) = (ProviderId::new("a").unwrap(), ProviderId::new("b").unwrap());
        let rank = |pricing, provider| {
            PriceRank::new(pricing, Mix::default(), provider, Quantization::Fp8)
        };
        // All three blend to 1.
        let (low, high) = (pricing("1.2", "0.4"), pricing("1", "1"));
        let mut ranks = vec![
            rank(None, &a),
            rank(Some(high), &b),
            rank(Some(high), &a),
            rank(Some(low), &b),
        ];
        ranks.sort();
        assert_eq!(
            ranks,
            [
                rank(Some(low), &b),
                rank(Some(high), &a),
                rank(Some(high), &b),
                rank(None, &a)
            ]
        );
    }

    #[test]
    fn prices_that_differ_by_less_than_a_blended_unit_still_have_an_order() {
        let (a, b) = (ProviderId::new("a").unwrap(), ProviderId::new("b").unwrap());
        let (dear, cheap) = (pricing("0", "0.000000003"), pricing("0", "0.000000002"));
        assert_eq!(dear.blended(Mix::default()), cheap.blended(Mix::default()));
        let rank = |pricing, provider| {
            PriceRank::new(Some(pricing), Mix::default(), provider, Quantization::Fp8)
        };
        assert!(rank(cheap, &b) < rank(dear, &a));
    }

    proptest! {
        #[test]
        fn a_blended_price_lies_between_its_two_prices(
            input in 0..=Price::MAX.as_nano_usd(),
            output in 0..=Price::MAX.as_nano_usd(),
            parts in (0_u32.., 0_u32..),
        ) {
            prop_assume!(parts != (0, 0));
            let price = |nano_usd| Price::from_nano_usd(nano_usd).unwrap();
            let (input, output) = (price(input), price(output));
            let blended = Pricing { input, output }.blended(Mix::new(parts.0, parts.1).unwrap());
            prop_assert!(input.min(output) <= blended && blended <= input.max(output));
        }
    }
}
