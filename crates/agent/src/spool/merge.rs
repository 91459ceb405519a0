//! Single reports become batches.
//!
//! Who reports without a number is not deduplicated, so what comes at the same time travels
//! together. Times are corrected by the offset that came with them, since a batch has but one.

use std::collections::HashMap;

use sextant_measure::observation::{Definition, Measurement};
use sextant_wire::batch::Batch;
use sextant_wire::columns::{ColumnsBuilder, Row};
use sextant_wire::held::HeldBatch;

/// What a row takes beside its texts, at most.
const ROW_BYTES: usize = 64;
/// What a definition takes beside its names, at most.
const DEFINITION_BYTES: usize = 32;

/// How large the batches may be that the agent numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Observations in a batch.
    pub observations_max: usize,
    /// About its bytes. One observation may take more.
    pub bytes_max: usize,
}

/// A batch in the making.
#[derive(Default)]
struct Making {
    columns: ColumnsBuilder,
    ids: HashMap<Definition, u32>,
    bytes: usize,
}

/// About as few batches as hold all observations, in their order.
pub(crate) fn merge(reports: &[&HeldBatch], sizes: Sizes) -> Vec<HeldBatch> {
    let mut batches = Vec::new();
    let mut making = Making::default();
    for report in reports {
        let is_whole = report.batch.columns.len() == sizes.observations_max
            && report.bytes_about() <= sizes.bytes_max;
        if is_whole && report.batch.clock_offset_us == 0 && making.columns.is_empty() {
            batches.push(HeldBatch::clone(report));
            continue;
        }
        let definitions: HashMap<u32, &Definition> = report
            .definitions
            .iter()
            .map(|(id, it)| (*id, it))
            .collect();
        for row in report.batch.columns.rows().flatten() {
            let Some(definition) = definitions.get(&row.endpoint) else {
                continue;
            };
            making.push(definition, &row, report.batch.clock_offset_us);
            let Sizes {
                observations_max,
                bytes_max,
            } = sizes;
            if making.columns.len() >= observations_max || making.bytes >= bytes_max {
                batches.push(std::mem::take(&mut making).finish());
            }
        }
    }
    if !making.columns.is_empty() {
        batches.push(making.finish());
    }
    batches
}

impl Making {
    fn push(&mut self, definition: &Definition, row: &Row<'_>, offset_us: i64) {
        let next = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        let endpoint = if let Some(id) = self.ids.get(definition) {
            *id
        } else {
            self.bytes += definition_bytes(definition);
            *self.ids.entry(definition.clone()).or_insert(next)
        };
        let texts = row.request_id.into_iter().chain(row.operation);
        self.bytes += ROW_BYTES + texts.map(str::len).sum::<usize>();
        let completed_at = row.measurement.completed_at.plus_micros(offset_us);
        self.columns.push(&Row {
            endpoint,
            measurement: Measurement {
                completed_at,
                ..row.measurement
            },
            ..*row
        });
    }

    fn finish(self) -> HeldBatch {
        let ids = self.ids.into_iter();
        let mut definitions: Vec<_> = ids.map(|(definition, id)| (id, definition)).collect();
        definitions.sort_unstable_by_key(|(id, _)| *id);
        HeldBatch {
            batch: Batch {
                columns: self.columns.finish(),
                ..Batch::default()
            },
            definitions,
        }
    }
}

fn definition_bytes(definition: &Definition) -> usize {
    let region = definition.region.as_ref().map_or("", |it| it.as_str());
    let names = [
        definition.model.as_str(),
        definition.provider.as_str(),
        region,
    ];
    DEFINITION_BYTES + names.map(str::len).iter().sum::<usize>()
}
