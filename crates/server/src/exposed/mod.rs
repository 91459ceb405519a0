//! What `/metrics` says of endpoints, and of the numbers as a whole.
//!
//! Nothing is kept: when someone asks, it is read from the present edition. A number that is absent
//! has no sample, so that nobody takes it for nought or for what it was before.
//!
//! # Constraints
//!
//! - At most `metrics_endpoints_max` series of each family: one for each endpoint over all regions,
//!   and one for each region that it is seen from. An endpoint that has no room is left out whole,
//!   and counted. Those of the catalog come first, so that names which senders make up cost no
//!   listed endpoint its place.

mod families;

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use sextant_catalog::EndpointFacts;
use sextant_measure::id::{EndpointId, GLOBAL_REGION};
use sextant_measure::time::{Clock, Timestamp};
use sextant_snapshot::row::EndpointRow;

use self::families::{BY_ENDPOINT, BY_SERIES, Family};
use crate::edition::Edition;
use crate::filter::Filter;
use crate::follow::Progress;
use crate::http::numbers::Seen;
use crate::hub::Hub;

/// Reads what is shown when someone asks.
pub(crate) struct Exposed {
    pub(crate) hub: Arc<Hub>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Series of each family at most.
    pub(crate) series_max: usize,
}

/// An endpoint that is shown.
#[derive(Clone, Copy)]
struct Shown<'e> {
    id: &'e EndpointId,
    row: Option<&'e EndpointRow>,
    facts: Option<&'e EndpointFacts>,
    age_us: i64,
}

/// An endpoint as seen from a region, or from all.
#[derive(Clone, Copy)]
struct Series<'e> {
    id: &'e EndpointId,
    region: &'e str,
    seen: Option<Seen<'e>>,
}

/// Those that are shown, and how many there was no room for.
struct Chosen<'e> {
    shown: Vec<Shown<'e>>,
    left_out: usize,
}

impl<'e> Chosen<'e> {
    /// Those of the catalog, then those seen in traffic alone, each by its id.
    fn of(edition: &'e Edition, now: Timestamp, series_max: usize) -> Self {
        let (mut chosen, mut room) = (
            Self {
                shown: Vec::new(),
                left_out: 0,
            },
            series_max,
        );
        let mut listed: Vec<_> = edition.facts(&Filter::all()).collect();
        listed.sort_unstable_by_key(|facts| &facts.id);
        let rows = edition.snapshot().rows();
        let of_catalog = listed.iter().map(|facts| {
            let row = edition.snapshot().row(&facts.id);
            (&facts.id, row.map(|row| &*row.value), Some(*facts))
        });
        let is_listed = |id: &EndpointId| {
            let found = listed.binary_search_by(|facts| facts.id.cmp(id));
            found.is_ok()
        };
        let others = rows
            .iter()
            .map(|row| (row.value.id(), Some(&*row.value), None));
        let others = others.filter(|(id, _, _)| !is_listed(id));
        for (id, row, facts) in of_catalog.chain(others) {
            let series = 1 + row.map_or(0, |row| row.regions().len());
            if series > room {
                chosen.left_out += 1;
                continue;
            }
            room -= series;
            let age_us = row.map_or(0, |row| row.age_us(now));
            chosen.shown.push(Shown {
                id,
                row,
                facts,
                age_us,
            });
        }
        chosen
    }

    fn series(&self) -> impl Iterator<Item = Series<'e>> {
        self.shown.iter().flat_map(|shown| {
            let Shown {
                id, row, age_us, ..
            } = *shown;
            let seen = move |figures| Seen { figures, age_us };
            let global = Series {
                id,
                region: GLOBAL_REGION,
                seen: row.map(|row| seen(row.global())),
            };
            let regions = row.map(EndpointRow::regions).unwrap_or_default();
            let regions = regions.iter().map(move |held| Series {
                id,
                region: held.region.as_str(),
                seen: Some(seen(&held.figures)),
            });
            std::iter::once(global).chain(regions)
        })
    }
}

