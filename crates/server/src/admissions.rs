//! How many watches begin in a second.
//!
//! When a server ends, all that watched it come to the others. What is sent to them is encoded once,
//! but each has to be sent all of it; so they are let in little by little, and those who are not are
//! told to come back at moments of their own.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(1);

/// Lets so many begin in a second.
#[derive(Debug)]
pub(crate) struct Admissions {
    per_second_max: u32,
    present: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    since: Instant,
    begun: u32,
}

/// Too many have begun within the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooFast {
    pub(crate) per_second_max: u32,
    pub(crate) retry_after: Duration,
}

impl Admissions {
    pub(crate) fn new(per_second_max: NonZeroU32) -> Self {
        let present = Mutex::new(Window {
            since: Instant::now(),
            begun: 0,
        });
        Self {
            per_second_max: per_second_max.get(),
            present,
        }
    }

    /// Lets one in, or says when to come back.
    pub(crate) fn admit(&self) -> Result<(), TooFast> {
        let now = Instant::now();
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(present.since) >= WINDOW {
            *present = Window {
                since: now,
                begun: 0,
            };
        }
        if present.begun >= self.per_second_max {
            return Err(TooFast {
                per_second_max: self.per_second_max,
                retry_after: WINDOW.mul_f64(rand::random_range(0.5..3.0)),
            });
        }
        present.begun += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_begin_in_a_second_and_the_others_come_back_at_moments_of_their_own() {
        let admissions = Admissions::new(NonZeroU32::new(100).unwrap());
        let mut waits = Vec::new();
        for _ in 0..3 {
            let asked = (0..300).map(|_| admissions.admit());
            let refused: Vec<_> = asked.filter_map(Result::err).collect();
            assert_eq!(refused.len(), 200);
            waits.extend(refused.into_iter().map(|refused| refused.retry_after));
            advance(WINDOW).await;
        }
        let range = Duration::from_millis(500)..Duration::from_secs(3);
        assert!(waits.iter().all(|wait| range.contains(wait)));
        let early = waits
            .iter()
            .filter(|wait| wait.as_secs_f64() < 1.75)
            .count();
        assert!((200..400).contains(&early), "{early} of 600");
    }
}
