//! Which server is followed next.

use std::time::Duration;

use http::Uri;
use rand::seq::SliceRandom as _;
use tokio::time::{Instant, sleep_until};

/// Longest that a server may ask to be left alone.
const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);

/// The servers in an order of this gateway's own. One that asks to be left alone is passed over
/// until then, unless all do.
pub(crate) struct Servers {
    all: Vec<Uri>,
    left_until: Vec<Instant>,
    /// The one given last.
    last: usize,
}

impl Servers {
    pub(crate) fn new(mut all: Vec<Uri>) -> Self {
        all.shuffle(&mut rand::rng());
        Self {
            left_until: vec![Instant::now(); all.len()],
            last: all.len().saturating_sub(1),
            all,
        }
    }

    /// The next one that may be asked, as soon as there is one.
    pub(crate) async fn next(&mut self) -> Uri {
        let count = self.all.len().max(1);
        let order = (1..=count).map(|step| (self.last + step) % count);
        let until = |index: &usize| {
            let until = self.left_until.get(*index);
            until.copied().filter(|until| *until > Instant::now())
        };
        // Of those that are equally free the first.
        self.last = order.min_by_key(until).unwrap_or_default();
        if let Some(until) = until(&self.last) {
            sleep_until(until).await;
        }
        self.all.get(self.last).cloned().unwrap_or_default()
    }

    /// The one given last was left, and asks to be left alone for so long. Chance is added, or all
    /// who were told the same would come back at once.
    pub(crate) fn left(&mut self, retry_after: Duration) {
        let retry_after = retry_after.min(RETRY_AFTER_MAX);
        let retry_after = retry_after.mul_f64(rand::random_range(1.0..1.5));
        if let Some(until) = self.left_until.get_mut(self.last) {
            *until = Instant::now() + retry_after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Servers {
        Servers::new(["a", "b", "c"].map(|it| it.parse().unwrap()).to_vec())
    }

    #[tokio::test(start_paused = true)]
    async fn all_are_taken_in_turn() {
        let mut servers = three();
        let mut asked = Vec::new();
        for _ in 0..6 {
            asked.push(servers.next().await);
            servers.left(Duration::ZERO);
        }
        assert_eq!(asked[..3], asked[3..]);
        asked.sort_by_key(ToString::to_string);
        asked.dedup();
        assert_eq!(asked.len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_asks_to_be_left_alone_keeps_nobody_from_the_others() {
        let mut servers = three();
        let began = Instant::now();
        let first = servers.next().await;
        servers.left(Duration::from_secs(10));
        for _ in 0..5 {
            assert_ne!(servers.next().await, first);
            servers.left(Duration::ZERO);
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        // If all do, the one whose time comes first is waited for, and no longer than may be asked.
        let mut servers = three();
        for _ in 0..3 {
            servers.next().await;
            servers.left(Duration::from_hours(1));
        }
        servers.next().await;
        let waited = began.elapsed();
        let range = Duration::from_mins(1)..Duration::from_secs(90);
        assert!(range.contains(&waited), "{waited:?}");
    }
}
