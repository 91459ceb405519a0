//! Which attempts are kept, and how many each stands for.
//!
//! Attempts that ended well are counted by series, from nothing in each second of the log's time.
//! With N the set rate, the first N are kept one by one; of those after them one of each 2 is kept,
//! N times; then one of each 4, N times; and so on. So M attempts leave about N·log2(M/N + 1) rows.
//! A row's weight is how many it was drawn from, which is known when it is drawn: over whole draws
//! the weights add up to the attempts exactly, and a last draw that is cut short makes them miss by
//! less than one part in N, as likely above as below. Which one of a draw is kept, a hash decides, of
//! the series, the second and the draw, so that nothing periodic in traffic hides behind the steps.
//!
//! All of it follows from the records of that second up to this one. Whoever reads the second again
//! from its start draws the same.

use std::collections::HashMap;
use std::num::NonZeroU32;

use sextant_measure::id::SeriesId;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

/// Series that are counted apart within one second of a partition; those that come after them
/// share one count. It bounds what is held, and what a flood of names can bring into the store.
const SERIES_MAX: usize = 4_096;

const SECOND_US: i64 = 1_000_000;

/// A series' place among those that are counted, until the next second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lane(usize);

/// Counts the attempts of one second.
#[derive(Debug)]
pub(crate) struct Sampler {
    kept_each: NonZeroU32,
    second: i64,
    places: HashMap<SeriesId, Lane>,
    /// The first is shared by series past the bound.
    counts: Vec<Count>,
}

#[derive(Debug, Default)]
struct Count {
    /// Of the series' name.
    hash: u64,
    seen: u32,
}

impl Sampler {
    pub(crate) fn new(kept_each: NonZeroU32) -> Self {
        Self {
            kept_each,
            second: i64::MIN,
            places: HashMap::new(),
            counts: vec![Count::default()],
        }
    }

    /// Counts anew if the log's time has come to another second.
    pub(crate) fn advance(&mut self, appended_at_us: i64) {
        let second = second_of(appended_at_us);
        if second != self.second {
            self.second = second;
            self.places.clear();
            self.counts.clear();
            self.counts.push(Count::default());
        }
    }

    /// Where a series is counted.
    pub(crate) fn lane(&mut self, series: &SeriesId) -> Lane {
        if let Some(lane) = self.places.get(series) {
            return *lane;
        }
        if self.places.len() >= SERIES_MAX {
            return Lane(0);
        }
        let lane = Lane(self.counts.len());
        self.counts.push(Count {
            hash: hash(series),
            seen: 0,
        });
        self.places.insert(series.clone(), lane);
        lane
    }

    /// How many attempts the next one that ended well stands for; nothing if another one stands
    /// for it.
    pub(crate) fn weight(&mut self, lane: Lane) -> Option<NonZeroU32> {
        let count = self.counts.get_mut(lane.0)?;
        let n = count.seen;
        count.seen = count.seen.saturating_add(1);
        let draw = Draw::of(n, self.kept_each);
        let seed = count.hash ^ self.second.cast_unsigned().rotate_left(32);
        let place = xxh3_64_with_seed(&draw.first.to_le_bytes(), seed) % u64::from(draw.size.get());
        (place == u64::from(n - draw.first)).then_some(draw.size)
    }
}

/// Attempts of which one is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Draw {
    /// The number of its first one.
    first: u32,
    size: NonZeroU32,
}

impl Draw {
    /// The draw that holds the `n`th attempt, from 0.
    fn of(n: u32, kept_each: NonZeroU32) -> Self {
        // In round r there are N draws of 2^r; the rounds before it hold N·(2^r - 1).
        let round = (n / kept_each).saturating_add(1).ilog2();
        let size = 1_u32 << round;
        let before = kept_each.get().saturating_mul(size - 1);
        let first = n - (n - before) % size;
        Self {
            first,
            size: NonZeroU32::new(size).unwrap_or(NonZeroU32::MIN),
        }
    }
}

/// The second of the log's time in which a record was appended.
pub(crate) fn second_of(appended_at_us: i64) -> i64 {
    appended_at_us.div_euclid(SECOND_US)
}

