//! What the parameters of a route say.

use std::str::FromStr;

use jiff::Timestamp as Rfc3339;
use sextant_measure::id::{GLOBAL_REGION, ModelId};
use sextant_measure::time::{Minute, Timestamp};
use sextant_router::request::Request;
use sextant_router::tag::Tag;

use crate::http::problem::{self, Problem};
use crate::http::query::Parameters;

const NAMES: [&str; 11] = [
    "model",
    "tier",
    "operation",
    "region",
    "max_price",
    "max_ttft_p95_ms",
    "min_throughput_p95",
    "only",
    "ignore",
    "seed",
    "at",
];
/// Tags in a list.
const TAGS_MAX: usize = 256;

/// What is asked.
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) seed: u64,
    /// The end of the window to choose by; nothing for now.
    pub(super) at: Option<Minute>,
}

impl Asked {
    pub(super) fn read(parameters: Parameters, now: Timestamp) -> Result<Self, Problem> {
        let parameters = parameters.only(&NAMES)?;
        let model = required::<ModelId>(&parameters, "model")?;
        let mut request = Request::new(model, required(&parameters, "tier")?);
        request.operation = optional(&parameters, "operation")?;
        request.region = match parameters.one("region")? {
            Some(GLOBAL_REGION) => None,
            _ => optional(&parameters, "region")?,
        };
        request.max_price = optional(&parameters, "max_price")?;
        request.max_latency_p95_us = thousandths(&parameters, "max_ttft_p95_ms")?;
        request.min_throughput_p95_mtps = thousandths(&parameters, "min_throughput_p95")?;
        request.only = tags(&parameters, "only")?;
        request.ignore = tags(&parameters, "ignore")?;
        let contradicts = request.check();
        contradicts.map_err(|error| problem::parameter("only", error.to_string()))?;
        // Whoever gives no seed wants traffic to be shared all the same.
        let drawn = now.as_micros().unsigned_abs();
        Ok(Self {
            request,
            seed: optional(&parameters, "seed")?.unwrap_or(drawn),
            at: moment(&parameters, now)?,
        })
    }
}

fn required<T>(parameters: &Parameters, name: &'static str) -> Result<T, Problem>
where
    T: FromStr<Err: ToString>,
{
    let value = optional(parameters, name)?;
    value.ok_or_else(|| problem::parameter(name, "is missing"))
}

fn optional<T>(parameters: &Parameters, name: &'static str) -> Result<Option<T>, Problem>
where
    T: FromStr<Err: ToString>,
{
    let value = parameters.one(name)?.map(str::parse).transpose();
    value.map_err(|error: T::Err| problem::parameter(name, error.to_string()))
}

/// A number above zero, with up to three decimals, in thousandths.
fn thousandths(parameters: &Parameters, name: &'static str) -> Result<Option<u64>, Problem> {
    let Some(text) = parameters.one(name)? else {
        return Ok(None);
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let read = || {
        let whole: u64 = whole.parse().ok().filter(|_| is_number(whole))?;
        if decimals.is_empty() || decimals.len() > 3 || !is_number(decimals) {
            return None;
        }
        let decimals: u64 = format!("{decimals:0<3}").parse().ok()?;
        whole.checked_mul(1_000)?.checked_add(decimals)
    };
    let number = read().filter(|number| *number > 0);
    let refused = || problem::parameter(name, "not a number above 0 with up to 3 decimals");
    number.ok_or_else(refused).map(Some)
}

/// Separated by commas, in one parameter or in several.
fn tags(parameters: &Parameters, name: &'static str) -> Result<Vec<Tag>, Problem> {
    let texts = parameters.all(name).flat_map(|text| text.split(','));
    let tags = texts.take(TAGS_MAX + 1).map(|text| {
        let tag = text.trim().parse();
        tag.map_err(|error| problem::parameter(name, format!("{:?} {error}", shortened(text))))
    });
    let tags = tags.collect::<Result<Vec<Tag>, _>>()?;
    if tags.len() > TAGS_MAX {
        return Err(problem::parameter(name, format!("more than {TAGS_MAX}")));
    }
    Ok(tags)
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

fn moment(parameters: &Parameters, now: Timestamp) -> Result<Option<Minute>, Problem> {
    let Some(text) = parameters.one("at")? else {
        return Ok(None);
    };
    let at: Rfc3339 = text
        .parse()
        .map_err(|_| problem::parameter("at", "not an RFC 3339 moment"))?;
    let at = Timestamp::from_micros(at.as_microsecond());
    if at > now {
        return Err(problem::parameter("at", "is in the future"));
    }
    Ok(Some(at.minute()))
}
