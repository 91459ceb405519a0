//! What one series saw in one minute, as a row of `step_rows`.

use sextant_measure::bins::Bins;
use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::scale::{Bin, Metric};
use sextant_measure::window::MinuteSums;

use super::counted::{self, counted_row};
use crate::{MinuteRow, Revision};

counted_row! {
    /// A row of `step_rows`.
    StepRow {
        model: String,
        provider: String,
        quantization: String,
        region: String,
        minute: u32,
        epoch: u64,
        revision: u64,
        uptime_good: u64,
        uptime_whole: u64,
        success_good: u64,
        success_whole: u64,
        ttft_n: u64,
        ttft_min_us: Option<u64>,
        ttft_max_us: Option<u64>,
        ttft_bins: Vec<Bin>,
        ttft_counts: Vec<u64>,
        duration_n: u64,
        duration_min_us: Option<u64>,
        duration_max_us: Option<u64>,
        duration_bins: Vec<Bin>,
        duration_counts: Vec<u64>,
        throughput_n: u64,
        throughput_min_mtps: Option<u64>,
        throughput_max_mtps: Option<u64>,
        throughput_bins: Vec<Bin>,
        throughput_counts: Vec<u64>,
    }
}

pub(super) const TABLE: &str = "step_rows";

/// A histogram's columns: how many values, the least, the greatest, bins, and their counts.
type Sketch<'a> = (u64, Option<u64>, Option<u64>, &'a [Bin], &'a [u64]);

impl From<&MinuteRow> for StepRow {
    fn from(row: &MinuteRow) -> Self {
        let SeriesId { endpoint, region } = &row.series;
        let [uptime_good, uptime_whole, success_good, success_whole] =
            counted::ratios(&row.sums.counts);
        let [ttft, duration, throughput] = &row.sums.bins;
        let cells = |bins: &Bins| -> (Vec<Bin>, Vec<u64>) { bins.cells().iter().copied().unzip() };
        let least = |bins: &Bins| bins.extremes().map(|(min, _)| min);
        let greatest = |bins: &Bins| bins.extremes().map(|(_, max)| max);
        let (ttft_bins, ttft_counts) = cells(ttft);
        let (duration_bins, duration_counts) = cells(duration);
        let (throughput_bins, throughput_counts) = cells(throughput);
        let mut step = Self {
            model: endpoint.model.to_string(),
            provider: endpoint.provider.to_string(),
            quantization: endpoint.quantization.to_string(),
            region: region.to_string(),
            minute: counted::seconds(row.minute),
            epoch: row.revision.epoch,
            revision: row.revision.n,
            uptime_good,
            uptime_whole,
            success_good,
            success_whole,
            ttft_n: ttft.n(),
            ttft_min_us: least(ttft),
            ttft_max_us: greatest(ttft),
            ttft_bins,
            ttft_counts,
            duration_n: duration.n(),
            duration_min_us: least(duration),
            duration_max_us: greatest(duration),
            duration_bins,
            duration_counts,
            throughput_n: throughput.n(),
            throughput_min_mtps: least(throughput),
            throughput_max_mtps: greatest(throughput),
            throughput_bins,
            throughput_counts,
            ..Self::default()
        };
        step.set_counts(&row.sums.counts);
        step
    }
}

impl StepRow {
    /// The row; none if it is not what was written.
    pub(super) fn decode(&self) -> Option<MinuteRow> {
        Some(MinuteRow {
            series: SeriesId {
                endpoint: endpoint(&self.model, &self.provider, &self.quantization)?,
                region: Region::new(&self.region).ok()?,
            },
            minute: counted::minute(self.minute)?,
            revision: Revision {
                epoch: self.epoch,
                n: self.revision,
            },
            sums: self.sums()?,
        })
    }

    fn sums(&self) -> Option<MinuteSums> {
        let ttft = (
            self.ttft_n,
            self.ttft_min_us,
            self.ttft_max_us,
            &self.ttft_bins[..],
            &self.ttft_counts[..],
        );
        let duration = (
            self.duration_n,
            self.duration_min_us,
            self.duration_max_us,
            &self.duration_bins[..],
            &self.duration_counts[..],
        );
        let throughput = (
            self.throughput_n,
            self.throughput_min_mtps,
            self.throughput_max_mtps,
            &self.throughput_bins[..],
            &self.throughput_counts[..],
        );
        Some(MinuteSums {
            counts: self.counts(),
            bins: [
                bins(Metric::Ttft, ttft)?,
                bins(Metric::Duration, duration)?,
                bins(Metric::Throughput, throughput)?,
            ],
        })
    }
}

/// The endpoint of three names.
pub(super) fn endpoint(model: &str, provider: &str, quantization: &str) -> Option<EndpointId> {
    Some(EndpointId {
        model: ModelId::new(model).ok()?,
        provider: ProviderId::new(provider).ok()?,
        quantization: quantization.parse().ok()?,
    })
}

/// The histogram in its columns; none if they don't agree.
pub(super) fn bins(metric: Metric, sketch: Sketch<'_>) -> Option<Bins> {
    let (n, min, max, bins, counts) = sketch;
    let extremes = match (min, max) {
        (Some(min), Some(max)) => Some((min, max)),
        (None, None) => None,
        _ => return None,
    };
    let total = counts.iter().copied().try_fold(0_u64, u64::checked_add);
    if bins.len() != counts.len() || total != Some(n) {
        return None;
    }
    let cells = bins.iter().copied().zip(counts.iter().copied()).collect();
    Bins::from_parts(metric, cells, extremes).ok()
}
