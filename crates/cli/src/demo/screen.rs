//! How the demo looks: the page of each model, as lines of text.

use super::endpoints;
use super::text::{Line, Paint, padded, width};
use super::view::{Best, ModelView};
use crate::table::ABSENT;

/// Most models in [`tables`], which has no screen to end at.
const TABLES_MAX: usize = 10;
/// Width of what stands before a model's leading figures.
const LABEL_WIDTH: usize = 26;

const LEGEND: [&str; 3] = [
    "These providers are simulated, and so are the 29 minutes before the start. The",
    "figures are measured, over 30 minutes: latency in ms, throughput in tokens/s.",
    "“—”: not enough recent traffic. “undisclosed”: no quantization is published.",
];

/// All that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Screen {
    /// In the order in which they are shown.
    pub models: Vec<ModelView>,
    /// Where to look further: what is there, and its address.
    pub places: Vec<(String, String)>,
}

/// How much room a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Characters in a line.
    pub columns: usize,
    /// Lines.
    pub lines: usize,
}

impl Size {
    /// As much as it takes.
    pub const ENDLESS: Self = Self {
        columns: usize::MAX,
        lines: usize::MAX,
    };
}

/// Everything, as far as there is room: lines that end in a line feed. Models that don't fit are
/// counted.
pub fn page(screen: &Screen, size: Size, colour: bool) -> String {
    let end = end(screen);
    let room = size.lines.saturating_sub(end.len());
    let mut lines = Vec::new();
    for (shown, model) in screen.models.iter().enumerate() {
        let of_model = model_lines(model, size.columns);
        let left = screen.models.len() - shown;
        let kept_for_more = if left == 1 { 0 } else { 2 };
        // The first is shown as far as it goes; another one whole, or not at all.
        if shown > 0 && lines.len() + of_model.len() + kept_for_more > room {
            lines.extend([more(left), Line::default()]);
            break;
        }
        lines.extend(of_model);
    }
    lines.extend(end);
    let lines = lines.into_iter().take(size.lines);
    written(lines, size.columns, colour)
}

/// The tables alone, for where nothing can be drawn over.
pub fn tables(screen: &Screen, colour: bool) -> String {
    let mut lines = Vec::new();
    for model in screen.models.iter().take(TABLES_MAX) {
        lines.extend([Line::default(), title(model)]);
        lines.extend(endpoints::lines(&model.endpoints, usize::MAX));
    }
    if let Some(left @ 1..) = screen.models.len().checked_sub(TABLES_MAX) {
        lines.push(more(left));
    }
    written(lines.into_iter(), usize::MAX, colour)
}

fn written(lines: impl Iterator<Item = Line>, columns: usize, colour: bool) -> String {
    lines
        .map(|line| line.written(columns, colour) + "\n")
        .collect()
}

fn model_lines(model: &ModelView, columns: usize) -> Vec<Line> {
    let no_throughput = "No throughput data yet — populated as traffic accumulates";
    let leads = |best: &Option<Best>| best.clone().map(|best| (best.figure, best.provider));
    let absent = |why: &str| (ABSENT.to_owned(), why.to_owned());
    let cheapest = leads(&model.cheapest).unwrap_or_else(|| absent("No price is known"));
    let fastest = leads(&model.fastest).unwrap_or_else(|| absent(no_throughput));
    let composite = model
        .composite
        .clone()
        .map(|it| (it, model.breakdown.join(" · ")));
    let composite = composite.unwrap_or_else(|| absent("No benchmark is known"));
    let lead = |label: &str, (figure, beside): (String, String)| {
        Line::new(Paint::Dim, padded(label, LABEL_WIDTH))
            .and(Paint::Bold, figure)
            .and(Paint::Plain, format!("  {beside}"))
    };
    let mut lines = vec![
        title(model),
        lead("Cheapest provider", cheapest),
        lead("Fastest provider (p95)", fastest),
        lead("Intelligence (composite)", composite),
        Line::default(),
    ];
    lines.extend(endpoints::lines(&model.endpoints, columns));
    lines.push(Line::default());
    lines
}

fn title(model: &ModelView) -> Line {
    let id = format!("  {}", model.id);
    Line::new(Paint::Bold, &model.name).and(Paint::Dim, id)
}

fn more(models: usize) -> Line {
    let s = if models == 1 { "" } else { "s" };
    Line::new(Paint::Dim, format!("… and {models} more model{s}"))
}

fn end(screen: &Screen) -> Vec<Line> {
    let legend = LEGEND.into_iter().map(|text| Line::new(Paint::Dim, text));
    let label_width = screen.places.iter().map(|(label, _)| width(label)).max();
    let places = screen.places.iter().map(|(label, address)| {
        let label = padded(label, label_width.unwrap_or(0) + 2);
        Line::new(Paint::Dim, label).and(Paint::Plain, address)
    });
    legend.chain([Line::default()]).chain(places).collect()
}

#[cfg(test)]
mod tests;
