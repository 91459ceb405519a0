//! What was published for a window, as a row of `window_rows`.

use sextant_catalog::{Price, Pricing};
use sextant_measure::figures::{Figures, Percentiles, Recent};
use sextant_measure::id::{GLOBAL_REGION, Operation, Region};
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;
use sextant_snapshot::gates::Verdict;

use super::counted::{self, counted_row};
use super::steps;
use crate::{Terms, WindowRow};

counted_row! {
    /// A row of `window_rows`.
    WindowColumns {
        model: String,
        provider: String,
        quantization: String,
        region: String,
        ending: u32,
        window_start: i64,
        window_end: i64,
        status: String,
        uptime_good: u64,
        uptime_whole: u64,
        success_good: u64,
        success_whole: u64,
        late: u32,
        uptime_1m_good: u64,
        uptime_1m_whole: u64,
        success_1m_good: u64,
        success_1m_whole: u64,
        rate_limited_1m_part: u64,
        rate_limited_1m_whole: u64,
        uptime_5m_good: u64,
        uptime_5m_whole: u64,
        uptime_6h_good: Option<u64>,
        uptime_6h_whole: Option<u64>,
        uptime_1d_good: Option<u64>,
        uptime_1d_whole: Option<u64>,
        latency_n: u64,
        latency_p50_us: Option<u64>,
        latency_p75_us: Option<u64>,
        latency_p90_us: Option<u64>,
        latency_p95_us: Option<u64>,
        latency_p99_us: Option<u64>,
        latency_q95_us: Option<u64>,
        duration_n: u64,
        duration_p50_us: Option<u64>,
        duration_p75_us: Option<u64>,
        duration_p90_us: Option<u64>,
        duration_p95_us: Option<u64>,
        duration_p99_us: Option<u64>,
        duration_q95_us: Option<u64>,
        throughput_n: u64,
        throughput_p50_mtps: Option<u64>,
        throughput_p75_mtps: Option<u64>,
        throughput_p90_mtps: Option<u64>,
        throughput_p95_mtps: Option<u64>,
        throughput_p99_mtps: Option<u64>,
        throughput_q95_mtps: Option<u64>,
        price_input_usd: Option<i64>,
        price_output_usd: Option<i64>,
        native: bool,
        verdicts: Vec<(String, String)>,
    }
}

pub(super) const TABLE: &str = "window_rows";

impl From<&WindowRow> for WindowColumns {
    fn from(row: &WindowRow) -> Self {
        let (figures, region) = (&row.figures, row.region.as_ref());
        let mut columns = Self {
            model: row.endpoint.model.to_string(),
            provider: row.endpoint.provider.to_string(),
            quantization: row.endpoint.quantization.to_string(),
            region: region.map_or(GLOBAL_REGION, Region::as_str).to_owned(),
            ending: counted::seconds(row.ending),
            window_start: figures.window_start.as_micros(),
            window_end: figures.window_end.as_micros(),
            status: figures.status.name().to_owned(),
            late: figures.late,
            ..Self::default()
        };
        columns.set_counts(&figures.counts);
        columns.set_ratios(figures);
        columns.set_percentiles(figures);
        columns.set_terms(&row.terms);
        columns
    }
}

impl WindowColumns {
    /// The row; none if it is not what was written.
    pub(super) fn decode(&self) -> Option<WindowRow> {
        let region = match self.region.as_str() {
            GLOBAL_REGION => None,
            region => Some(Region::new(region).ok()?),
        };
        Some(WindowRow {
            endpoint: steps::endpoint(&self.model, &self.provider, &self.quantization)?,
            region,
            ending: counted::minute(self.ending)?,
            figures: self.figures()?,
            terms: self.terms()?,
        })
    }

    fn set_ratios(&mut self, figures: &Figures) {
        let recent = &figures.recent;
        [
            self.uptime_good,
            self.uptime_whole,
            self.success_good,
            self.success_whole,
        ] = counted::ratios(&figures.counts);
        (self.uptime_1m_good, self.uptime_1m_whole) = pair(recent.uptime_1m);
        (self.success_1m_good, self.success_1m_whole) = pair(recent.success_1m);
        (self.rate_limited_1m_part, self.rate_limited_1m_whole) = pair(recent.rate_limited_1m);
        (self.uptime_5m_good, self.uptime_5m_whole) = pair(recent.uptime_5m);
        (self.uptime_6h_good, self.uptime_6h_whole) = figures.uptime_6h.map(pair).unzip();
        (self.uptime_1d_good, self.uptime_1d_whole) = figures.uptime_1d.map(pair).unzip();
    }

