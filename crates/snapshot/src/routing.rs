//! What was measured of an endpoint, as far as a gateway must know it.

use sextant_measure::figures::{Figures, Percentile, Percentiles, minimum};
use sextant_measure::id::{EndpointId, Region};
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;

use crate::row::{AgentsSeen, EndpointRow, Row};

/// What was measured of an endpoint, as far as a router needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingRow {
    /// Which endpoint.
    pub id: EndpointId,
    /// When its owner published it.
    pub published_at: Timestamp,
    /// How many senders fed it.
    pub agents: AgentsSeen,
    /// Over all regions.
    pub global: RoutingFigures,
    /// By region, in ascending order. The only one has the figures of `global`.
    pub regions: Vec<RegionRouting>,
}

/// What was measured of an endpoint from one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionRouting {
    /// Where.
    pub region: Region,
    /// The numbers.
    pub figures: RoutingFigures,
}

/// The numbers a router needs. Ratios say their counts whatever they are; their values have the
/// minimum [`minimum::RATIO`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoutingFigures {
    /// As of the last step edge.
    pub status: Status,
    /// Uptime over 1 minute.
    pub uptime_1m: Ratio,
    /// Uptime over 30 minutes.
    pub uptime_30m: Ratio,
    /// Success over 1 minute.
    pub success_1m: Ratio,
    /// Success over 30 minutes.
    pub success_30m: Ratio,
    /// Rate limited over 1 minute.
    pub rate_limited_1m: Ratio,
    /// Rate limited over 30 minutes.
    pub rate_limited_30m: Ratio,
    /// Time to first token, in microseconds.
    pub latency_us: MedianAndTail,
    /// Throughput, in thousandths of a token per second.
    pub throughput_mtps: MedianAndTail,
}

/// Two percentiles over 30 minutes; those below their minimum are absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MedianAndTail {
    /// How many observations qualify.
    pub n: u64,
    /// The median.
    pub p50: Option<u64>,
    /// 95 % were at most this slow, or at least this fast.
    pub p95: Option<u64>,
}

impl RoutingFigures {
    /// Lower end of the Wilson 95 % interval of uptime over 30 minutes.
    pub fn uptime_30m_lower(&self) -> Option<f64> {
        let uptime = self.uptime_30m;
        uptime
            .wilson_lower()
            .filter(|_| uptime.whole >= minimum::RATIO)
    }
}

impl Row for RoutingRow {
    fn endpoint(&self) -> &EndpointId {
        &self.id
    }

    fn published_at(&self) -> Timestamp {
        self.published_at
    }
}

impl From<&EndpointRow> for RoutingRow {
    fn from(row: &EndpointRow) -> Self {
        let regions = row.regions().iter();
        Self {
            id: row.id().clone(),
            published_at: row.published_at(),
            agents: row.agents(),
            global: row.global().into(),
            regions: regions
                .map(|held| RegionRouting {
                    region: held.region.clone(),
                    figures: (&held.figures).into(),
                })
                .collect(),
        }
    }
}

impl From<&Figures> for RoutingFigures {
    fn from(figures: &Figures) -> Self {
        Self {
            status: figures.status,
            uptime_1m: figures.recent.uptime_1m,
            uptime_30m: figures.uptime_30m(),
            success_1m: figures.recent.success_1m,
            success_30m: figures.success_30m(),
            rate_limited_1m: figures.recent.rate_limited_1m,
            rate_limited_30m: figures.rate_limited_30m(),
            latency_us: (&figures.latency_us).into(),
            throughput_mtps: (&figures.throughput_mtps).into(),
        }
    }
}

impl From<&Percentiles> for MedianAndTail {
    fn from(percentiles: &Percentiles) -> Self {
        Self {
            n: percentiles.n,
            p50: percentiles.get(Percentile::P50),
            p95: percentiles.get(Percentile::P95),
        }
    }
}
