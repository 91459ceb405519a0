//! Random values of everything that travels.

use proptest::prelude::*;
use sextant_measure::counts::{COUNT_CODES, Counts};
use sextant_measure::figures::{Figures, Percentiles, Recent};
use sextant_measure::id::{AgentId, EndpointId, ModelId, Operation, ProviderId, Region, RequestId};
use sextant_measure::observation::{Definition, Measurement, Observation, Tier};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;
use sextant_snapshot::row::{AgentRow, AgentsSeen, EndpointRow, RegionFigures};

pub(crate) fn measurement() -> impl Strategy<Value = Measurement> {
    let kind = (0_u8..13, any::<bool>(), any::<bool>(), any::<bool>());
    let times = (prop::option::of(0_u64..1 << 30), 0_u64..1 << 30);
    let tokens = (
        prop::option::of(any::<u32>()),
        prop::option::of(any::<u32>()),
    );
    let status = prop::option::of(prop_oneof![Just(200_u16), 100_u16..=999]);
    let at = 0_i64..7_000_000_000_000_000;
    (at, kind, times, tokens, status, 1_u32..=u32::MAX).prop_map(
        |(at, (outcome, probe, streamed, is_final), (ttft, rest), tokens, status_code, attempt)| {
            let ttft_us = ttft.filter(|_| streamed);
            Measurement {
                completed_at: Timestamp::from_micros(at),
                outcome: Outcome::from_code(outcome).unwrap(),
                source: if probe { Source::Probe } else { Source::Live },
                streamed,
                ttft_us,
                duration_us: Some(ttft_us.unwrap_or(0) + rest),
                input_tokens: tokens.0,
                output_tokens: tokens.1,
                status_code,
                attempt,
                is_final,
            }
        },
    )
}

pub(crate) fn definition() -> impl Strategy<Value = Definition> {
    let quantization =
        prop::option::of((0_u8..12).prop_map(|c| Quantization::from_code(c).unwrap()));
    let region = prop::option::of("[a-z0-9._-]{1,20}".prop_filter("reserved", |r| r != "global"));
    (
        "[a-z0-9]{1,9}/[a-z0-9.:-]{0,8}z",
        "[a-z0-9-]{1,20}",
        quantization,
        region,
    )
        .prop_filter_map("names", |(model, provider, quantization, region)| {
            Some(Definition {
                model: ModelId::new(&model).ok()?,
                provider: ProviderId::new(&provider).ok()?,
                quantization,
                region: region.map(|r| Region::new(&r).unwrap()),
            })
        })
}

pub(crate) fn observation() -> impl Strategy<Value = Observation> {
    let tier = prop::option::of((0_usize..3).prop_map(|index| Tier::ALL[index]));
    let text = || prop::option::of("[a-zA-Zé0-9 ]{1,30}");
    (definition(), measurement(), text(), tier, text()).prop_map(
        |(definition, measurement, request_id, tier, operation)| Observation {
            definition,
            measurement,
            request_id: request_id.map(|text| RequestId::new(&text).unwrap()),
            tier,
            operation: operation.map(|text| Operation::new(&text).unwrap()),
        },
    )
}

fn ratio() -> impl Strategy<Value = Ratio> {
    (any::<u64>(), any::<u64>()).prop_map(|(part, whole)| Ratio::new(part, whole))
}

fn percentiles() -> impl Strategy<Value = Percentiles> {
    let value = || prop::option::of(any::<u64>());
    (
        any::<u64>(),
        [value(), value(), value(), value(), value()],
        value(),
    )
        .prop_map(|(n, values, q95)| Percentiles {
            n,
            values,
            q95,
            ..Percentiles::default()
        })
}

fn figures() -> impl Strategy<Value = Figures> {
    let counts = prop::array::uniform26(any::<u32>())
        .prop_map(|cells: [u32; COUNT_CODES]| Counts::from_cells(cells));
    let recent = (ratio(), ratio(), ratio(), ratio());
    let long = (prop::option::of(ratio()), prop::option::of(ratio()));
    let metrics = (percentiles(), percentiles(), percentiles());
    let moments = (any::<i64>(), any::<i64>(), 0_u8..4, any::<u32>());
    (moments, counts, recent, long, metrics).prop_map(
        |((start, end, status, late), counts, recent, long, metrics)| Figures {
            window_start: Timestamp::from_micros(start),
            window_end: Timestamp::from_micros(end),
            status: Status::from_code(status).unwrap(),
            counts,
            late,
            recent: Recent {
                uptime_1m: recent.0,
                success_1m: recent.1,
                rate_limited_1m: recent.2,
                uptime_5m: recent.3,
            },
            uptime_6h: long.0,
            uptime_1d: long.1,
            latency_us: metrics.0,
            duration_us: metrics.1,
            throughput_mtps: metrics.2,
        },
    )
}

pub(crate) fn endpoint_row() -> impl Strategy<Value = EndpointRow> {
    let regions = prop::collection::btree_map("[a-z]{1,6}x", figures(), 1..4);
    (
        definition(),
        any::<i64>(),
        any::<u8>(),
        any::<u8>(),
        regions,
        figures(),
    )
        .prop_map(
            |(definition, at, five_minutes, one_hour, regions, global)| {
                let regions: Vec<_> = regions
                    .into_iter()
                    .map(|(name, figures)| RegionFigures {
                        region: Region::new(&name).unwrap(),
                        figures,
                    })
                    .collect();
                let id = EndpointId {
                    model: definition.model,
                    provider: definition.provider,
                    quantization: definition.quantization.unwrap_or_default(),
                };
                let global = (regions.len() > 1).then_some(global);
                let agents = AgentsSeen {
                    five_minutes,
                    one_hour,
                };
                EndpointRow::new(id, Timestamp::from_micros(at), agents, regions, global).unwrap()
            },
        )
}

pub(crate) fn agent_row() -> impl Strategy<Value = AgentRow> {
    let dropped = prop::collection::btree_map("[a-z_]{1,12}", any::<u64>(), 0..5);
    (
        "[a-z/0-9]{1,40}",
        any::<[u64; 5]>(),
        any::<i64>(),
        any::<i64>(),
        dropped,
    )
        .prop_map(|(name, n, at, offset, dropped)| AgentRow {
            agent: AgentId::new(&name).unwrap(),
            published_at: Timestamp::from_micros(at),
            heard_at: Timestamp::from_micros(at.wrapping_sub(1)),
            recorded: n[0],
            acknowledged: n[1],
            refused: n[2],
            dropped: dropped.into_iter().collect(),
            clock_offset_us: offset,
            early: n[3],
            clashes: n[4],
        })
}
