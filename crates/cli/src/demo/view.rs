//! What the numbers say of a model, as texts.

use sextant_catalog::{Benchmark, Catalog, Endpoint, Mix, Model};
use sextant_measure::figures::{Figures, Percentile, Percentiles, minimum};
use sextant_measure::id::EndpointId;
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_snapshot::best::fastest;
use sextant_snapshot::row::EndpointRow;

use crate::table::ABSENT;

const US_PER_MS: u64 = 1_000;
const MTPS_PER_TPS: u64 = 1_000;

/// A model and what is known of its endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelView {
    /// `author/slug`.
    pub id: String,
    /// The name shown to people.
    pub name: String,
    /// The lowest price among endpoints that aren't down.
    pub cheapest: Option<Best>,
    /// The highest throughput p95 among endpoints that aren't down and have enough samples.
    pub fastest: Option<Best>,
    /// The intelligence composite.
    pub composite: Option<String>,
    /// Its components: name and score.
    pub breakdown: Vec<String>,
    /// Its endpoints, the cheapest first.
    pub endpoints: Vec<EndpointView>,
}

/// A provider that leads in something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Best {
    /// Its figure, with the unit.
    pub figure: String,
    /// Its name.
    pub provider: String,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointView {
    /// The provider's name.
    pub provider: String,
    /// Class and quantization.
    pub quantization: String,
    /// USD per 1M tokens.
    pub input: String,
    /// USD per 1M tokens.
    pub output: String,
    /// p50 and p95 in milliseconds.
    pub latency: String,
    /// p50 and p95 in tokens per second.
    pub throughput: String,
    /// Over 30 minutes.
    pub uptime: String,
    /// Over 30 minutes.
    pub success: String,
    /// As routing sees it.
    pub status: Status,
}

/// All models of the catalog with what `row` knows of their endpoints.
pub fn models<'a>(
    catalog: &Catalog,
    row: impl Fn(&EndpointId) -> Option<&'a EndpointRow>,
) -> Vec<ModelView> {
    catalog
        .models()
        .map(|it| model(catalog, it, &row))
        .collect()
}

fn model<'a>(
    catalog: &Catalog,
    model: &Model,
    row: &impl Fn(&EndpointId) -> Option<&'a EndpointRow>,
) -> ModelView {
    let status = |endpoint: &Endpoint| row(&endpoint.id).map(|row| row.global().status);
    let name = |id: &EndpointId| catalog.provider_name(&id.provider).to_owned();
    let cheapest = model.cheapest(Mix::default(), |it| status(it) != Some(Status::Down));
    let rows = model.endpoints.iter().filter_map(|it| row(&it.id));
    let fastest = fastest(rows.map(|row| (row, row.global())));
    let by_price = model.endpoints_by_price(Mix::default());
    let nothing = Figures::default();
    let figures = |endpoint: &Endpoint| row(&endpoint.id).map_or(&nothing, EndpointRow::global);
    ModelView {
        id: model.id.to_string(),
        name: model.name.clone(),
        cheapest: cheapest.and_then(|endpoint| {
            Some(Best {
                figure: format!("{} / 1M", endpoint.price?.input),
                provider: name(&endpoint.id),
            })
        }),
        fastest: fastest.and_then(|(row, figures)| {
            let p95_mtps = figures.throughput_mtps.get(Percentile::P95)?;
            Some(Best {
                figure: format!("{} tok/s", rounded(p95_mtps, MTPS_PER_TPS)),
                provider: name(row.id()),
            })
        }),
        composite: composite(model),
        breakdown: breakdown(model),
        endpoints: by_price
            .into_iter()
            .map(|it| endpoint(it, name(&it.id), figures(it)))
            .collect(),
    }
}

fn composite(model: &Model) -> Option<String> {
    Some(model.benchmarks.as_ref()?.composite()?.to_string())
}

fn breakdown(model: &Model) -> Vec<String> {
    let scores = model.benchmarks.iter().flat_map(|benchmarks| {
        let scored = |it: Benchmark| Some(format!("{} {}", it.label(), benchmarks.score(it)?));
        Benchmark::ALL.into_iter().filter_map(scored)
    });
    scores.collect()
}

fn endpoint(endpoint: &Endpoint, provider: String, figures: &Figures) -> EndpointView {
    let price = endpoint.price;
    EndpointView {
        provider,
        quantization: endpoint.id.quantization.label(),
        input: price.map_or_else(absent, |price| format!("{:.4}", price.input)),
        output: price.map_or_else(absent, |price| format!("{:.4}", price.output)),
        latency: pair(&figures.latency_us, US_PER_MS),
        throughput: pair(&figures.throughput_mtps, MTPS_PER_TPS),
        uptime: percent(figures.uptime_30m()),
        success: percent(figures.success_30m()),
        status: figures.status,
    }
}

/// p50 and p95, or one dash for both.
fn pair(percentiles: &Percentiles, divisor: u64) -> String {
    let shown = |percentile| {
        percentiles
            .get(percentile)
            .map(|it| rounded(it, divisor).to_string())
    };
    match (shown(Percentile::P50), shown(Percentile::P95)) {
        (None, None) => absent(),
        (p50, p95) => {
            let (p50, p95) = (p50.unwrap_or_else(absent), p95.unwrap_or_else(absent));
            format!("{p50} / {p95}")
        }
    }
}

