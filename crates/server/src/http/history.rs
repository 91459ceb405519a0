//! `GET /api/v1/models/{author}/{slug}/history`: what was seen, step by step, from the store.
//!
//! `from` and `to` are RFC 3339 moments, taken down to whole minutes; without them the last six
//! hours. `step` is a number of minutes, or one with a unit: `5m`, `1h`, `1d`. `region` leaves one
//! region; without it all are merged.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp as Rfc3339;
use serde::Serialize;
use sextant_measure::bins::{Bins, Tail};
use sextant_measure::figures::{Figures, Percentile, Percentiles, minimum};
use sextant_measure::id::{EndpointId, GLOBAL_REGION, ModelId, Region};
use sextant_measure::scale::Metric;
use sextant_measure::time::{Minute, Timestamp};
use sextant_measure::window::MinuteSums;
use sextant_store::{HistoryPoint, HistoryQuery, MinuteQuery, MinuteRange, STEP_MINUTES_MAX};
use sextant_wire::json::rfc3339;

use super::App;
use super::models;
use super::numbers::{Numbers, Seen, Shown, THIRTY_MINUTES_US, percentiles, ratio, uptime};
use super::problem::{self, Problem};
use super::query::{ModelPath, Parameters};
use super::sextant::CountsJson;
use crate::seats::Caller;

const RANGE_MINUTES_DEFAULT: u32 = 6 * 60;
const STEP_MINUTES_DEFAULT: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);

pub(super) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    model: Result<ModelPath, Problem>,
    parameters: Result<Parameters, Problem>,
) -> Result<Response, Problem> {
    let ModelPath(model) = model?;
    let parameters = parameters?.only(&["from", "to", "step", "region"])?;
    let query = query(&model, &parameters, app.clock.now())?;
    let points = app.stored(caller, app.store.history(&query)).await?;
    if points.is_empty() {
        refuse_unknown(&app, &model)?;
    }
    Ok(Json(HistoryJson::new(&query, &points)).into_response())
}

fn query(
    model: &ModelId,
    parameters: &Parameters,
    now: Timestamp,
) -> Result<HistoryQuery, Problem> {
    let to = moment(parameters, "to")?.unwrap_or_else(|| now.minute().plus(1));
    let from = moment(parameters, "from")?.unwrap_or_else(|| to.minus(RANGE_MINUTES_DEFAULT));
    if from >= to {
        return Err(problem::parameter("from", "not before `to`"));
    }
    let step = parameters.one("step")?.map(step_minutes).transpose()?;
    let region = parameters
        .one("region")?
        .filter(|name| *name != GLOBAL_REGION);
    let region = region.map(Region::new).transpose();
    Ok(HistoryQuery {
        minutes: MinuteQuery {
            model: model.clone(),
            endpoint: None,
            region: region.map_err(|error| problem::parameter("region", error.to_string()))?,
            range: MinuteRange::new(from, to),
        },
        step_minutes: step.unwrap_or(STEP_MINUTES_DEFAULT),
    })
}

/// A parameter that is a moment, taken down to a whole minute.
pub(super) fn moment(
    parameters: &Parameters,
    name: &'static str,
) -> Result<Option<Minute>, Problem> {
    let text = parameters.one(name)?;
    let moment = text.map(str::parse::<Rfc3339>).transpose();
    let moment = moment.map_err(|_| problem::parameter(name, "not an RFC 3339 moment"))?;
    Ok(moment.map(|at| Timestamp::from_micros(at.as_microsecond()).minute()))
}

fn step_minutes(text: &str) -> Result<NonZeroU32, Problem> {
    let digits = text.trim_end_matches(['m', 'h', 'd']);
    let unit = match text.strip_prefix(digits) {
        Some("" | "m") => Some(1),
        Some("h") => Some(60),
        Some("d") => Some(STEP_MINUTES_MAX),
        _ => None,
    };
    let step = unit
        .zip(digits.parse::<u32>().ok())
        .and_then(|(unit, digits)| digits.checked_mul(unit))
        .filter(|minutes| *minutes <= STEP_MINUTES_MAX)
        .and_then(NonZeroU32::new);
    step.ok_or_else(|| problem::parameter("step", "not a time from 1m to 1d, as in 5m, 1h or 1d"))
}

/// A model without history may still be known.
fn refuse_unknown(app: &App, model: &ModelId) -> Result<(), Problem> {
    let edition = app.edition()?;
    let is_listed = edition.catalog().model(model).is_some();
    if is_listed || !edition.snapshot().model(model).is_empty() {
        return Ok(());
    }
    Err(models::unknown(&edition, model))
}

