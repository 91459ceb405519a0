//! What a log and a store count themselves.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Registry;

/// A counter's name, which `sextant_` goes before, and its help.
type Named = (&'static str, &'static str);

/// Counters in the order of their names.
#[derive(Debug, Clone)]
pub(super) struct Figures(Arc<[(Named, AtomicU64)]>);

impl Figures {
    /// Registers a counter for each name.
    pub(super) fn register(registry: &mut Registry, figures: &[Named]) -> Self {
        let counters = figures.iter().map(|named| (*named, AtomicU64::new(0)));
        let figures = Self(counters.collect());
        registry.register_collector(Box::new(figures.clone()));
        figures
    }

    /// Sets them, in the same order, to what has been counted since the start.
    pub(super) fn take(&self, values: &[u64]) {
        for ((_, counter), value) in self.0.iter().zip(values) {
            counter.store(*value, Ordering::Relaxed);
        }
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for ((name, help), counter) in self.0.iter() {
            let name = format!("sextant_{name}");
            let family = encoder.encode_descriptor(&name, help, None, MetricType::Counter)?;
            ConstCounter::new(counter.load(Ordering::Relaxed)).encode(family)?;
        }
        Ok(())
    }
}
