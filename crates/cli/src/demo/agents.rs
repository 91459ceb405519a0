//! Edge agents that report what they see of a simulated world, as real ones would.

use std::sync::Arc;
use std::time::Duration;

use sextant_measure::observation::Observation;
use sextant_measure::time::{Clock, MINUTE_US, Timestamp};
use sextant_reporter::error::ReporterError;
use sextant_reporter::options::Options;
use sextant_reporter::sender::Sender;
use sextant_reporter::target::{Target, Token};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::world::{Agent, World};

/// How much of the world's past is reported at the start, so that the windows are full within
/// seconds. A minute less than their 30: the oldest must still be in time when it arrives.
pub const PAST_US: i64 = 29 * MINUTE_US;
/// How much of it is made at a time.
const CHUNK_US: i64 = 10_000_000;
/// How often an agent looks at what has completed.
const INTERVAL: Duration = Duration::from_millis(100);
/// How long the last observations have to be acknowledged.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Starts the world's agents in tracked tasks. Each reports to the target under its own name,
/// the past first, until `stop` is cancelled.
pub fn start(
    world: &Arc<World>,
    target: &Target,
    token: &Token,
    clock: &Arc<dyn Clock>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(), ReporterError> {
    for agent in world.agents() {
        let transport = target.transport(Some(token), None, Arc::clone(clock))?;
        let options = Options::new(agent.id().clone());
        let sender = Sender::start(options, transport, Arc::clone(clock))?;
        let (world, agent) = (Arc::clone(world), Arc::clone(agent));
        let (clock, stop) = (Arc::clone(clock), stop.clone());
        tasks.spawn(async move {
            let send = |observation| sender.send(observation);
            let watching = watch(&world, &agent, &*clock, send);
            // Watching ends by itself only if the sender has; its report says why.
            stop.run_until_cancelled_owned(watching).await;
            let report = sender.finish(LAST_ANSWERS).await;
            if let Some(failure) = report.failure {
                tracing::warn!(agent = %agent.id(), %failure, "a simulated agent has stopped");
            }
        });
    }
    Ok(())
}

/// Reports what completes, until that fails.
async fn watch<E, F: Future<Output = Result<(), E>>>(
    world: &World,
    agent: &Agent,
    clock: &dyn Clock,
    send: impl Fn(Observation) -> F,
) -> Result<(), E> {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut from = Timestamp::default();
    loop {
        ticks.tick().await;
        let now = clock.now();
        // After a long pause, as of a laptop that slept, what is too old isn't made up for.
        from = from.max(now.plus_micros(-PAST_US));
        while from < now {
            let to = now.min(from.plus_micros(CHUNK_US));
            for observation in world.step(agent, from, to) {
                send(observation).await?;
            }
            from = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::convert::Infallible;
    use std::future::ready;
    use std::sync::atomic::AtomicI64;
    use std::sync::atomic::Ordering::Relaxed;

    use sextant_catalog::Catalog;
    use tokio::time::{Instant, timeout};

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_764_000_000_000_000);

    #[tokio::test(start_paused = true)]
    async fn the_past_is_reported_first_and_then_each_completion_once_and_in_time() {
        let (world, clock) = (world(), Paused::new());
        let agent = &world.agents()[0];
        let reported = RefCell::new(Vec::new());
        let send = |observation: Observation| {
            let ago_us = clock
                .now()
                .micros_since(observation.measurement.completed_at);
            reported.borrow_mut().push((ago_us, observation));
            ready(Ok::<_, Infallible>(()))
        };
        let watching = watch(&world, agent, &clock, send);
        assert!(
            timeout(Duration::from_millis(60_050), watching)
                .await
                .is_err()
        );
        let reported = reported.into_inner();
        let wanted = world.step(
            agent,
            START.plus_micros(-PAST_US),
            START.plus_micros(60_000_000),
        );
        assert!(
            reported
                .iter()
                .map(|(_, observation)| observation)
                .eq(&wanted)
        );
        let fresh = |observation: &Observation| observation.measurement.completed_at >= START;
        let present = || {
            reported
                .iter()
                .filter(|(_, observation)| fresh(observation))
        };
        assert!(present().count() > 3_000);
        assert!(present().all(|(ago_us, _)| (0..=101_000).contains(ago_us)));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_leap_of_the_clock_the_gap_is_made_up_for_by_no_more_than_the_past() {
        let (world, clock) = (world(), Paused::new());
        let last = Cell::new(START);
        let send = |observation: Observation| {
            let at = observation.measurement.completed_at;
            let gap_us = at.micros_since(last.replace(at));
            if at > START {
                clock.leap_us.store(5 * 60 * MINUTE_US, Relaxed);
            }
            ready(if gap_us > 60 * MINUTE_US {
                Err(at)
            } else {
                Ok(())
            })
        };
        let leapt_to = watch(&world, &world.agents()[0], &clock, send)
            .await
            .unwrap_err();
        let ago_us = clock.now().micros_since(leapt_to);
        assert!(
            (PAST_US - 1_000_000..=PAST_US).contains(&ago_us),
            "{ago_us}"
        );
    }

    fn world() -> World {
        World::new(&Catalog::shipped().unwrap(), 7).unwrap()
    }

    /// A clock that stands still with the tests' time, and can leap.
    struct Paused {
        started: Instant,
        leap_us: AtomicI64,
    }

    impl Paused {
        fn new() -> Self {
            Self {
                started: Instant::now(),
                leap_us: AtomicI64::new(0),
            }
        }
    }

    impl Clock for Paused {
        fn now(&self) -> Timestamp {
            let passed_us = self.started.elapsed().as_micros().try_into().unwrap();
            START
                .plus_micros(passed_us)
                .plus_micros(self.leap_us.load(Relaxed))
        }
    }
}