fn percent(ratio: Ratio) -> String {
    let enough = Some(ratio).filter(|ratio| ratio.whole >= minimum::RATIO);
    enough
        .and_then(Ratio::percent)
        .map_or_else(absent, |percent| percent.to_string())
}

/// The nearest whole, halves up.
fn rounded(value: u64, divisor: u64) -> u64 {
    value.saturating_add(divisor / 2) / divisor
}

fn absent() -> String {
    ABSENT.to_owned()
}

#[cfg(test)]
mod tests {
    use sextant_measure::counts::Counts;
    use sextant_measure::id::{ProviderId, Region};
    use sextant_measure::outcome::{Outcome, Source};
    use sextant_measure::time::Timestamp;
    use sextant_snapshot::row::{AgentsSeen, RegionFigures};

    use super::*;

    #[test]
    fn without_any_figures_prices_and_benchmarks_stand_beside_dashes() {
        let view = shown(&[]);
        assert_eq!(view.cheapest, Some(best("$0.08 / 1M", "DeepInfra")));
        assert_eq!(
            (view.fastest, view.composite.as_deref()),
            (None, Some("54.5"))
        );
        assert_eq!(
            view.breakdown,
            [
                "MMLU-Pro 74.3",
                "Code 32.8",
                "MATH 50.3",
                "GPQA Diamond 57.2"
            ]
        );
        let names = view.endpoints.iter().map(|it| it.provider.as_str());
        assert!(names.eq(["DeepInfra", "Groq", "Novita", "Google Vertex"]));
        let [first, ..] = &*view.endpoints else {
            panic!()
        };
        let wanted = ["q8 · fp8", "$0.0800", "$0.3000", "—", "—", "—", "—"];
        let texts = [
            &first.quantization,
            &first.input,
            &first.output,
            &first.latency,
            &first.throughput,
            &first.uptime,
            &first.success,
        ];
        assert_eq!(texts, wanted);
        assert_eq!(first.status, Status::Unknown);
    }

    #[test]
    fn figures_are_rounded_to_whole_units_and_ratios_down() {
        let mut figures = counted(&[
            (Source::Live, Outcome::Ok, 29_999),
            (Source::Live, Outcome::Timeout, 1),
        ]);
        figures.status = Status::Healthy;
        figures.latency_us.values[0] = Some(340_499);
        figures.latency_us.values[3] = Some(620_500);
        figures.throughput_mtps.values[0] = Some(84_500);
        let view = shown(&[("deepinfra", figures)]);
        let [first, ..] = &*view.endpoints else {
            panic!()
        };
        assert_eq!(
            (&*first.latency, &*first.throughput),
            ("340 / 621", "85 / —")
        );
        assert_eq!((&*first.uptime, &*first.success), ("99.99%", "99.99%"));
        assert_eq!(view.fastest, None);
    }

    #[test]
    fn uptime_by_probes_stands_beside_dashes_and_needs_twenty_of_them() {
        for (probes, uptime) in [(19, "—"), (20, "100.00%")] {
            let figures = counted(&[(Source::Probe, Outcome::Ok, probes)]);
            let view = shown(&[("deepinfra", figures)]);
            let [first, ..] = &*view.endpoints else {
                panic!()
            };
            assert_eq!((&*first.uptime, &*first.success), (uptime, "—"));
        }
    }

    #[test]
    fn one_that_is_down_leads_in_nothing() {
        let with = |status, p95_mtps| {
            let mut figures = Figures {
                status,
                ..Figures::default()
            };
            figures.throughput_mtps.values[3] = Some(p95_mtps);
            figures
        };
        let view = shown(&[
            ("deepinfra", with(Status::Down, 900_000)),
            ("groq", with(Status::Degraded, 211_000)),
            ("novita", with(Status::Healthy, 30_000)),
        ]);
        assert_eq!(view.cheapest, Some(best("$0.11 / 1M", "Groq")));
        assert_eq!(view.fastest, Some(best("211 tok/s", "Groq")));
    }

    fn shown(known: &[(&str, Figures)]) -> ModelView {
        let catalog = Catalog::shipped().unwrap();
        let row = |(provider, figures): &(&str, Figures)| {
            let of_provider = |id: &&EndpointId| id.provider == ProviderId::new(provider).unwrap();
            let listed = catalog
                .models()
                .flat_map(|model| &model.endpoints)
                .map(|it| &it.id);
            let region = Region::default();
            let seen = RegionFigures {
                region,
                figures: *figures,
            };
            let id = listed.into_iter().find(of_provider).unwrap().clone();
            EndpointRow::new(
                id,
                Timestamp::default(),
                AgentsSeen::default(),
                vec![seen],
                None,
            )
        };
        let rows: Vec<_> = known.iter().map(|it| row(it).unwrap()).collect();
        let mut views = models(&catalog, |id| rows.iter().find(|row| row.id() == id));
        views.remove(0)
    }

    fn counted(counted: &[(Source, Outcome, u32)]) -> Figures {
        let mut counts = Counts::default();
        for (source, outcome, n) in counted {
            for _ in 0..*n {
                counts.add(*source, *outcome);
            }
        }
        Figures {
            counts,
            ..Figures::default()
        }
    }

    fn best(figure: &str, provider: &str) -> Best {
        let (figure, provider) = (figure.to_owned(), provider.to_owned());
        Best { figure, provider }
    }
}
