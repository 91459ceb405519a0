//! Random rows and random traffic, from a seed.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use sextant_catalog::{Price, Pricing};
use sextant_measure::counts::COUNT_CODES;
use sextant_measure::figures::{Figures, Percentiles, Recent};
use sextant_measure::id::{AgentId, EndpointId, Operation, Region, RequestId, SeriesId};
use sextant_measure::observation::{Measurement, Tier};
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::ratio::Ratio;
use sextant_measure::status::Status;
use sextant_measure::time::{Minute, Timestamp};
use sextant_measure::window::MinuteSums;
use sextant_snapshot::gates::Verdict;
use sextant_store::{
    AgentRow, AttemptKey, AttemptRow, MinuteRow, Revision, Terms, WindowRow, no_sums,
};

/// Draws rows and observations.
#[derive(Debug)]
pub struct Traffic(StdRng);

impl Traffic {
    /// The same seed draws the same.
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A number below the bound.
    pub fn below(&mut self, bound: u32) -> u32 {
        self.0.random_range(0..bound.max(1))
    }

    /// One of the choices.
    pub fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices.choose(&mut self.0).unwrap().clone()
    }

    /// Whether something of that chance happens, in percent.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// A row with sums of any kind: empty, of one value, of many.
    pub fn minute_row(
        &mut self,
        series: &SeriesId,
        minute: Minute,
        revision: Revision,
    ) -> MinuteRow {
        MinuteRow {
            series: series.clone(),
            minute,
            revision,
            sums: self.sums(),
        }
    }

    /// What a minute saw.
    pub fn sums(&mut self) -> MinuteSums {
        let mut sums = no_sums();
        for code in 0..COUNT_CODES {
            let n = self.one_of(&[0, 0, 1, 60, u32::MAX / 2]);
            sums.counts.add_code(u8::try_from(code).unwrap(), n);
        }
        for bins in &mut sums.bins {
            let values = self.one_of(&[0, 1, 30, 300]);
            (0..values).for_each(|_| bins.record(self.value()));
        }
        sums
    }

    /// A window's row with numbers of any kind.
    pub fn window_row(
        &mut self,
        endpoint: &EndpointId,
        region: Option<&Region>,
        ending: Minute,
    ) -> WindowRow {
        let end = ending.start().plus_micros(-1);
        WindowRow {
            endpoint: endpoint.clone(),
            region: region.cloned(),
            ending,
            figures: Figures {
                window_start: ending.minus(30).start(),
                window_end: end,
                status: self.one_of(&Status::ALL),
                counts: self.sums().counts,
                late: self.below(u32::MAX),
                recent: Recent {
                    uptime_1m: self.ratio(),
                    success_1m: self.ratio(),
                    rate_limited_1m: self.ratio(),
                    uptime_5m: self.ratio(),
                },
                uptime_6h: self.chance(50).then(|| self.ratio()),
                uptime_1d: self.chance(50).then(|| self.ratio()),
                latency_us: self.percentiles(),
                duration_us: self.percentiles(),
                throughput_mtps: self.percentiles(),
            },
            terms: self.terms(),
        }
    }

    /// An agent's row, of partition 3.
    pub fn agent_row(&mut self, agent: &AgentId, minute: Minute, revision: Revision) -> AgentRow {
        let reasons = ["queue_full", "spool_full", "grün \"\\'"];
        let dropped = reasons.into_iter().filter(|_| self.0.random());
        let dropped: Vec<_> = dropped.collect();
        let dropped = dropped
            .into_iter()
            .map(|reason| (reason.to_owned(), self.count()));
        let dropped: BTreeMap<_, _> = dropped.collect();
        AgentRow {
            agent: agent.clone(),
            minute,
            partition: 3,
            revision,
            recorded: self.count(),
            dropped,
            acknowledged: self.count(),
            refused: self.count(),
            clock_offset_us: self.0.random(),
            early: self.count(),
            clashes: self.count(),
        }
    }

    /// An observation that completed at that moment.
    pub fn measurement(&mut self, completed_at: Timestamp) -> Measurement {
        let outcome = if self.chance(80) {
            Outcome::Ok
        } else {
            self.one_of(&Outcome::all().collect::<Vec<_>>())
        };
        let streamed = self.chance(90);
        let ttft_us = u64::from(self.below(3_000_000));
        let rest_us = u64::from(self.below(60_000_000));
        Measurement {
            completed_at,
            outcome,
            source: if self.chance(85) {
                Source::Live
            } else {
                Source::Probe
            },
            streamed,
            ttft_us: streamed.then_some(ttft_us),
            duration_us: Some(ttft_us + rest_us),
            input_tokens: None,
            output_tokens: self.chance(90).then(|| self.below(2_000)),
            status_code: None,
            attempt: 1,
            is_final: true,
        }
    }

    /// An attempt that completed in that minute, with a key that hardly any other has.
    pub fn attempt_row(&mut self, series: &SeriesId, minute: Minute) -> AttemptRow {
        let completed_at = minute.start().plus_micros(self.below(60_000_000).into());
        let texts = ["réq 1", "it's \"quoted\" \\ and; --dropped", "\u{202e}"];
        let word = |traffic: &mut Self| {
            let any = traffic.0.random();
            traffic.one_of(&[0, 1, any, u64::MAX])
        };
        let key = AttemptKey {
            agent: AgentId::new(self.one_of(&["edge 1", "kante-ü"])).unwrap(),
            epoch: word(self),
            sequence: word(self),
            partition: self.below(8),
            content_hash: self.0.random(),
            index: self.0.random(),
        };
        let mut measurement = self.measurement(completed_at);
        measurement.input_tokens = self.chance(50).then(|| self.0.random());
        measurement.status_code = self.chance(50).then_some(529);
        measurement.attempt = self.0.random_range(1..=u32::MAX);
        measurement.is_final = self.chance(50);
        AttemptRow {
            key,
            series: series.clone(),
            measurement,
            request_id: self
                .chance(50)
                .then(|| RequestId::new(self.one_of(&texts)).unwrap()),
            tier: self.chance(50).then(|| self.one_of(&Tier::ALL)),
            operation: self
                .chance(50)
                .then(|| Operation::new(self.one_of(&texts)).unwrap()),
            received_at: completed_at.plus_micros(self.below(1_000_000).into()),
            appended_at: completed_at.plus_micros(self.below(2_000_000).into()),
            weight: NonZeroU32::new(self.one_of(&[1, 1, 64, u32::MAX])).unwrap(),
        }
    }

    fn terms(&mut self) -> Terms {
        let operations = [
            "summarize",
            "übersetzen",
            "it's \"quoted\" \\ and; --dropped",
        ];
        let verdicts = [Verdict::Green, Verdict::Red];
        let mut terms = Terms {
            pricing: self.chance(70).then(|| Pricing {
                input: self.price(),
                output: self.price(),
            }),
            native: self.chance(50),
            verdicts: BTreeMap::new(),
        };
        for operation in operations {
            if self.chance(50) {
                let operation = Operation::new(operation).unwrap();
                terms.verdicts.insert(operation, self.one_of(&verdicts));
            }
        }
        terms
    }

    fn price(&mut self) -> Price {
        let nano_usd = self.0.random_range(0..=Price::MAX.as_nano_usd());
        let nano_usd = self.one_of(&[0, 80_000_000, nano_usd, Price::MAX.as_nano_usd()]);
        Price::from_nano_usd(nano_usd).unwrap()
    }

    fn percentiles(&mut self) -> Percentiles {
        Percentiles {
            n: self.count(),
            values: [(); 5].map(|()| self.chance(70).then(|| self.value())),
            q95: self.chance(50).then(|| self.value()),
            p99_from_100: None,
        }
    }

    fn ratio(&mut self) -> Ratio {
        let whole = self.count();
        Ratio::new(self.0.random_range(0..=whole), whole)
    }

    /// Any count; the top bit is for no store.
    fn count(&mut self) -> u64 {
        let any = self.0.random::<u64>() >> 1;
        self.one_of(&[0, 1, 1_000, any, u64::MAX >> 1])
    }

    /// A value that may lie on any scale, also at its ends and past them.
    fn value(&mut self) -> u64 {
        let usual = self.0.random_range(0..4_000_000_000);
        self.one_of(&[
            0,
            1,
            usual,
            usual,
            usual,
            3_600_000_000,
            100_000_000,
            5_000_000_000,
        ])
    }
}
