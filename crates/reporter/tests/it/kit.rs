//! What all tests need.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sextant_measure::id::{ModelId, ProviderId, RequestId};
use sextant_measure::observation::{Definition, Measurement, Observation};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::time::{Clock, Timestamp};
use sextant_reporter::options::Options;
use sextant_reporter::report::Report;
use sextant_reporter::sender::Sender;
use sextant_reporter::transport::Transport;
use tokio::time::{Instant, sleep};

/// When the tests' clocks begin.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
/// Longer than any test's outage, in paused time.
pub(crate) const LONG: Duration = Duration::from_hours(4);
/// For tests with real sockets.
pub(crate) const PATIENT: Duration = Duration::from_secs(30);

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Follows tokio's time, and can be set wrong.
pub(crate) struct TestClock {
    began: Instant,
    skew_us: AtomicI64,
}

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Self::wrong_by(0)
    }

    pub(crate) fn wrong_by(skew_us: i64) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            skew_us: AtomicI64::new(skew_us),
        })
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let elapsed_us = i64::try_from(self.began.elapsed().as_micros()).unwrap();
        START.plus_micros(elapsed_us + self.skew_us.load(Ordering::Relaxed))
    }
}

/// The nth observation, named `r<n>`, of one of 23 endpoints.
pub(crate) fn observation(n: u64) -> Observation {
    Observation {
        definition: Definition {
            model: ModelId::new(&format!("meta/llama-{}", n % 23)).unwrap(),
            provider: ProviderId::new("groq").unwrap(),
            quantization: None,
            region: None,
        },
        measurement: Measurement {
            completed_at: START.plus_micros(i64::try_from(n).unwrap() * 1_000),
            outcome: Outcome::Ok,
            source: Source::Live,
            streamed: true,
            ttft_us: Some(200_000 + n),
            duration_us: Some(800_000),
            input_tokens: Some(550),
            output_tokens: Some(150),
            status_code: Some(200),
            attempt: 1,
            is_final: true,
        },
        request_id: Some(RequestId::new(&format!("r{n}")).unwrap()),
        tier: None,
        operation: None,
    }
}

/// Batches of ten; the other bounds are the defaults.
pub(crate) fn options() -> Options {
    Options {
        batch_observations_max: 10,
        ..Options::new("tester".parse().unwrap())
    }
}

/// The same, with waits that suit real time.
pub(crate) fn quick() -> Options {
    Options {
        batch_delay: ms(5),
        retry_delay_min: ms(5),
        retry_delay_max: ms(40),
        answer_timeout: PATIENT,
        ..options()
    }
}

/// And not waiting long for an answer.
pub(crate) fn hasty() -> Options {
    Options {
        answer_timeout: ms(300),
        ..quick()
    }
}

pub(crate) fn start(options: Options, transport: Arc<dyn Transport>) -> Sender {
    Sender::start(options, transport, TestClock::new()).unwrap()
}

pub(crate) async fn send(sender: &Sender, count: u64) {
    for n in 0..count {
        sender.send(observation(n)).await.unwrap();
    }
}

/// Sends so many and waits for the end.
pub(crate) async fn send_all(
    options: Options,
    transport: Arc<dyn Transport>,
    count: u64,
    within: Duration,
) -> Report {
    let sender = start(options, transport);
    send(&sender, count).await;
    sender.finish(within).await
}

/// Waits for what happens on other threads.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENT, "it never happened");
        sleep(ms(2)).await;
    }
}
