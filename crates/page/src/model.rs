//! The page of a model.

use askama::Template;
use serde::Serialize;
use sextant_measure::quantization::Quantization;
use sextant_measure::status::Status;

use crate::cell::{ABSENT, Cell};
use crate::frame::{Frame, Part};
use crate::strip::Strip;

/// The page of a model.
#[derive(Debug, Template)]
#[template(path = "model.html")]
pub struct ModelPage {
    /// What stands on every page.
    pub frame: Frame,
    /// Who routes by these numbers: `Atlas`.
    pub gateway: String,
    /// `author/slug`.
    pub id: String,
    /// The name shown to people.
    pub name: String,
    /// In a sentence or two, or nothing.
    pub description: String,
    /// The lowest price among endpoints that are not down.
    pub cheapest: Lead,
    /// The highest throughput p95 among endpoints that are not down and have enough samples.
    pub fastest: Lead,
    /// What benchmarks say, if there are any.
    pub intelligence: Option<Intelligence>,
    /// Where the numbers were measured, `global` first.
    pub regions: Vec<Region>,
    /// How many more regions there are.
    pub regions_unshown: usize,
    /// The endpoints, the cheapest first.
    pub rows: Vec<Row>,
    /// How many more there are.
    pub rows_unshown: usize,
    /// Whether the last minutes are missing: the store can't be read.
    pub is_store_away: bool,
    /// How each tier routes it.
    pub tiers: Vec<Tier>,
}

/// Who leads in something, or why nobody does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lead {
    /// The figure with its unit: `$0.08 / 1M`. A dash if nobody does.
    pub figure: String,
    /// The provider's name, or the reason.
    pub provider: String,
    /// Which endpoint it is.
    pub tag: Option<String>,
    /// Whether it can be relied on.
    pub standing: Option<Standing>,
}

/// What benchmarks say of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intelligence {
    /// The weighted mean: `54.5`.
    pub composite: String,
    /// What it is made of.
    pub components: Vec<Component>,
    /// Where the scores were published.
    pub source: String,
}

/// A benchmark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub label: &'static str,
    /// What it measures.
    pub caption: &'static str,
    /// Its share of the composite when all are present, in percent.
    pub weight_percent: u32,
    /// The score, or a dash.
    pub score: String,
}

/// A region that can be looked at alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Its name; `global` is all of them.
    pub name: String,
    /// Whether it is the one that is shown.
    pub is_shown: bool,
}

/// An endpoint.
#[derive(Debug, Clone)]
pub struct Row {
    /// `provider/quantization`, by which its cells are found.
    pub tag: String,
    /// The provider's name.
    pub provider: String,
    /// The precision it is served in.
    pub quantization: Quantization,
    /// USD per 1M input tokens.
    pub input: Cell,
    /// USD per 1M output tokens.
    pub output: Cell,
    /// Its numbers, in the order of [`Metric::ALL`].
    pub metrics: [Cell; 6],
    /// Whether it can be relied on.
    pub standing: Standing,
    /// What each of the last 30 minutes saw.
    pub strip: Strip,
    /// The same numbers by region.
    pub regions: Vec<RegionRow>,
    /// How many more regions there are.
    pub regions_unshown: usize,
    /// What evaluations say: operation and verdict.
    pub gates: Vec<(String, &'static str)>,
    /// Other windows and counts, each with what it is: `Uptime 1 d`.
    pub more: Vec<(&'static str, Cell)>,
}

/// An endpoint's numbers from one region.
#[derive(Debug, Clone)]
pub struct RegionRow {
    /// The region.
    pub name: String,
    /// In the order of [`Metric::ALL`].
    pub metrics: [Cell; 6],
    /// Whether it can be relied on from there.
    pub standing: Standing,
}

/// Whether an endpoint can be relied on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// `healthy`, `unknown`, `degraded` or `down`: the word, and the name of its icon and colour.
    pub word: &'static str,
    /// What it is sorted by: the worse, the more.
    pub order: u8,
    /// What it rests on, or why it is unknown.
    pub note: String,
}

/// A number that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// The median of time to first token, ms.
    LatencyP50,
    /// The slowest 5 % are slower.
    LatencyP95,
    /// The median of tokens per second.
    ThroughputP50,
    /// The slowest 5 % are slower.
    ThroughputP95,
    /// Over 30 minutes.
    Uptime,
    /// Over 30 minutes.
    Success,
}

/// How a tier routes the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// `realtime`, `standard`, `batch`.
    pub key: &'static str,
    /// As it is headed.
    pub name: &'static str,
    /// What it is for.
    pub text: String,
    /// What it picks now where no operation is named.
    pub pick: Pick,
    /// What it picks for each operation that has gates.
    pub by_operation: Vec<(String, Pick)>,
    /// How many more operations have gates.
    pub unshown: usize,
}