fn hash(series: &SeriesId) -> u64 {
    let mut hasher = Xxh3::new();
    let endpoint = &series.endpoint;
    for text in [
        endpoint.model.as_str(),
        endpoint.provider.as_str(),
        endpoint.quantization.name(),
        series.region.as_str(),
    ] {
        hasher.update(text.as_bytes());
        hasher.update(b"\0");
    }
    hasher.digest()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region};
    use sextant_measure::quantization::Quantization;

    use super::*;

    fn series(n: usize) -> SeriesId {
        SeriesId {
            endpoint: EndpointId {
                model: ModelId::new(&format!("author/model-{n}")).unwrap(),
                provider: ProviderId::new("groq").unwrap(),
                quantization: Quantization::Fp8,
            },
            region: Region::default(),
        }
    }

    fn sampler(rate: u32) -> Sampler {
        Sampler::new(NonZeroU32::new(rate).unwrap())
    }

    /// The weights of so many attempts of one series in one second; 0 where another stands for it.
    fn weights(sampler: &mut Sampler, series: &SeriesId, attempts: u32) -> Vec<u32> {
        let lane = sampler.lane(series);
        let weight = |_| sampler.weight(lane).map_or(0, NonZeroU32::get);
        (0..attempts).map(weight).collect()
    }

    #[test]
    fn up_to_the_rate_each_attempt_stands_for_itself() {
        let mut sampler = sampler(100);
        sampler.advance(1);
        assert_eq!(weights(&mut sampler, &series(0), 100), [1; 100]);
        assert_eq!(weights(&mut sampler, &series(1), 100), [1; 100]);
        sampler.advance(SECOND_US);
        assert_eq!(weights(&mut sampler, &series(0), 100), [1; 100]);
    }

    #[test]
    fn whole_draws_add_up_exactly_and_rows_grow_with_the_logarithm() {
        let mut sampler = sampler(10);
        for (second, rounds) in (1_i64..).zip(1..=10) {
            sampler.advance(second * SECOND_US);
            let attempts = 10 * ((1 << rounds) - 1);
            let weights = weights(&mut sampler, &series(0), attempts);
            assert_eq!(weights.iter().sum::<u32>(), attempts);
            let rows = weights.iter().filter(|weight| **weight > 0).count();
            assert_eq!(rows, 10 * rounds);
        }
    }

    #[test]
    fn a_draw_keeps_any_of_its_attempts() {
        let mut sampler = sampler(1);
        let mut kept = [0_u32; 8];
        for second in 0..4_000 {
            sampler.advance(second * SECOND_US);
            // One, one of 2, one of 4, one of 8.
            let weights = weights(&mut sampler, &series(0), 15);
            kept[weights[7..].iter().position(|weight| *weight == 8).unwrap()] += 1;
        }
        assert!(kept.iter().all(|n| (400..600).contains(n)), "{kept:?}");
    }

    #[test]
    fn past_the_bound_series_share_a_count() {
        let mut sampler = sampler(1);
        sampler.advance(0);
        for n in 0..SERIES_MAX {
            assert_eq!(weights(&mut sampler, &series(n), 1), [1]);
        }
        let shared: u32 = (SERIES_MAX..SERIES_MAX + 1_023)
            .map(|n| weights(&mut sampler, &series(n), 1)[0])
            .sum();
        assert_eq!(shared, 1_023);
        assert_eq!(sampler.counts.len(), SERIES_MAX + 1);
        sampler.advance(SECOND_US);
        assert_eq!(sampler.counts.len(), 1);
    }

    #[test]
    fn the_last_attempt_there_can_be_is_drawn_too() {
        for rate in [1, 3, u32::MAX] {
            let draw = Draw::of(u32::MAX, NonZeroU32::new(rate).unwrap());
            assert!(u32::MAX - draw.first < draw.size.get(), "{draw:?}");
        }
    }

    proptest! {
        #[test]
        fn weights_never_miss_by_more_than_a_draw(
            rate in 1_u32..200,
            attempts in 0_u32..5_000,
            second in 0_i64..1_000,
        ) {
            let mut sampler = sampler(rate);
            sampler.advance(second * SECOND_US);
            let told: u32 = weights(&mut sampler, &series(0), attempts).iter().sum();
            let last = Draw::of(attempts.saturating_sub(1), NonZeroU32::new(rate).unwrap());
            prop_assert!(told.abs_diff(attempts) < last.size.get());
            if attempts > rate {
                let off = f64::from(told.abs_diff(attempts)) / f64::from(attempts);
                prop_assert!(off < 1.0 / f64::from(rate), "{told} of {attempts}");
            }
        }
    }
}
