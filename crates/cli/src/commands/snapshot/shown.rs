//! The routing snapshot, as far as a table shows it.

use std::collections::BTreeMap;

use serde::Deserialize;
use sextant_measure::quantization::Quantization;
use sextant_measure::ratio as measure;

use crate::escape::OneLine;
use crate::table::{Cell, Column, Table, Tone};

#[derive(Debug, Deserialize)]
pub(super) struct Snapshot {
    generated_at: String,
    coverage: Coverage,
    observer_suspected: bool,
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Deserialize)]
struct Coverage {
    partitions_whole: u32,
    partitions: u32,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    model: String,
    provider: String,
    quantization: String,
    price: Option<Price>,
    global: Option<Figures>,
}

#[derive(Debug, Deserialize)]
struct Price {
    input: String,
    output: String,
}

#[derive(Debug, Deserialize)]
struct Figures {
    status: String,
    uptime_30m: Ratio,
    success_30m: Ratio,
    latency_ms: Percentiles,
    throughput_tps: Percentiles,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Ratio {
    ratio: Option<f64>,
    n: u64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Percentiles {
    p50: Option<f64>,
    p95: Option<f64>,
}

impl Snapshot {
    /// A table for each model, under what holds for all of them.
    pub(super) fn text(&self, colour: bool) -> String {
        let Coverage {
            partitions_whole,
            partitions,
        } = self.coverage;
        let mut head = format!(
            "{}, {partitions_whole} of {partitions} partitions",
            OneLine(&self.generated_at)
        );
        if self.observer_suspected {
            head.push_str(", observer suspected: statuses mean little");
        }
        let mut parts = vec![head];
        let mut models: BTreeMap<&str, Vec<&Endpoint>> = BTreeMap::new();
        for endpoint in &self.endpoints {
            models.entry(&endpoint.model).or_default().push(endpoint);
        }
        for (model, endpoints) in models {
            let mut table = Table::new(columns());
            for endpoint in endpoints {
                table.push(endpoint.cells());
            }
            parts.push(format!("{}\n{}", OneLine(model), table.render(colour)));
        }
        if self.endpoints.is_empty() {
            parts.push("no endpoints".to_owned());
        }
        parts.join("\n\n")
    }
}

fn columns() -> [Column; 11] {
    [
        Column::text("provider"),
        Column::text("quantization"),
        Column::number("$/M in"),
        Column::number("$/M out"),
        Column::number("TTFT p50 ms"),
        Column::number("p95"),
        Column::number("tok/s p50"),
        Column::number("p95"),
        Column::number("uptime"),
        Column::number("success"),
        Column::text("status"),
    ]
}

impl Endpoint {
    fn cells(&self) -> [Cell; 11] {
        let price = self.price.as_ref();
        let figures = self.global.as_ref();
        let latency = figures.map(|figures| figures.latency_ms);
        let throughput = figures.map(|figures| figures.throughput_tps);
        let tenths = |value: Option<f64>| Cell::optional(value.map(|value| format!("{value:.1}")));
        let percent = |ratio: Option<Ratio>| Cell::optional(ratio.and_then(Ratio::percent));
        [
            Cell::new(&self.provider),
            Cell::new(self.quantization()),
            Cell::optional(price.map(|price| price.input.clone())),
            Cell::optional(price.map(|price| price.output.clone())),
            tenths(latency.and_then(|latency| latency.p50)),
            tenths(latency.and_then(|latency| latency.p95)),
            tenths(throughput.and_then(|throughput| throughput.p50)),
            tenths(throughput.and_then(|throughput| throughput.p95)),
            percent(figures.map(|figures| figures.uptime_30m)),
            percent(figures.map(|figures| figures.success_30m)),
            figures.map_or_else(|| Cell::optional(None), Figures::status),
        ]
    }

    /// With its class, as on the page. One that this version doesn't know stands as it came.
    fn quantization(&self) -> String {
        let known = self.quantization.parse::<Quantization>();
        known.map_or_else(|_| self.quantization.clone(), Quantization::label)
    }
}

impl Figures {
    fn status(&self) -> Cell {
        let tone = match self.status.as_str() {
            "healthy" => Tone::Good,
            "degraded" => Tone::Doubtful,
            "down" => Tone::Bad,
            _ => Tone::Faint,
        };
        Cell::new(&self.status).toned(tone)
    }
}

impl Ratio {
    /// The counts tell more than their quotient, which can fall short of a round percentage.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a ratio of at most 1 of a count below 2^52; a float cast saturates"
    )]
    fn percent(self) -> Option<String> {
        let part = (self.ratio? * self.n as f64).round() as u64;
        let percent = measure::Ratio::new(part, self.n).percent();
        percent.map(|percent| percent.to_string())
    }
}
