//! A rule that can fire.

use sextant_incident::{Kind, RuleName, Severity};
use sextant_measure::figures::Percentile;
use sextant_measure::id::{EndpointId, ModelId, ProviderId};

use crate::config::Window;

/// A rule that can fire.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What it is called.
    pub name: RuleName,
    /// Whom it concerns.
    pub severity: Severity,
    /// When it fires.
    pub condition: Condition,
    /// About which endpoints.
    pub scope: Scope,
}

/// When a rule fires.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Condition {
    /// Errors come so many times faster than the objective allows, in both windows.
    Uptime {
        /// How many times.
        burn_rate: f64,
        /// The longer window.
        long: Window,
        /// The shorter one.
        short: Window,
    },
    /// At least this share is rate-limited, over 30 minutes and over one.
    RateLimited {
        /// From 0 to 1.
        above: f64,
    },
    /// A percentile of the time to first token is longer.
    Latency {
        /// Which.
        percentile: Percentile,
        /// In microseconds.
        above_us: u64,
    },
    /// A percentile of throughput is lower.
    Throughput {
        /// Which.
        percentile: Percentile,
        /// In thousandths of a token a second.
        below_mtps: u64,
    },
    /// An agent is silent for longer.
    NoData {
        /// In microseconds.
        after_us: i64,
    },
    /// More than half of all providers are in trouble at once.
    Observer,
}

/// About which endpoints a rule is; without names, about all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Only these models.
    pub models: Vec<ModelId>,
    /// Only these providers.
    pub providers: Vec<ProviderId>,
}

impl Rule {
    /// What it looks at.
    pub const fn kind(&self) -> Kind {
        match self.condition {
            Condition::Uptime { .. } => Kind::Uptime,
            Condition::RateLimited { .. } => Kind::RateLimited,
            Condition::Latency { .. } => Kind::Latency,
            Condition::Throughput { .. } => Kind::Throughput,
            Condition::NoData { .. } => Kind::NoData,
            Condition::Observer => Kind::Observer,
        }
    }

    /// Whether its subjects are endpoints.
    pub const fn is_about_endpoints(&self) -> bool {
        !matches!(
            self.condition,
            Condition::NoData { .. } | Condition::Observer
        )
    }
}

impl Scope {
    /// Whether the endpoint belongs to it.
    pub fn has(&self, endpoint: &EndpointId) -> bool {
        (self.models.is_empty() || self.models.contains(&endpoint.model))
            && (self.providers.is_empty() || self.providers.contains(&endpoint.provider))
    }
}

impl Condition {
    /// How far back reaches what a condition goes by now, in microseconds: of two windows that must
    /// both breach, the shorter one.
    pub const fn sees_back_us(self) -> i64 {
        match self {
            Self::Uptime { short, .. } => short.us(),
            Self::RateLimited { .. } => Window::Minute.us(),
            Self::Latency { .. } | Self::Throughput { .. } => Window::HalfHour.us(),
            Self::NoData { .. } | Self::Observer => 0,
        }
    }
}