#[derive(Serialize)]
struct HistoryJson {
    model: String,
    region: String,
    from: String,
    to: String,
    step_minutes: u32,
    endpoints: Vec<EndpointJson>,
}

#[derive(Serialize)]
struct EndpointJson {
    tag: String,
    provider: String,
    quantization: &'static str,
    points: Vec<PointJson>,
}

/// One step. Steps in which nothing was seen are left out.
#[derive(Serialize)]
struct PointJson {
    from: String,
    counts: CountsJson,
    latency_ms: Numbers,
    duration_ms: Numbers,
    throughput_tps: Numbers,
    uptime: Numbers,
    success: Numbers,
    rate_limited: Numbers,
}

impl HistoryJson {
    fn new(query: &HistoryQuery, points: &[HistoryPoint]) -> Self {
        let minutes = &query.minutes;
        let region = minutes.region.as_ref();
        let endpoints = points.chunk_by(|a, b| a.endpoint == b.endpoint);
        Self {
            model: minutes.model.to_string(),
            region: region.map_or_else(|| GLOBAL_REGION.to_owned(), Region::to_string),
            from: rfc3339(minutes.range.from.start()),
            to: rfc3339(minutes.range.to.start()),
            step_minutes: query.step_minutes.get(),
            endpoints: endpoints
                .filter_map(|points| Some(EndpointJson::new(&points.first()?.endpoint, points)))
                .collect(),
        }
    }
}

impl EndpointJson {
    fn new(id: &EndpointId, points: &[HistoryPoint]) -> Self {
        Self {
            tag: id.tag(),
            provider: id.provider.to_string(),
            quantization: id.quantization.name(),
            points: points.iter().map(PointJson::new).collect(),
        }
    }
}

impl PointJson {
    fn new(point: &HistoryPoint) -> Self {
        let figures = figures(&point.sums);
        let seen = Some(Seen {
            figures: &figures,
            age_us: 0,
        });
        // What is asked for is the past, so nothing of it is stale.
        let any = THIRTY_MINUTES_US;
        Self {
            from: rfc3339(point.from.start()),
            counts: CountsJson::new(&figures.counts, figures.late),
            latency_ms: percentiles(seen, Shown::LatencyMs),
            duration_ms: percentiles(seen, Shown::DurationMs),
            throughput_tps: percentiles(seen, Shown::ThroughputTps),
            uptime: uptime(seen, any, |f| Some(f.uptime_30m())),
            success: ratio(seen, any, |f| Some(f.success_30m())),
            rate_limited: ratio(seen, any, |f| Some(f.rate_limited_30m())),
        }
    }
}

/// The numbers of a step, under the names of those of a window.
fn figures(sums: &MinuteSums) -> Figures {
    let [latency_us, duration_us, throughput_mtps] = sums.bins.each_ref().map(percentiles_of);
    Figures {
        counts: sums.counts,
        latency_us,
        duration_us,
        throughput_mtps,
        ..Figures::default()
    }
}

fn percentiles_of(bins: &Bins) -> Percentiles {
    let (n, is_throughput) = (bins.n(), bins.metric() == Metric::Throughput);
    let tail = if is_throughput {
        Tail::AtLeast
    } else {
        Tail::AtMost
    };
    let from = |min: u64, percent, tail| bins.percentile(percent, tail).filter(|_| n >= min);
    Percentiles {
        n,
        values: Percentile::ALL.map(|p| from(p.min(), p.percent(), tail)),
        q95: from(minimum::P95, 95, Tail::AtMost).filter(|_| is_throughput),
        p99_from_100: from(minimum::P95, 99, tail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_minutes_or_have_a_unit() {
        let minutes = |text| step_minutes(text).ok().map(NonZeroU32::get);
        for (text, wanted) in [
            ("5", 5),
            ("5m", 5),
            ("2h", 120),
            ("1d", 1_440),
            ("24h", 1_440),
        ] {
            assert_eq!(minutes(text), Some(wanted), "{text}");
        }
        for text in [
            "",
            "m",
            "0",
            "0m",
            "-1",
            "1.5h",
            "1441",
            "2d",
            "5mm",
            "1h30m",
            "99999999999h",
            "5s",
        ] {
            assert_eq!(minutes(text), None, "{text}");
        }
    }

    #[test]
    fn the_default_step_is_five_minutes() {
        assert_eq!(STEP_MINUTES_DEFAULT.get(), 5);
    }
}
