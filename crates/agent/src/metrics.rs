//! What an agent counts beside what its intake counts.
//!
//! Observations: `kept = acknowledged + refused + dropped + held` holds at any time, also after a
//! restart, since all of it stands in the spool.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use sextant_measure::time::{Clock, Timestamp};
use sextant_reporter::report::Counters;
use tokio::sync::watch;

use crate::spool::{DROPS, Health, State};

/// What the names of an agent's metrics begin with.
const PREFIX: &str = "sextant_agent";

/// An agent's metrics, in the registry they were made in.
#[derive(Debug)]
pub struct Metrics {
    pub(crate) intake: sextant_intake::Metrics,
    followed: Arc<OnceLock<Followed>>,
}

/// Whose figures are read when someone asks for them.
#[derive(Debug)]
struct Followed {
    state: watch::Receiver<State>,
    counters: watch::Receiver<Counters>,
}

struct Present {
    followed: Arc<OnceLock<Followed>>,
    clock: Arc<dyn Clock>,
}

impl Metrics {
    /// Registers everything, the names beginning with `sextant_agent_`.
    pub fn register(registry: &mut Registry, clock: Arc<dyn Clock>) -> Self {
        let intake = sextant_intake::Metrics::register(registry, PREFIX);
        let followed = Arc::<OnceLock<Followed>>::default();
        let names = registry.sub_registry_with_prefix(PREFIX);
        names.register_collector(Box::new(Present {
            followed: Arc::clone(&followed),
            clock,
        }));
        Self { intake, followed }
    }

    /// From here on these are shown.
    pub(crate) fn follow(
        &self,
        state: watch::Receiver<State>,
        counters: watch::Receiver<Counters>,
    ) {
        let followed = Followed { state, counters };
        if self.followed.set(followed).is_err() {
            tracing::debug!("these metrics show another agent already");
        }
    }
}

impl fmt::Debug for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Present").finish_non_exhaustive()
    }
}

impl Collector for Present {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(followed) = self.followed.get() else {
            return Ok(());
        };
        let state = followed.state.borrow().clone();
        let counters = *followed.counters.borrow();
        gauges(&mut encoder, &state, &counters, self.clock.now())?;
        let totals = &state.totals;
        for (name, help, value) in [
            (
                "kept_observations",
                "Observations taken into the spool, or passed on at once",
                totals.recorded,
            ),
            (
                "passed_observations",
                "Of these, observations that went past the spool, since the process began",
                state.passed,
            ),
            (
                "acknowledged_observations",
                "Observations that a collector keeps",
                totals.acknowledged,
            ),
            (
                "turned_away_observations",
                "Observations that a collector refused one by one",
                totals.refused,
            ),
            (
                "connections",
                "Connections to collectors that came to be ready",
                counters.connections,
            ),
            (
                "failed_connections",
                "Connections lost or never made",
                counters.connections_failed,
            ),
            (
                "retries",
                "Times that a batch was sent again",
                counters.retries,
            ),
            (
                "refused_sendings",
                "Batches that a collector refused as a whole",
                counters.batches_refused,
            ),
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let help = "Times that the spool could not do what it should, by kind";
        let mut family =
            encoder.encode_descriptor("spool_errors", help, None, MetricType::Counter)?;
        for (kind, errors) in state.errors.by_kind() {
            let label = [("kind", kind)];
            ConstCounter::new(errors).encode(family.encode_family(&label)?)?;
        }
        dropped(&mut encoder, &totals.dropped)
    }
}

/// What has never happened is nought, not unknown.
fn dropped(
    encoder: &mut DescriptorEncoder<'_>,
    dropped: &BTreeMap<String, u64>,
) -> Result<(), fmt::Error> {
    let help = "Observations given up, by reason";
    let kind = MetricType::Counter;
    let mut family = encoder.encode_descriptor("dropped_observations", help, None, kind)?;
    let never = DROPS
        .into_iter()
        .filter(|reason| !dropped.contains_key(*reason));
    let told = dropped.iter().map(|(reason, n)| (reason.as_str(), *n));
    for (reason, observations) in told.chain(never.map(|reason| (reason, 0))) {
        let label = [("reason", reason)];
        ConstCounter::new(observations).encode(family.encode_family(&label)?)?;
    }
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a metric may be off by one in 2^52"
)]
fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    state: &State,
    counters: &Counters,
    now: Timestamp,
) -> Result<(), fmt::Error> {
    let age_us = state
        .oldest
        .map_or(0, |oldest| now.micros_since(oldest).max(0));
    let is = |health: Health| f64::from(u8::from(state.health == health));
    for (name, help, value) in [
        (
            "spool_batches",
            "Batches in the spool",
            state.batches as f64,
        ),
        (
            "spool_observations",
            "Observations in the spool",
            state.observations as f64,
        ),
        (
            "spool_bytes",
            "Bytes of the batches in the spool",
            state.bytes as f64,
        ),
        (
            "spool_lag_seconds",
            "Age of the oldest batch in the spool",
            age_us as f64 / 1e6,
        ),
        (
            "spool_full",
            "1 while the spool keeps nothing for want of room",
            is(Health::Full),
        ),
        (
            "spool_failed",
            "1 once the spool's disk has failed",
            is(Health::Failed),
        ),
        (
            "collector_connected",
            "1 while a collector takes batches",
            f64::from(u8::from(counters.is_connected)),
        ),
        (
            "clock_offset_seconds",
            "How far this clock is behind the collector's",
            counters.clock_offset_us as f64 / 1e6,
        ),
    ] {
        let gauge = ConstGauge::new(value);
        gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
    }
    Ok(())
}
