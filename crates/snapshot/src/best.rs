//! The endpoint to name first. The cheapest isn't here: prices are the catalog's.

use std::cmp::Reverse;

use sextant_measure::figures::Percentile;
use sextant_measure::status::Status;

use crate::row::EndpointRow;

/// The endpoint with the highest throughput p95 over all regions, among those that aren't down and
/// have enough samples for it. Ties go to the lesser provider slug.
pub fn fastest<'a>(rows: impl IntoIterator<Item = &'a EndpointRow>) -> Option<&'a EndpointRow> {
    let p95 = |row: &EndpointRow| row.global().throughput_mtps.get(Percentile::P95);
    rows.into_iter()
        .filter(|row| row.global().status != Status::Down)
        .filter(|row| p95(row).is_some())
        .max_by_key(|row| (p95(row), Reverse((&row.id().provider, row.id()))))
}
