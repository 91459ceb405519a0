//! The `sextant` object of an endpoint: all that OpenRouter's shape lacks, by the stricter rules.

use std::collections::BTreeMap;

use serde::Serialize;
use sextant_measure::counts::Counts;
use sextant_measure::id::{EndpointId, GLOBAL_REGION};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::time::Timestamp;
use sextant_snapshot::gates::Gate;
use sextant_snapshot::row::{AgentsSeen, EndpointRow};
use sextant_wire::json::rfc3339;

use super::numbers::{
    FIVE_MINUTES_US, Numbers, ONE_DAY_US, ONE_MINUTE_US, Reasons, SIX_HOURS_US, Seen, Shown,
    THIRTY_MINUTES_US, percentiles, ratio, status, uptime,
};
use crate::edition::Edition;

/// What is known of an endpoint, over all regions or from one.
#[derive(Serialize)]
pub(super) struct SextantObject {
    status: &'static str,
    age_ms: Option<i64>,
    region: String,
    window: Option<WindowJson>,
    counts: CountsJson,
    agents: AgentsJson,
    latency_ms: Numbers,
    duration_ms: Numbers,
    throughput_tps: Numbers,
    uptime_30m: Numbers,
    uptime_1m: Numbers,
    uptime_5m: Numbers,
    uptime_6h: Numbers,
    uptime_1d: Numbers,
    success_1m: Numbers,
    success_30m: Numbers,
    rate_limited_30m: Numbers,
    gates: Vec<GateJson>,
    /// Not within a region.
    #[serde(skip_serializing_if = "Option::is_none")]
    regions: Option<BTreeMap<String, SextantObject>>,
    /// Why the status is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reasons>,
}

#[derive(Serialize)]
struct WindowJson {
    start: String,
    end: String,
}

/// Attempts over 30 minutes, and those that came too late for their own window.
#[derive(Serialize)]
pub(super) struct CountsJson {
    live: LiveJson,
    probe: ProbeJson,
    late: u32,
}

#[derive(Serialize)]
struct LiveJson {
    total: u64,
    ok: u32,
    bad: u64,
    rate_limited: u32,
    geo_blocked: u32,
    left_out: u64,
}

#[derive(Serialize)]
struct ProbeJson {
    total: u64,
    ok: u32,
    bad: u64,
    left_out: u64,
}

/// How many senders fed the endpoint; nothing where it isn't known by region.
#[derive(Serialize)]
struct AgentsJson {
    #[serde(rename = "5m")]
    five_minutes: Option<u8>,
    #[serde(rename = "1h")]
    one_hour: Option<u8>,
}

#[derive(Serialize, Clone)]
struct GateJson {
    operation: String,
    verdict: &'static str,
    since: String,
}

impl SextantObject {
    /// What is known of an endpoint, which may not have been seen at all.
    pub(super) fn new(
        edition: &Edition,
        id: &EndpointId,
        row: Option<&EndpointRow>,
        now: Timestamp,
    ) -> Self {
        let gates = gates(edition, id);
        let age_us = row.map_or(0, |row| row.age_us(now));
        let seen = |figures| Seen { figures, age_us };
        let global = row.map(|row| seen(row.global()));
        let regions = row.map_or_else(BTreeMap::new, |row| {
            let regions = row.regions();
            // Senders are counted by endpoint.
            let agents = (regions.len() == 1).then(|| row.agents());
            let each = regions.iter().map(|held| {
                let name = held.region.to_string();
                let figures = Some(seen(&held.figures));
                let object = Self::of(name.clone(), figures, agents, gates.clone());
                (name, object)
            });
            each.collect()
        });
        let agents = row.map_or_else(AgentsSeen::default, EndpointRow::agents);
        Self {
            regions: Some(regions),
            ..Self::of(GLOBAL_REGION.to_owned(), global, Some(agents), gates)
        }
    }

    fn of(
        region: String,
        seen: Option<Seen<'_>>,
        agents: Option<AgentsSeen>,
        gates: Vec<GateJson>,
    ) -> Self {
        let figures = seen.map(|seen| seen.figures);
        let (status, reason) = status(seen);
        Self {
            status: status.name(),
            age_ms: seen.map(|seen| seen.age_us / 1_000),
            region,
            window: figures.map(|figures| WindowJson {
                start: rfc3339(figures.window_start),
                end: rfc3339(figures.window_end),
            }),
            counts: CountsJson::new(
                &figures.map(|figures| figures.counts).unwrap_or_default(),
                figures.map_or(0, |figures| figures.late),
            ),
            agents: AgentsJson {
                five_minutes: agents.map(|agents| agents.five_minutes),
                one_hour: agents.map(|agents| agents.one_hour),
            },
            latency_ms: percentiles(seen, Shown::LatencyMs),
            duration_ms: percentiles(seen, Shown::DurationMs),
            throughput_tps: percentiles(seen, Shown::ThroughputTps),
            uptime_30m: uptime(seen, THIRTY_MINUTES_US, |f| Some(f.uptime_30m())),
            uptime_1m: uptime(seen, ONE_MINUTE_US, |f| Some(f.recent.uptime_1m)),
            uptime_5m: uptime(seen, FIVE_MINUTES_US, |f| Some(f.recent.uptime_5m)),
            uptime_6h: uptime(seen, SIX_HOURS_US, |f| f.uptime_6h),
            uptime_1d: uptime(seen, ONE_DAY_US, |f| f.uptime_1d),
            success_1m: ratio(seen, ONE_MINUTE_US, |f| Some(f.recent.success_1m)),
            success_30m: ratio(seen, THIRTY_MINUTES_US, |f| Some(f.success_30m())),
            rate_limited_30m: ratio(seen, THIRTY_MINUTES_US, |f| Some(f.rate_limited_30m())),
            gates,
            regions: None,
            reason: reason.map(|why| Reasons(vec![("status", why)])),
        }
    }
}

impl CountsJson {
    pub(super) fn new(counts: &Counts, late: u32) -> Self {
        let live = |outcome| counts.get(Source::Live, outcome);
        Self {
            live: LiveJson {
                total: counts.total(Source::Live),
                ok: live(Outcome::Ok),
                bad: counts.bad(Source::Live),
                rate_limited: live(Outcome::RateLimited),
                geo_blocked: live(Outcome::GeoBlocked),
                left_out: counts.left_out(Source::Live),
            },
            probe: ProbeJson {
                total: counts.total(Source::Probe),
                ok: counts.get(Source::Probe, Outcome::Ok),
                bad: counts.bad(Source::Probe),
                left_out: counts.left_out(Source::Probe),
            },
            late,
        }
    }
}

/// The verdicts on a quantization of a model.
fn gates(edition: &Edition, id: &EndpointId) -> Vec<GateJson> {
    let gates = edition.snapshot().gates().iter().map(|gate| &*gate.value);
    let about =
        |gate: &&Gate| gate.key().model == id.model && gate.key().quantization == id.quantization;
    let shown = gates.filter(about).map(|gate| GateJson {
        operation: gate.key().operation.to_string(),
        verdict: gate.verdict().name(),
        since: rfc3339(gate.since()),
    });
    shown.collect()
}
