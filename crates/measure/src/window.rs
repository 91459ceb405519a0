//! The sliding window of one series: 180 steps of 10 seconds, the last one open.
//!
//! Running sketches, extremes and counts hold what is inside; a step that leaves is subtracted.
//! Filing and stepping keep them, so that reading the numbers looks at no step. Steps stay a while
//! longer, so that a minute can be stored again when something arrives late for it. Everything
//! here is a function of what was filed and of the step the window stands at, whatever the order.

use std::collections::VecDeque;
use std::ops::Range;

use crate::aged::{AgedCounts, BAND_ENDS};
use crate::bins::Bins;
use crate::counts::Counts;
use crate::figures::{Figures, Recent};
use crate::observation::Measurement;
use crate::running::RunningMetric;
use crate::scale::Metric;
use crate::step::{Footprint, StepRecord};
use crate::time::{Minute, STEPS_PER_MINUTE, Step, Timestamp};

/// Steps of the 30-minute window, the open one included.
pub const STEPS_30M: u32 = 180;
/// Steps of the 5-minute window.
pub const STEPS_5M: u32 = 30;
/// Steps of the 1-minute window.
pub const STEPS_1M: u32 = 6;
/// Steps that are kept: those of the window, what is left of the oldest one's minute, and a
/// minute more for what arrives while the window moves on.
pub const STEPS_KEPT: u32 = STEPS_30M + 2 * STEPS_PER_MINUTE;
/// Observations that one window holds; more would overflow a bin of its sketches.
pub const OBSERVATIONS_MAX: u64 = u32::MAX as u64;

/// Where an observation landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filed {
    /// In its step of the window.
    Inside,
    /// In a step that has left the window but whose minute is still kept.
    Kept,
    /// Nowhere: its step is gone.
    Gone,
    /// Nowhere: the window is full.
    Full,
}

/// What one minute of a series saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinuteSums {
    /// Attempts per source and outcome.
    pub counts: Counts,
    /// One histogram per metric, in the order of [`Metric::ALL`].
    pub bins: [Bins; Metric::COUNT],
}

/// The sliding window of one series.
#[derive(Debug, Clone)]
pub struct SlidingWindow {
    now: Step,
    /// Ascending by step; only steps that saw something.
    steps: VecDeque<StepRecord>,
    running: [RunningMetric; Metric::COUNT],
    counts: AgedCounts,
    observations_30m: u64,
    late: u32,
    /// All steps before this one are closed.
    open_from: Step,
}

impl SlidingWindow {
    /// An empty window whose open step is `now`.
    pub const fn new(now: Step) -> Self {
        Self {
            now,
            steps: VecDeque::new(),
            running: [
                RunningMetric::new(Metric::Ttft),
                RunningMetric::new(Metric::Duration),
                RunningMetric::new(Metric::Throughput),
            ],
            counts: AgedCounts::new(),
            observations_30m: 0,
            late: 0,
            open_from: now,
        }
    }

    /// The open step.
    pub const fn now(&self) -> Step {
        self.now
    }

    /// The first step of the 30-minute window.
    pub const fn first(&self) -> Step {
        self.now.minus(STEPS_30M - 1)
    }

    /// Moves the open step on; what leaves the window is subtracted. Never moves back.
    pub fn advance(&mut self, to: Step) {
        if to <= self.now {
            return;
        }
        // Closed first: the counts of a closed step are found at its beginning.
        self.close_steps(to);
        let old = std::mem::replace(&mut self.now, to);
        for (band, end) in BAND_ENDS.into_iter().enumerate() {
            let ageing = self.range(old.minus(end - 1), to.minus(end - 1));
            for record in self.steps.range(ageing.clone()) {
                self.counts.age(band, &record.counts().0);
            }
            if end == STEPS_30M {
                self.subtract(ageing);
            }
        }
        let kept_from = to.minus(STEPS_KEPT - 1);
        while self
            .steps
            .front()
            .is_some_and(|record| record.step() < kept_from)
        {
            self.steps.pop_front();
        }
    }

    /// Adds an observation to its own step. One that completed after the open step counts in it.
    pub fn file(&mut self, measurement: &Measurement) -> Filed {
        let step = measurement.completed_at.step().min(self.now);
        if step.plus(STEPS_KEPT) <= self.now {
            return Filed::Gone;
        }
        if self.observations_30m >= OBSERVATIONS_MAX {
            return Filed::Full;
        }
        let footprint = Footprint::of(measurement);
        self.record_at(step).record(&footprint);
        let age = self.now.index() - step.index();
        self.counts.add(age, footprint.code);
        if age >= STEPS_30M {
            return Filed::Kept;
        }
        self.observations_30m += 1;
        for (running, value) in self.running.iter_mut().zip(footprint.values) {
            if let Some(value) = value {
                running.add(value);
            }
        }
        Filed::Inside
    }

