//! A few rows to write.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use sextant_catalog::{Price, Pricing};
use sextant_incident::{AlertKey, Incident, Kind, Quantity, Severity, Subject};
use sextant_measure::counts::{Counts, count_code};
use sextant_measure::figures::{Figures, Percentiles, Recent};
use sextant_measure::id::{AgentId, EndpointId, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::observation::{Measurement, Tier};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_measure::time::Minute;
use sextant_snapshot::gates::{GateKey, Ruling, Verdict};
use sextant_store::{
    AgentRow, AttemptKey, AttemptQuery, AttemptRow, HistoryQuery, IncidentQuery, MinuteQuery,
    MinuteRange, MinuteRow, Revision, Rows, RulingRow, Terms, WindowQuery, WindowRow, WindowScope,
    no_sums,
};

/// 2026-11-22T14:30Z.
pub(crate) const NOON: Minute = Minute::from_index(29_922_630);

pub(crate) fn model() -> ModelId {
    ModelId::new("meta-llama/llama-4-scout").unwrap()
}

pub(crate) fn endpoint(provider: &str) -> EndpointId {
    EndpointId {
        model: model(),
        provider: ProviderId::new(provider).unwrap(),
        quantization: Quantization::Fp8,
    }
}

/// One minute of an endpoint: 98 good, 1 timeout and 1 rate limited, and 10 good probes.
pub(crate) fn minute(provider: &str, minute: Minute) -> MinuteRow {
    let mut sums = no_sums();
    for (source, outcome, n) in [
        (Source::Live, Outcome::Ok, 98),
        (Source::Live, Outcome::Timeout, 1),
        (Source::Live, Outcome::RateLimited, 1),
        (Source::Probe, Outcome::Ok, 10),
    ] {
        sums.counts.add_code(count_code(source, outcome), n);
    }
    for n in 0..98 {
        sums.bins[0].record(200_000 + n * 1_000);
        sums.bins[1].record(800_000 + n * 10_000);
        sums.bins[2].record(150_000 + n * 1_000);
    }
    MinuteRow {
        series: SeriesId {
            endpoint: endpoint(provider),
            region: Region::new("us-west-2").unwrap(),
        },
        minute,
        revision: Revision { epoch: 4_711, n: 2 },
        sums,
    }
}

/// A window of an endpoint's merge of all regions.
pub(crate) fn window(provider: &str, ending: Minute) -> WindowRow {
    let mut counts = Counts::default();
    counts.add_code(count_code(Source::Live, Outcome::Ok), 149);
    counts.add_code(count_code(Source::Live, Outcome::Timeout), 1);
    counts.add_code(count_code(Source::Live, Outcome::RateLimited), 50);
    let speed = |p50, p95| Percentiles {
        n: 149,
        values: [Some(p50), Some(p50 + 1), Some(p95 - 1), Some(p95), None],
        q95: None,
        p99_from_100: None,
    };
    let price = |nano_usd| Price::from_nano_usd(nano_usd).unwrap();
    WindowRow {
        endpoint: endpoint(provider),
        region: None,
        ending,
        figures: Figures {
            window_start: ending.minus(30).start(),
            window_end: ending.start().plus_micros(-1),
            status: Status::Healthy,
            counts,
            late: 3,
            recent: Recent {
                uptime_1m: Ratio::new(4, 5),
                success_1m: Ratio::new(4, 6),
                rate_limited_1m: Ratio::new(1, 6),
                uptime_5m: Ratio::new(24, 25),
            },
            uptime_6h: Some(Ratio::new(1_799, 1_800)),
            uptime_1d: None,
            latency_us: speed(221_500, 303_900),
            duration_us: speed(805_100, 941_700),
            throughput_mtps: Percentiles {
                q95: Some(206_900),
                p99_from_100: None,
                ..speed(186_000, 159_200)
            },
        },
        terms: Terms {
            pricing: Some(Pricing {
                input: price(80_000_000),
                output: price(300_000_001),
            }),
            native: false,
            verdicts: BTreeMap::from([("summarize".parse().unwrap(), Verdict::Green)]),
        },
    }
}

/// A minute of an agent.
pub(crate) fn agent(minute: Minute) -> AgentRow {
    AgentRow {
        agent: AgentId::new("edge-1").unwrap(),
        minute,
        partition: 5,
        revision: Revision { epoch: 4_711, n: 3 },
        recorded: 1_000,
        dropped: BTreeMap::from([("spool_full".to_owned(), 7)]),
        acknowledged: 990,
        refused: 3,
        clock_offset_us: -1_500,
        early: 1,
        clashes: 0,
    }
}

/// A row of each kind.
pub(crate) fn one_of_each(provider: &str, at: Minute) -> Rows {
    Rows {
        minutes: vec![minute(provider, at)],
        windows: vec![window(provider, at)],
        agents: vec![agent(at)],
        rulings: vec![ruling(at)],
        attempts: vec![attempt(provider, at)],
        incidents: vec![incident(provider, at)],
    }
}

/// An incident that lasted ten seconds and a half.
pub(crate) fn incident(provider: &str, at: Minute) -> Incident {
    Incident {
        alert: AlertKey {
            rule: "uptime-page".parse().unwrap(),
            subject: Subject::Endpoint(endpoint(provider)),
        },
        kind: Kind::Uptime,
        severity: Severity::Page,
        opened_at: at.start().plus_micros(2_000_000),
        closed_at: Some(at.start().plus_micros(12_500_000)),
        worst: Some(Quantity::ratio(125, 1_000)),
        reason: "uptime is 12.50 % over 5 min".to_owned(),
        closed_because: "it has recovered".to_owned(),
    }
}

/// All incidents.
pub(crate) fn all_incidents() -> IncidentQuery {
    IncidentQuery {
        range: always(),
        model: None,
        newest_max: 1_000,
    }
}

/// An attempt that completed in a minute, and stands for four.
pub(crate) fn attempt(provider: &str, at: Minute) -> AttemptRow {
    let completed_at = at.start().plus_micros(1_500_001);
    AttemptRow {
        key: AttemptKey {
            agent: AgentId::new("edge-1").unwrap(),
            epoch: 0xfeed_f00d_feed_f00d,
            sequence: 17,
            partition: 5,
            content_hash: 0xc0ff_ee00_0000_0001,
            index: 3,
        },
        series: SeriesId {
            endpoint: endpoint(provider),
            region: Region::new("us-west-2").unwrap(),
        },
        measurement: Measurement {
            completed_at,
            outcome: Outcome::Ok,
            source: Source::Live,
            streamed: true,
            ttft_us: Some(221_500),
            duration_us: Some(800_000),
            input_tokens: Some(550),
            output_tokens: Some(150),
            status_code: Some(200),
            attempt: 2,
            is_final: true,
        },
        request_id: Some("request-1".parse().unwrap()),
        tier: Some(Tier::Standard),
        operation: Some("summarize".parse().unwrap()),
        received_at: completed_at.plus_micros(1_000_000),
        appended_at: completed_at.plus_micros(1_500_000),
        weight: NonZeroU32::new(4).unwrap(),
    }
}

/// A ruling made in a minute.
pub(crate) fn ruling(at: Minute) -> RulingRow {
    let key = GateKey {
        operation: "summarize".parse().unwrap(),
        model: model(),
        quantization: Quantization::Fp8,
    };
    let since = at.start().plus_micros(1_500_000);
    let ruling = Ruling::new(key, Some(Verdict::Green), "evals".to_owned(), since);
    RulingRow {
        log_id: 0xfeed_f00d_feed_f00d,
        offset: at.index().into(),
        ruling: ruling.unwrap(),
    }
}

pub(crate) fn always() -> MinuteRange {
    MinuteRange::new(Minute::from_index(0), Minute::from_index(u32::MAX))
}

pub(crate) fn all_minutes() -> MinuteQuery {
    MinuteQuery {
        model: model(),
        endpoint: None,
        region: None,
        range: always(),
    }
}

/// All attempts at a provider's endpoint.
pub(crate) fn all_attempts(provider: &str) -> AttemptQuery {
    AttemptQuery {
        endpoint: endpoint(provider),
        region: None,
        range: always(),
        failures_only: false,
        newest_max: 1_000,
    }
}

pub(crate) fn all_windows() -> WindowQuery {
    WindowQuery {
        model: model(),
        endpoint: None,
        scope: WindowScope::All,
        range: always(),
    }
}

/// All minutes of a day in one step.
pub(crate) fn by_day() -> HistoryQuery {
    HistoryQuery {
        minutes: all_minutes(),
        step_minutes: NonZeroU32::new(1_440).unwrap(),
    }
}