impl Exposed {
    fn whole(&self, encoder: &mut DescriptorEncoder<'_>, now: Timestamp) -> fmt::Result {
        let (whole, all) = self.progress.coverage(|_| true);
        let coverage = (all > 0).then(|| f64::from(whole) / f64::from(all));
        gauge(
            encoder,
            "sextant_server_coverage_ratio",
            "Partitions whose numbers are whole, of all",
            coverage,
        )?;
        let as_of = self.progress.as_of(|_| true);
        gauge(
            encoder,
            "sextant_server_input_age_seconds",
            "Time since everything that had been reported was in the numbers served",
            as_of.map(|as_of| seconds(now.micros_since(as_of).max(0))),
        )
    }

    fn edition(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        edition: &Edition,
        now: Timestamp,
    ) -> fmt::Result {
        let chosen = Chosen::of(edition, now, self.series_max);
        let header = edition.snapshot().header();
        for (name, help, value) in [
            (
                "sextant_server_observer_suspected",
                "1 while so many providers are down that the observer is the likelier cause",
                f64::from(u8::from(header.observer_suspected)),
            ),
            (
                "sextant_server_endpoints",
                "Endpoints served, those of the catalog without observations included",
                count(chosen.shown.len() + chosen.left_out),
            ),
            (
                "sextant_server_endpoints_left_out",
                "Of these, endpoints without gauges of their own for want of room",
                count(chosen.left_out),
            ),
        ] {
            gauge(encoder, name, help, Some(value))?;
        }
        for family in &BY_SERIES {
            let series = chosen.series();
            let samples = series.map(|series| (series.labels(), (family.of)(series.seen)));
            write(encoder, family, samples)?;
        }
        for family in &BY_ENDPOINT {
            let shown = chosen.shown.iter();
            let samples = shown.map(|shown| {
                let [model, provider, quantization] = endpoint_labels(shown.id);
                ([model, provider, quantization], (family.of)(*shown))
            });
            write(encoder, family, samples)?;
        }
        Ok(())
    }
}

impl Collector for Exposed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = self.clock.now();
        self.whole(&mut encoder, now)?;
        match self.hub.present() {
            Some(edition) => self.edition(&mut encoder, &edition, now),
            None => Ok(()),
        }
    }
}

impl<'e> Series<'e> {
    fn labels(&self) -> [(&'static str, &'e str); 4] {
        let [model, provider, quantization] = endpoint_labels(self.id);
        [model, provider, quantization, ("region", self.region)]
    }
}

fn endpoint_labels(id: &EndpointId) -> [(&'static str, &str); 3] {
    [
        ("model", id.model.as_str()),
        ("provider", id.provider.as_str()),
        ("quantization", id.quantization.name()),
    ]
}

/// All samples of a family. The descriptor stands also over none.
fn write<'e, const N: usize, F>(
    encoder: &mut DescriptorEncoder<'_>,
    family: &Family<F>,
    samples: impl Iterator<Item = ([(&'static str, &'e str); N], families::Samples)>,
) -> fmt::Result {
    let name = format!("sextant_endpoint_{}", family.name);
    let kind = MetricType::Gauge;
    let mut metric = encoder.encode_descriptor(&name, family.help, None, kind)?;
    for (labels, values) in samples {
        for (told_apart, value) in values.into_iter().flatten() {
            let gauge = ConstGauge::new(value);
            match family.label {
                "" => gauge.encode(metric.encode_family(&labels)?)?,
                label => {
                    let labels = Labelled {
                        labels,
                        last: (label, told_apart),
                    };
                    gauge.encode(metric.encode_family(&labels)?)?;
                }
            }
        }
    }
    Ok(())
}

/// Labels and one more.
struct Labelled<'e, const N: usize> {
    labels: [(&'static str, &'e str); N],
    last: (&'static str, &'static str),
}

impl<const N: usize> EncodeLabelSet for Labelled<'_, N> {
    fn encode(
        &self,
        encoder: &mut prometheus_client::encoding::LabelSetEncoder<'_>,
    ) -> fmt::Result {
        self.labels.encode(encoder)?;
        [self.last].encode(encoder)
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: Option<f64>,
) -> fmt::Result {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    value.map_or(Ok(()), |value| ConstGauge::new(value).encode(metric))
}

impl fmt::Debug for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposed")
            .field("series_max", &self.series_max)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "ages and counts, far below 2^52"
)]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

#[expect(
    clippy::cast_precision_loss,
    reason = "ages and counts, far below 2^52"
)]
fn count(n: usize) -> f64 {
    n as f64
}
