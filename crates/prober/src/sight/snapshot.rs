//! What a prober reads of a server's routing snapshot, as JSON.
//!
//! Format: the server's `GET /api/v1/snapshot`. What else stands in it is not looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use sextant_measure::id::Region;

use super::{AGE_MAX, Glimpse, Observed};
use crate::target::Endpoint;

/// What a server said, and not yet how old that is.
#[derive(Debug, Deserialize)]
pub(super) struct Snapshot {
    generated_at: Moment,
    coverage: Coverage,
    endpoints: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Coverage {
    partitions_whole: u32,
    partitions: u32,
}

#[derive(Debug, Deserialize)]
struct Row {
    model: String,
    provider: String,
    quantization: String,
    /// Nothing if nothing was measured of it.
    published_at: Option<Moment>,
    #[serde(default)]
    regions: BTreeMap<String, Figures>,
}

#[derive(Debug, Deserialize)]
struct Figures {
    uptime_1m: Count,
    success_1m: Count,
}

/// In RFC 3339.
#[derive(Debug, Clone, Copy)]
struct Moment(Timestamp);

#[derive(Debug, Deserialize)]
struct Count {
    n: u64,
}

/// The figures of one target, with how old they were when the snapshot was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figure {
    age: Duration,
    observed: Observed,
}

impl Snapshot {
    /// The figures of each target, in their order, as seen from a region.
    pub(super) fn figures(&self, targets: &[Endpoint], region: &Region) -> Vec<Option<Figure>> {
        let mut rows: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
        for row in &self.endpoints {
            let of = rows.entry((&row.model, &row.provider)).or_default();
            of.push(row);
        }
        let figure = |target: &Endpoint| {
            let named = rows.get(&(target.model.as_str(), target.provider.as_str()));
            self.figure(row_of(target, named.map_or(&[], Vec::as_slice)), region)
        };
        targets.iter().map(figure).collect()
    }

    fn figure(&self, row: Option<&Row>, region: &Region) -> Option<Figure> {
        let measured = row.and_then(|row| Some((row, row.published_at?)));
        let Some((row, published_at)) = measured else {
            // Whether nothing was seen of it is only known once all is there.
            let is_whole = self.coverage.partitions_whole >= self.coverage.partitions;
            return is_whole.then_some(Figure {
                age: Duration::ZERO,
                observed: Observed::default(),
            });
        };
        let age = self.generated_at.0.duration_since(published_at.0);
        let seen = row.regions.get(region.as_str());
        Some(Figure {
            age: age.try_into().unwrap_or_default(),
            observed: seen.map_or_else(Observed::default, |figures| Observed {
                all: figures.uptime_1m.n,
                live: figures.success_1m.n,
            }),
        })
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

impl Figure {
    /// What it is worth so long after the snapshot was received.
    pub(super) fn after(this: Option<Self>, since: Duration) -> Glimpse {
        match this {
            Some(figure) if figure.age + since <= AGE_MAX => Glimpse::Fresh(figure.observed),
            _ => Glimpse::Aged,
        }
    }
}

/// The row that a target's observations end up in. Without a quantization that is the catalog's only
/// one, or else the undisclosed one.
fn row_of<'r>(target: &Endpoint, named: &[&'r Row]) -> Option<&'r Row> {
    let with = |name: &str| named.iter().find(|row| row.quantization == name).copied();
    match (target.quantization, named) {
        (Some(quantization), _) => with(quantization.name()),
        (None, [only]) => Some(only),
        (None, _) => with("unknown"),
    }
}

#[cfg(test)]
mod tests {
    use sextant_measure::quantization::Quantization;

    use super::*;

    fn snapshot(whole: u32) -> Snapshot {
        let figures = |all: u64, live: u64| {
            serde_json::json!({"uptime_1m": {"ratio": null, "n": all},
                "success_1m": {"ratio": null, "n": live}, "status": "healthy"})
        };
        let row = |provider: &str, quantization: &str, at: Option<&str>| {
            serde_json::json!({"model": "a/b", "provider": provider, "quantization": quantization,
                "published_at": at,
                "regions": {"local": figures(3, 1), "elsewhere": figures(50, 40)}})
        };
        let now = Some("2026-11-22T14:29:58Z");
        serde_json::from_value(serde_json::json!({
            "version": "v", "generated_at": "2026-11-22T14:30:00.5Z", "observer_suspected": false,
            "coverage": {"partitions_whole": whole, "partitions": 4},
            "endpoints": [row("one", "fp8", now), row("two", "fp8", now),
                row("two", "unknown", now), row("old", "fp8", Some("2026-11-22T14:29:20Z")),
                row("none", "fp8", None)],
            "gates": []}))
        .unwrap()
    }

    fn endpoint(provider: &str, quantization: Option<Quantization>) -> Endpoint {
        Endpoint {
            model: "a/b".parse().unwrap(),
            provider: provider.parse().unwrap(),
            quantization,
        }
    }

    fn glimpses(whole: u32, region: &str, targets: &[Endpoint], since_s: u64) -> Vec<Glimpse> {
        let figures = snapshot(whole).figures(targets, &region.parse().unwrap());
        let since = Duration::from_secs(since_s);
        let glimpse = |figure| Figure::after(figure, since);
        figures.into_iter().map(glimpse).collect()
    }

    fn fresh(all: u64, live: u64) -> Glimpse {
        Glimpse::Fresh(Observed { all, live })
    }

    #[test]
    fn figures_are_those_of_the_row_and_region_that_observations_end_up_in() {
        let targets = [
            endpoint("one", None),
            endpoint("one", Some(Quantization::Fp8)),
            endpoint("one", Some(Quantization::Bf16)),
            endpoint("two", None),
            endpoint("none", None),
            endpoint("nobody", None),
        ];
        let seen = [
            fresh(3, 1),
            fresh(3, 1),
            fresh(0, 0),
            fresh(3, 1),
            fresh(0, 0),
            fresh(0, 0),
        ];
        assert_eq!(glimpses(4, "local", &targets, 0), seen);
        assert_eq!(glimpses(4, "elsewhere", &targets[..1], 0), [fresh(50, 40)]);
        assert_eq!(glimpses(4, "nowhere", &targets[..1], 0), [fresh(0, 0)]);
    }

    #[test]
    fn what_is_old_or_not_yet_there_is_not_gone_by() {
        let targets = [
            endpoint("one", None),
            endpoint("old", None),
            endpoint("nobody", None),
        ];
        let at = |since_s| glimpses(4, "local", &targets, since_s);
        assert_eq!(at(10), [fresh(3, 1), fresh(3, 1), fresh(0, 0)]);
        assert_eq!(at(30), [fresh(3, 1), Glimpse::Aged, fresh(0, 0)]);
        assert_eq!(at(58), [Glimpse::Aged, Glimpse::Aged, fresh(0, 0)]);
        assert_eq!(at(61), [Glimpse::Aged; 3]);
        let partial = glimpses(3, "local", &targets, 0);
        assert_eq!(partial, [fresh(3, 1), fresh(3, 1), Glimpse::Aged]);
    }
}
