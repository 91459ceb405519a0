//! The table of a model's endpoints.

use sextant_measure::status::Status;

use super::text::{Line, Paint, padded, width};
use super::view::EndpointView;

const COLUMNS: usize = 8;
/// The columns' names, on two lines.
const HEADS: [[&str; COLUMNS]; 2] = [
    [
        "Provider",
        "Quant",
        "Input",
        "Output",
        "Latency",
        "Throughput",
        "Uptime",
        "Success",
    ],
    ["", "", "$/1M", "$/1M", "p50 / p95", "p50 / p95", "30m", ""],
];
/// Between columns, where there is room.
const GAP: usize = 2;

/// The head and a line for each endpoint. Where there is too little room, the columns move
/// together; if that isn't enough, a status is a colour without its word.
pub(super) fn lines(endpoints: &[EndpointView], columns: usize) -> Vec<Line> {
    let layouts = [(GAP, true), (1, true), (1, false)];
    let mut layouts = layouts
        .map(|(gap, worded)| laid_out(endpoints, gap, worded))
        .into_iter();
    let fits = |lines: &Vec<Line>| lines.iter().all(|line| line.width() <= columns);
    let narrowest = layouts.next_back().unwrap_or_default();
    layouts.find(fits).unwrap_or(narrowest)
}

fn laid_out(endpoints: &[EndpointView], gap: usize, worded: bool) -> Vec<Line> {
    let widths = widths(endpoints);
    let line = |cells: [&str; COLUMNS], paints: [Paint; COLUMNS]| {
        let columns = cells.into_iter().zip(paints).zip(widths);
        columns.fold(Line::default(), |line, ((cell, paint), width)| {
            line.and(paint, padded(cell, width + gap))
        })
    };
    let heads = HEADS.map(|cells| line(cells, [Paint::Dim; COLUMNS]));
    let rows = endpoints.iter().map(|endpoint| {
        let colour = colour(endpoint.status);
        let mut paints = [Paint::Plain; COLUMNS];
        paints[0] = colour;
        let line = line(cells(endpoint), paints);
        if worded {
            line.and(colour, endpoint.status.name())
        } else {
            line
        }
    });
    heads.into_iter().chain(rows).collect()
}

fn widths(endpoints: &[EndpointView]) -> [usize; COLUMNS] {
    let rows = HEADS.into_iter().chain(endpoints.iter().map(cells));
    rows.fold([0; COLUMNS], |mut widths, cells| {
        for (widest, cell) in widths.iter_mut().zip(cells) {
            *widest = (*widest).max(width(cell));
        }
        widths
    })
}

fn cells(endpoint: &EndpointView) -> [&str; COLUMNS] {
    [
        &endpoint.provider,
        &endpoint.quantization,
        &endpoint.input,
        &endpoint.output,
        &endpoint.latency,
        &endpoint.throughput,
        &endpoint.uptime,
        &endpoint.success,
    ]
}

fn colour(status: Status) -> Paint {
    match status {
        Status::Healthy => Paint::Green,
        Status::Unknown => Paint::Dim,
        Status::Degraded => Paint::Yellow,
        Status::Down => Paint::Red,
    }
}
