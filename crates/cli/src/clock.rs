//! The one real clock.

use std::time::{SystemTime, UNIX_EPOCH};

use sextant_measure::time::{Clock, Timestamp};

/// What the machine's clock says.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else takes as an argument"
    )]
    fn now(&self) -> Timestamp {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()),
            Err(before) => i64::try_from(before.duration().as_micros()).map(|micros| -micros),
        };
        Timestamp::from_micros(micros.unwrap_or(i64::MAX))
    }
}