/// What a tier picks now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pick {
    /// The provider with its price, or that there is none.
    pub choice: String,
    /// Why.
    pub reason: String,
}

impl Metric {
    /// In the order of the table's columns.
    pub const ALL: [Self; 6] = [
        Self::LatencyP50,
        Self::LatencyP95,
        Self::ThroughputP50,
        Self::ThroughputP95,
        Self::Uptime,
        Self::Success,
    ];

    /// By which its cell is found.
    pub const fn key(self) -> &'static str {
        match self {
            Self::LatencyP50 => "latency_p50",
            Self::LatencyP95 => "latency_p95",
            Self::ThroughputP50 => "throughput_p50",
            Self::ThroughputP95 => "throughput_p95",
            Self::Uptime => "uptime",
            Self::Success => "success",
        }
    }

    /// As it is called where there is no column.
    pub const fn label(self) -> &'static str {
        match self {
            Self::LatencyP50 => "Latency p50, ms",
            Self::LatencyP95 => "Latency p95, ms",
            Self::ThroughputP50 => "Throughput p50, tok/s",
            Self::ThroughputP95 => "Throughput p95, tok/s",
            Self::Uptime => "Uptime 30m",
            Self::Success => "Success 30m",
        }
    }
}

impl Row {
    /// Each number with its metric.
    pub fn numbers(&self) -> impl Iterator<Item = (Metric, &Cell)> {
        Metric::ALL.into_iter().zip(&self.metrics)
    }

    /// Each number that is only shown in the row's detail, with a key by which its cell is found.
    pub fn others(&self) -> impl Iterator<Item = (String, &'static str, &Cell)> {
        let others = self.more.iter().enumerate();
        others.map(|(index, (label, cell))| (format!("{index}"), *label, cell))
    }

    /// The class of the quantization, if it is disclosed: `q8`.
    pub fn class(&self) -> Option<String> {
        self.quantization.class().map(|class| class.to_string())
    }
}

impl RegionRow {
    /// Each number with its metric.
    pub fn numbers(&self) -> impl Iterator<Item = (Metric, &Cell)> {
        Metric::ALL.into_iter().zip(&self.metrics)
    }
}

impl Standing {
    /// A status with what it rests on.
    pub fn new(status: Status, note: impl Into<String>) -> Self {
        Self {
            word: status.name(),
            order: status.code(),
            note: note.into(),
        }
    }
}

impl Tier {
    /// Each pick with a key by which it is found, and the operation that it is for.
    pub fn picks(&self) -> impl Iterator<Item = (String, Option<&str>, &Pick)> {
        let named = self.by_operation.iter();
        let named = named.map(|(operation, pick)| {
            let key = format!("{} {operation}", self.key);
            (key, Some(operation.as_str()), pick)
        });
        std::iter::once((self.key.to_owned(), None, &self.pick)).chain(named)
    }
}

impl Lead {
    /// Nobody leads, for this reason.
    pub fn nobody(reason: impl Into<String>) -> Self {
        Self {
            figure: ABSENT.to_owned(),
            provider: reason.into(),
            tag: None,
            standing: None,
        }
    }
}

impl ModelPage {
    /// In what an endpoint leads.
    pub fn marks(&self, tag: &str) -> String {
        let leads = [("cheapest", &self.cheapest), ("fastest", &self.fastest)];
        let own = leads
            .into_iter()
            .filter(|(_, lead)| lead.tag.as_deref() == Some(tag));
        let words: Vec<_> = own.map(|(word, _)| word).collect();
        words.join(" · ")
    }

    /// Which rows, regions and operations there are, in their order.
    pub fn shape(&self) -> String {
        let rows = self.rows.iter().flat_map(|row| {
            let regions = row.regions.iter().map(|region| region.name.as_str());
            std::iter::once(row.tag.as_str()).chain(regions)
        });
        let regions = self.regions.iter().map(|region| region.name.as_str());
        let tiers = self.tiers.iter().flat_map(|tier| &tier.by_operation);
        let operations = tiers.map(|(operation, _)| operation.as_str());
        let names: Vec<_> = rows
            .chain(["|"])
            .chain(regions)
            .chain(["|"])
            .chain(operations)
            .collect();
        names.join(" ")
    }

    /// The region that is shown.
    pub fn region(&self) -> &str {
        let shown = self.regions.iter().find(|region| region.is_shown);
        shown.map_or("global", |region| region.name.as_str())
    }

    fn stale_ms(&self) -> i64 {
        self.frame.state.as_ref().map_or(0, |state| state.stale_ms)
    }

    fn age_ms(&self) -> i64 {
        self.frame.state.as_ref().map_or(0, |state| state.age_ms)
    }

    fn composite(&self) -> &str {
        let known = self.intelligence.as_ref();
        known.map_or(ABSENT, |known| known.composite.as_str())
    }
}
