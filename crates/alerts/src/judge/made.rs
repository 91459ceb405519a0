//! Rows and views that tests make.

use std::sync::Arc;

use sextant_measure::counts::Counts;
use sextant_measure::figures::Figures;
use sextant_measure::id::{AgentId, EndpointId, ModelId, ProviderId, Region};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::quantization::Quantization;
use sextant_measure::ratio::Ratio;
use sextant_measure::time::Timestamp;
use sextant_snapshot::row::{AgentRow, AgentsSeen, EndpointRow, RegionFigures};

use crate::config::{Config, Resolved};
use crate::view::View;

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// An endpoint as a test sees it: of a thousand observations in each window so many are bad.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) provider: &'static str,
    pub(crate) model: &'static str,
    pub(crate) bad_5m: u32,
    pub(crate) bad_30m: u32,
    pub(crate) bad_6h: u32,
    pub(crate) n: u32,
    pub(crate) agents: (u8, u8),
    pub(crate) age_s: i64,
}

impl Made {
    pub(crate) fn well(provider: &'static str, model: &'static str) -> Self {
        Self {
            provider,
            model,
            bad_5m: 0,
            bad_30m: 0,
            bad_6h: 0,
            n: 1_000,
            agents: (3, 3),
            age_s: 0,
        }
    }

    /// Down for some minutes.
    pub(crate) fn down(provider: &'static str, model: &'static str) -> Self {
        Self {
            bad_5m: 1_000,
            bad_30m: 200,
            bad_6h: 17,
            ..Self::well(provider, model)
        }
    }

    pub(crate) fn id(&self) -> EndpointId {
        EndpointId {
            model: ModelId::new(self.model).unwrap(),
            provider: ProviderId::new(self.provider).unwrap(),
            quantization: Quantization::Fp8,
        }
    }

    pub(crate) fn figures(&self) -> Figures {
        let share = |bad: u32| bad * self.n / 1_000;
        let ratio = |bad: u32| Ratio::new(u64::from(self.n - share(bad)), u64::from(self.n));
        let mut counts = Counts::default();
        (share(self.bad_30m)..self.n).for_each(|_| counts.add(Source::Live, Outcome::Ok));
        (0..share(self.bad_30m)).for_each(|_| counts.add(Source::Live, Outcome::ProviderError));
        let mut figures = Figures {
            counts,
            uptime_6h: Some(ratio(self.bad_6h)),
            uptime_1d: None,
            ..Figures::default()
        };
        figures.recent.uptime_5m = ratio(self.bad_5m);
        figures.recent.uptime_1m = ratio(self.bad_5m);
        figures
    }

    pub(crate) fn row(&self, now: Timestamp) -> Arc<EndpointRow> {
        self.row_of(now, &self.figures())
    }

    pub(crate) fn row_of(&self, now: Timestamp, figures: &Figures) -> Arc<EndpointRow> {
        let agents = AgentsSeen {
            five_minutes: self.agents.0,
            one_hour: self.agents.1,
        };
        let region = RegionFigures {
            region: Region::new("eu").unwrap(),
            figures: *figures,
        };
        let published_at = now.plus_micros(-self.age_s * 1_000_000);
        let row = EndpointRow::new(self.id(), published_at, agents, vec![region], None);
        Arc::new(row.unwrap())
    }
}

pub(crate) fn view(now: Timestamp, made: &[Made]) -> View {
    View::new(made.iter().map(|it| it.row(now)).collect(), Vec::new())
}

pub(crate) fn agent(name: &str, heard_at: Timestamp) -> Arc<AgentRow> {
    Arc::new(AgentRow {
        agent: AgentId::new(name).unwrap(),
        published_at: NOW,
        heard_at,
        recorded: 0,
        acknowledged: 0,
        refused: 0,
        dropped: Vec::new(),
        clock_offset_us: 0,
        early: 0,
        clashes: 0,
    })
}

pub(crate) fn resolved(settings: &str) -> Resolved {
    let config: Config = toml::from_str(settings).unwrap();
    config.resolve().unwrap()
}
