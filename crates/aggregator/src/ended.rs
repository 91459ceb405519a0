//! Windows that ended at a whole minute, as they were published, on their way to the store.

use std::collections::BTreeMap;

use sextant_measure::time::Minute;
use sextant_store::{Terms, WindowRow};

use crate::partition::Partition;

/// Whole minutes that wait for a store that is away; beyond, the oldest are dropped, counted.
const MINUTES_WAITING_MAX: usize = 10;
/// Boundaries caught up on after a pause; what lies further back was never published.
const MINUTES_CAUGHT_UP_MAX: u32 = 3;

#[derive(Debug, Default)]
pub(crate) struct Ended {
    waiting: BTreeMap<Minute, Vec<WindowRow>>,
    /// Rows dropped because the store was away for too long.
    pub(crate) dropped: u64,
}

impl Ended {
    /// Everything that waits.
    pub(crate) fn take(&mut self) -> Vec<WindowRow> {
        std::mem::take(&mut self.waiting)
            .into_values()
            .flatten()
            .collect()
    }

    fn keep(&mut self, minute: Minute, rows: Vec<WindowRow>) {
        self.waiting.insert(minute, rows);
        while self.waiting.len() > MINUTES_WAITING_MAX
            && let Some((_, rows)) = self.waiting.pop_first()
        {
            self.dropped += rows.len() as u64;
        }
    }
}

impl Partition {
    /// Keeps the windows that end at each minute from `first` to `last`, with what the catalog
    /// and the operator say at this moment.
    pub(crate) fn end_windows(&mut self, first: Minute, last: Minute) {
        let first = first.max(last.minus(MINUTES_CAUGHT_UP_MAX - 1));
        for minute in first.index()..=last.index() {
            let minute = Minute::from_index(minute);
            let mut rows = Vec::new();
            for endpoint in &mut self.endpoints {
                let listed = self.catalog.endpoint(&endpoint.id);
                let model = self.catalog.model(&endpoint.id.model);
                let terms = Terms {
                    pricing: listed.and_then(|(_, facts)| facts.price),
                    // Of one that only traffic knows, too: it is the precision that is native.
                    native: model.is_some_and(|it| it.native.contains(&endpoint.id.quantization)),
                    verdicts: self.verdicts.of(&endpoint.id),
                };
                rows.extend(endpoint.windows(minute, &terms));
            }
            self.ended.keep(minute, rows);
        }
    }
}
