//! When a simulated endpoint is out: once in each stretch of time, for a while.

use rand::RngExt as _;

use super::dice;

/// Each stretch of so many seconds has one outage, which begins and ends within it.
pub(super) const STRETCH_S: u64 = 900;
const STRETCH: f64 = 900.0;
/// The shortest outage, as a part of the longest.
const SHORTEST: f64 = 0.4;
/// Tells these dice from those of agents.
const LANE: u64 = u64::MAX;

/// Whether the endpoint is out in this second since the epoch.
pub(super) fn is_on(seed: u64, endpoint: u64, longest_s: f64, second: u64) -> bool {
    let mut dice = dice::at(seed, [endpoint, LANE, second / STRETCH_S]);
    let length = longest_s * dice.random_range(SHORTEST..1.0);
    let start = dice::whole(dice.random_range(0.0..STRETCH - length));
    (start..start + dice::whole(length)).contains(&(second % STRETCH_S))
}
