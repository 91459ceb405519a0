//! What is looked at, as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sextant_measure::time::MINUTE_US;

/// One rule. Which fields it needs depends on its kind.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// What it is called: 1 to 64 of a-z, 0-9, '_' and '-'.
    pub name: String,
    /// What it looks at.
    pub kind: KindName,
    /// Whom it concerns. Default: `ticket`.
    #[serde(default)]
    pub severity: SeverityName,
    /// Only these models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Only these providers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
    /// `uptime`: how many times faster than the objective allows errors may come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burn_rate: Option<f64>,
    /// `uptime`: the longer window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// `uptime`: the shorter window, which must breach as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short_window: Option<Window>,
    /// `latency`, `throughput`: which percentile over 30 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentile: Option<PercentileName>,
    /// `latency`: the time to first token that is too long, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above_ms: Option<f64>,
    /// `throughput`: the tokens a second that are too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below_tps: Option<f64>,
    /// `rate_limited`: the share that is too much, over 30 minutes and over the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above_ratio: Option<f64>,
    /// `no_data`: seconds of silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_s: Option<u32>,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KindName {
    /// How fast the budget of errors is used up.
    Uptime,
    /// The share of attempts that were rate-limited.
    RateLimited,
    /// Time to first token.
    Latency,
    /// Throughput.
    Throughput,
    /// Agents that are not heard of.
    NoData,
    /// More than half of all providers at once.
    Observer,
}

/// Whom a rule concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeverityName {
    /// Somebody, now.
    Page,
    /// Somebody, in working hours.
    #[default]
    Ticket,
}

/// A window that uptime is known of.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum Window {
    /// One minute.
    #[serde(rename = "1m")]
    Minute,
    /// 5 minutes.
    #[serde(rename = "5m")]
    FiveMinutes,
    /// 30 minutes.
    #[serde(rename = "30m")]
    HalfHour,
    /// 6 hours.
    #[serde(rename = "6h")]
    SixHours,
    /// One day.
    #[serde(rename = "1d")]
    Day,
}

/// A percentile of 30 minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PercentileName {
    /// The median.
    P50,
    /// Three quarters.
    P75,
    /// Nine tenths.
    P90,
    /// 95 %.
    P95,
    /// 99 %.
    P99,
}

impl Window {
    /// Its length in microseconds.
    pub const fn us(self) -> i64 {
        let minutes = match self {
            Self::Minute => 1,
            Self::FiveMinutes => 5,
            Self::HalfHour => 30,
            Self::SixHours => 6 * 60,
            Self::Day => 24 * 60,
        };
        minutes * MINUTE_US
    }

    /// As people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "1 min",
            Self::FiveMinutes => "5 min",
            Self::HalfHour => "30 min",
            Self::SixHours => "6 h",
            Self::Day => "1 day",
        }
    }
}

/// The rules that there are without others.
///
/// Burn rates and windows after "Alerting on SLOs", The Site Reliability Workbook (2018), ch. 5,
/// with half an hour in place of the hour, since that is the window that is published.
pub(super) fn defaults() -> Vec<RuleConfig> {
    vec![
        RuleConfig {
            severity: SeverityName::Page,
            burn_rate: Some(14.4),
            window: Some(Window::HalfHour),
            short_window: Some(Window::FiveMinutes),
            ..bare("uptime-page", KindName::Uptime)
        },
        RuleConfig {
            burn_rate: Some(6.0),
            window: Some(Window::SixHours),
            short_window: Some(Window::HalfHour),
            ..bare("uptime-ticket", KindName::Uptime)
        },
        RuleConfig {
            above_ratio: Some(0.25),
            ..bare("rate-limited", KindName::RateLimited)
        },
        RuleConfig {
            after_s: Some(60),
            ..bare("agent-silent", KindName::NoData)
        },
        RuleConfig {
            severity: SeverityName::Page,
            ..bare("observer-suspected", KindName::Observer)
        },
    ]
}

fn bare(name: &str, kind: KindName) -> RuleConfig {
    RuleConfig {
        name: name.to_owned(),
        kind,
        severity: SeverityName::Ticket,
        models: Vec::new(),
        providers: Vec::new(),
        burn_rate: None,
        window: None,
        short_window: None,
        percentile: None,
        above_ms: None,
        below_tps: None,
        above_ratio: None,
        after_s: None,
    }
}
