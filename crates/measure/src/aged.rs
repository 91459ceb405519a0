//! Running counts of a window, cut by age, so that the shorter windows and the last step edges
//! need no look at the steps.

use crate::counts::{COUNT_CODES, Counts};
use crate::status::Status;
use crate::window::{STEPS_1M, STEPS_5M, STEPS_30M};

/// Where one band ends and the next begins, as ages of a step; the open step has age 0. The steps
/// of ages 0, 1 and 180 stand alone, since the windows that ended at the last two step edges begin
/// or end with them.
pub(crate) const BAND_ENDS: [u32; 6] = [1, 2, STEPS_1M, STEPS_5M, STEPS_30M, STEPS_30M + 1];

/// Counts per band of ages. A step is in one band only, so that filing touches no more than that.
#[derive(Debug, Clone)]
pub(crate) struct AgedCounts {
    bands: [Counts; BAND_ENDS.len()],
}

/// What the bands add up to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums {
    pub(crate) over_1m: Counts,
    pub(crate) over_5m: Counts,
    pub(crate) over_30m: Counts,
    /// As of the last step edge.
    pub(crate) status: Status,
}

impl AgedCounts {
    pub(crate) const fn new() -> Self {
        Self {
            bands: [Counts::from_cells([0; COUNT_CODES]); BAND_ENDS.len()],
        }
    }

    /// Counts an observation in a step of this age; one older than all bands counts nowhere.
    pub(crate) fn add(&mut self, age: u32, code: u8) {
        let band = BAND_ENDS.partition_point(|end| *end <= age);
        if let Some(counts) = self.bands.get_mut(band) {
            counts.add_code(code, 1);
        }
    }

    /// Moves a step out of the band that ends at `BAND_ENDS[band]` and into the next, if any. A
    /// step that crosses several ends at once is moved over each of them.
    pub(crate) fn age(&mut self, band: usize, step: &Counts) {
        if let Some(counts) = self.bands.get_mut(band) {
            counts.subtract(step);
        }
        if let Some(counts) = self.bands.get_mut(band + 1) {
            counts.merge(step);
        }
    }

    /// Status is the worse of what the windows said that ended at the last step edge and 10
    /// seconds earlier, so that getting better takes two edges and getting worse one. Either has
    /// 179 whole steps and an open one that was still empty.
    pub(crate) fn sums(&self) -> Sums {
        let [open, last, rest_of_1m, rest_of_5m, rest_of_30m, left] = &self.bands;
        let sum = |first: &Counts, second: &Counts| {
            let mut sum = *first;
            sum.merge(second);
            sum
        };
        let over_1m = sum(&sum(open, last), rest_of_1m);
        let over_5m = sum(&over_1m, rest_of_5m);
        let over_30m = sum(&over_5m, rest_of_30m);
        let mut at_last_edge = over_30m;
        at_last_edge.subtract(open);
        let mut at_edge_before = sum(&at_last_edge, left);
        at_edge_before.subtract(last);
        Sums {
            over_1m,
            over_5m,
            over_30m,
            status: Status::raw(&at_last_edge).worse(Status::raw(&at_edge_before)),
        }
    }
}