    fn set_percentiles(&mut self, figures: &Figures) {
        self.latency_n = figures.latency_us.n;
        [
            self.latency_p50_us,
            self.latency_p75_us,
            self.latency_p90_us,
            self.latency_p95_us,
            self.latency_p99_us,
        ] = figures.latency_us.values;
        self.latency_q95_us = figures.latency_us.q95;
        self.duration_n = figures.duration_us.n;
        [
            self.duration_p50_us,
            self.duration_p75_us,
            self.duration_p90_us,
            self.duration_p95_us,
            self.duration_p99_us,
        ] = figures.duration_us.values;
        self.duration_q95_us = figures.duration_us.q95;
        self.throughput_n = figures.throughput_mtps.n;
        [
            self.throughput_p50_mtps,
            self.throughput_p75_mtps,
            self.throughput_p90_mtps,
            self.throughput_p95_mtps,
            self.throughput_p99_mtps,
        ] = figures.throughput_mtps.values;
        self.throughput_q95_mtps = figures.throughput_mtps.q95;
    }

    fn set_terms(&mut self, terms: &Terms) {
        // A column of 9 decimals holds USD as whole 10^-9 USD.
        let nano_usd = |price: Price| i64::try_from(price.as_nano_usd()).ok();
        let pricing = terms.pricing.as_ref();
        self.price_input_usd = pricing.and_then(|pricing| nano_usd(pricing.input));
        self.price_output_usd = pricing.and_then(|pricing| nano_usd(pricing.output));
        self.native = terms.native;
        let verdicts = terms.verdicts.iter();
        self.verdicts = verdicts
            .map(|(operation, verdict)| (operation.to_string(), verdict.name().to_owned()))
            .collect();
    }

    fn figures(&self) -> Option<Figures> {
        let mut statuses = Status::ALL.into_iter();
        Some(Figures {
            window_start: Timestamp::from_micros(self.window_start),
            window_end: Timestamp::from_micros(self.window_end),
            status: statuses.find(|status| status.name() == self.status)?,
            counts: self.counts(),
            late: self.late,
            recent: Recent {
                uptime_1m: Ratio::new(self.uptime_1m_good, self.uptime_1m_whole),
                success_1m: Ratio::new(self.success_1m_good, self.success_1m_whole),
                rate_limited_1m: Ratio::new(self.rate_limited_1m_part, self.rate_limited_1m_whole),
                uptime_5m: Ratio::new(self.uptime_5m_good, self.uptime_5m_whole),
            },
            uptime_6h: long(self.uptime_6h_good, self.uptime_6h_whole)?.0,
            uptime_1d: long(self.uptime_1d_good, self.uptime_1d_whole)?.0,
            latency_us: self.latency(),
            duration_us: self.duration(),
            throughput_mtps: self.throughput(),
        })
    }

    fn latency(&self) -> Percentiles {
        Percentiles {
            n: self.latency_n,
            values: [
                self.latency_p50_us,
                self.latency_p75_us,
                self.latency_p90_us,
                self.latency_p95_us,
                self.latency_p99_us,
            ],
            q95: self.latency_q95_us,
            ..Percentiles::default()
        }
    }

    fn duration(&self) -> Percentiles {
        Percentiles {
            n: self.duration_n,
            values: [
                self.duration_p50_us,
                self.duration_p75_us,
                self.duration_p90_us,
                self.duration_p95_us,
                self.duration_p99_us,
            ],
            q95: self.duration_q95_us,
            ..Percentiles::default()
        }
    }

    fn throughput(&self) -> Percentiles {
        Percentiles {
            n: self.throughput_n,
            values: [
                self.throughput_p50_mtps,
                self.throughput_p75_mtps,
                self.throughput_p90_mtps,
                self.throughput_p95_mtps,
                self.throughput_p99_mtps,
            ],
            q95: self.throughput_q95_mtps,
            ..Percentiles::default()
        }
    }

    fn terms(&self) -> Option<Terms> {
        let price = |nano_usd: i64| Price::from_nano_usd(u64::try_from(nano_usd).ok()?);
        let pricing = match (self.price_input_usd, self.price_output_usd) {
            (Some(input), Some(output)) => Some(Pricing {
                input: price(input)?,
                output: price(output)?,
            }),
            (None, None) => None,
            _ => return None,
        };
        let verdicts = self.verdicts.iter().map(|(operation, verdict)| {
            Some((Operation::new(operation).ok()?, Verdict::parse(verdict)?))
        });
        Some(Terms {
            pricing,
            native: self.native,
            verdicts: verdicts.collect::<Option<_>>()?,
        })
    }
}

fn pair(ratio: Ratio) -> (u64, u64) {
    (ratio.part, ratio.whole)
}

/// A ratio that may be absent, in a wrapper that says that the columns agree.
fn long(part: Option<u64>, whole: Option<u64>) -> Option<(Option<Ratio>,)> {
    match (part, whole) {
        (Some(part), Some(whole)) => Some((Some(Ratio::new(part, whole)),)),
        (None, None) => Some((None,)),
        _ => None,
    }
}
