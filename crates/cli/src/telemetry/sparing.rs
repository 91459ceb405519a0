//! Warnings that repeat: an outage makes every partition say the same again and again. So many of
//! one place in the code are said in a while; the others are counted, and that is said.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

/// Lines of one place in a [`WHILE`].
const SAID_MAX: u32 = 10;
const WHILE: Duration = Duration::from_secs(10);
/// Where a list of problems is said, one a line: as a whole, and only when a person asks for it.
pub const LISTS: &str = "sextant::problems";

/// What was said, and what was not. Clones share it.
#[derive(Clone, Default)]
pub struct Sparing(Arc<Mutex<HashMap<Identifier, Said>>>);

struct Said {
    place: &'static Metadata<'static>,
    since: Instant,
    lines: u32,
    unsaid: u64,
}

impl Sparing {
    /// Does the work, and says meanwhile again and again how many lines were not said.
    pub async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => {
                    self.report();
                    return done;
                }
                () = sleep(WHILE) => self.report(),
            }
        }
    }

    /// Says how many lines were not said since this was called last.
    pub fn report(&self) {
        let unsaid: Vec<_> = self
            .held()
            .values_mut()
            .filter(|said| said.unsaid > 0)
            .map(|said| (said.place, std::mem::take(&mut said.unsaid)))
            .collect();
        for (place, lines) in unsaid {
            let (of, line) = (place.target(), place.line().unwrap_or_default());
            tracing::warn!(lines, of, line, "more of the same was not written");
        }
    }

    fn is_due(&self, place: &'static Metadata<'static>) -> bool {
        let mut held = self.held();
        let now = Instant::now();
        let said = held.entry(place.callsite()).or_insert_with(|| Said {
            place,
            since: now,
            lines: 0,
            unsaid: 0,
        });
        if now.duration_since(said.since) >= WHILE {
            (said.since, said.lines) = (now, 0);
        }
        if said.lines < SAID_MAX {
            said.lines += 1;
            return true;
        }
        said.unsaid += 1;
        false
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Identifier, Said>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Filter<S> for Sparing {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        // Errors and warnings alone: what else there is was asked for.
        let place = event.metadata();
        *place.level() > Level::WARN || place.target() == LISTS || self.is_due(place)
    }
}
