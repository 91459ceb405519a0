//! What a log and a store count themselves, as gauges.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Gauges in the order of their names.
pub(super) struct Figures(Vec<Gauge>);

impl Figures {
    /// Registers a gauge for each name, which `sextant_` goes before, with its help.
    pub(super) fn register(registry: &mut Registry, figures: &[(&str, &str)]) -> Self {
        let gauges = figures.iter().map(|(name, help)| {
            let gauge = Gauge::default();
            registry.register(format!("sextant_{name}"), *help, gauge.clone());
            gauge
        });
        Self(gauges.collect())
    }

    /// Sets them, in the same order.
    pub(super) fn take(&self, values: &[u64]) {
        for (gauge, value) in self.0.iter().zip(values) {
            gauge.set(i64::try_from(*value).unwrap_or(i64::MAX));
        }
    }
}