    /// Counts an observation that arrived in `at`, too late for its own window.
    pub fn file_late(&mut self, at: Step) {
        let at = at.min(self.now);
        if at >= self.first() {
            self.record_at(at).count(crate::step::LATE);
            self.late = self.late.saturating_add(1);
        }
    }

    /// The finished numbers at `at`, which lies in the open step; the long windows are the
    /// caller's to add.
    pub fn figures(&self, at: Timestamp) -> Figures {
        let counts = self.counts.sums();
        let [latency_us, duration_us, throughput_mtps] =
            self.running.each_ref().map(RunningMetric::percentiles);
        Figures {
            window_start: self.first().start(),
            window_end: at,
            status: counts.status,
            counts: counts.over_30m,
            late: self.late,
            recent: Recent {
                uptime_1m: counts.over_1m.uptime(),
                success_1m: counts.over_1m.success(),
                rate_limited_1m: counts.over_1m.rate_limited(),
                uptime_5m: counts.over_5m.uptime(),
            },
            uptime_6h: None,
            uptime_1d: None,
            latency_us,
            duration_us,
            throughput_mtps,
        }
    }

    /// What a minute saw. `None` if nothing, or if part of it is no longer kept.
    pub fn minute(&self, minute: Minute) -> Option<MinuteSums> {
        let first = minute.first_step();
        if first.plus(STEPS_KEPT) <= self.now {
            return None;
        }
        let mut sums = MinuteSums {
            counts: Counts::default(),
            bins: Metric::ALL.map(Bins::empty),
        };
        let steps = self.range(first, first.plus(STEPS_PER_MINUTE));
        for record in self.steps.range(steps) {
            sums.counts.merge(&record.counts().0);
            for (metric, bins) in Metric::ALL.into_iter().zip(&mut sums.bins) {
                record
                    .bins(metric)
                    .for_each(|(bin, n)| bins.add(bin, u64::from(n)));
                if let Some((min, max)) = record.extremes(metric).get() {
                    bins.widen(min, max);
                }
            }
        }
        (sums.counts.all() > 0).then_some(sums)
    }

    /// Whether nothing is kept any more.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Bytes allocated.
    pub fn heap_bytes(&self) -> usize {
        self.steps.capacity() * size_of::<StepRecord>()
            + self.steps.iter().map(StepRecord::heap_bytes).sum::<usize>()
            + self
                .running
                .iter()
                .map(RunningMetric::heap_bytes)
                .sum::<usize>()
    }

    /// Where the steps from `first` up to but not including `end` lie.
    fn range(&self, first: Step, end: Step) -> Range<usize> {
        let index = |step: Step| step.index() as usize;
        let (Some(front), Some(back)) = (self.steps.front(), self.steps.back()) else {
            return 0..0;
        };
        let len = self.steps.len();
        // No two are of one step, so that their distance to the front and to the back leaves only
        // as many places as there are gaps: near the ends of a window that is quicker than halving.
        let lowest = len.saturating_sub((index(back.step()) + 1).saturating_sub(index(first)));
        let highest = len.min(index(first).saturating_sub(index(front.step())));
        let before = |step: Step| move |record: &&StepRecord| record.step() < step;
        let skipped = self.steps.range(lowest..highest).take_while(before(first));
        let begin = lowest + skipped.count();
        begin..begin + self.steps.range(begin..).take_while(before(end)).count()
    }

    /// Makes all steps small; those from `to` on may open.
    fn close_steps(&mut self, to: Step) {
        let open_from = std::mem::replace(&mut self.open_from, to);
        self.steps
            .iter_mut()
            .rev()
            .take_while(|record| record.step() >= open_from)
            .for_each(StepRecord::close);
    }

    fn record_at(&mut self, step: Step) -> &mut StepRecord {
        let at = match self.steps.back() {
            Some(last) if last.step() == step => self.steps.len() - 1,
            Some(last) if last.step() > step => {
                self.steps.partition_point(|record| record.step() < step)
            }
            _ => self.steps.len(),
        };
        self.open_from = self.open_from.min(step);
        if self
            .steps
            .get(at)
            .is_none_or(|record| record.step() != step)
        {
            self.steps.insert(at, StepRecord::new(step));
        }
        #[expect(clippy::indexing_slicing, reason = "found or inserted just above")]
        &mut self.steps[at]
    }

    /// Takes the steps that leave the window out of what is running.
    fn subtract(&mut self, leaving: Range<usize>) {
        if leaving.is_empty() {
            return;
        }
        for record in self.steps.range(leaving.clone()) {
            let (counts, late) = record.counts();
            self.observations_30m = self.observations_30m.saturating_sub(counts.all());
            self.late = self.late.wrapping_sub(late);
        }
        let staying = leaving.end..;
        for running in &mut self.running {
            running.subtract(
                self.steps.range(leaving.clone()),
                self.steps.range(staying.clone()),
            );
        }
    }
}
