//! The endpoint to name first. The cheapest isn't here: prices are the catalog's.

use std::cmp::Reverse;

use sextant_measure::figures::{Figures, Percentile};
use sextant_measure::status::Status;

use crate::row::EndpointRow;

/// The endpoint with the highest throughput p95, among those that aren't down and have enough samples
/// for it; each stands beside the figures to go by. Ties go to the lesser provider slug.
pub fn fastest<'a>(
    rows: impl IntoIterator<Item = (&'a EndpointRow, &'a Figures)>,
) -> Option<(&'a EndpointRow, &'a Figures)> {
    let p95 = |figures: &Figures| figures.throughput_mtps.get(Percentile::P95);
    rows.into_iter()
        .filter(|(_, figures)| figures.status != Status::Down)
        .filter(|(_, figures)| p95(figures).is_some())
        .max_by_key(|(row, figures)| (p95(figures), Reverse((&row.id().provider, row.id()))))
}
