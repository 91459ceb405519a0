//! The sliding window of one series: 180 steps of 10 seconds, the last one open.
//!
//! One running sketch per metric and one running count per horizon hold what is inside; a step
//! that leaves is subtracted. Steps stay a while longer, so that a minute can be stored again
//! when something arrives late for it. Everything here is a function of what was filed and of
//! the step the window stands at, whatever the order.

use std::collections::VecDeque;

use crate::bins::{Bins, Tail};
use crate::counts::Counts;
use crate::figures::{Figures, Percentile, Percentiles, Recent, minimum};
use crate::observation::Measurement;
use crate::scale::Metric;
use crate::sketch::Sketch;
use crate::status::Status;
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
    running: [Sketch; Metric::COUNT],
    counts_30m: Counts,
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
                Sketch::new(Metric::Ttft),
                Sketch::new(Metric::Duration),
                Sketch::new(Metric::Throughput),
            ],
            counts_30m: Counts::from_cells([0; crate::counts::COUNT_CODES]),
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
        let (old_first, new_first) = (self.first(), to.minus(STEPS_30M - 1));
        self.now = to;
        let begin = self
            .steps
            .partition_point(|record| record.step() < old_first);
        let end = self
            .steps
            .partition_point(|record| record.step() < new_first);
        if begin < end {
            self.subtract(begin, end);
        }
        let kept_from = to.minus(STEPS_KEPT - 1);
        while self
            .steps
            .front()
            .is_some_and(|record| record.step() < kept_from)
        {
            self.steps.pop_front();
        }
        let open_from = std::mem::replace(&mut self.open_from, to);
        self.steps
            .iter_mut()
            .rev()
            .take_while(|record| record.step() >= open_from)
            .for_each(StepRecord::close);
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
        if step < self.first() {
            return Filed::Kept;
        }
        self.observations_30m += 1;
        self.counts_30m.add_code(footprint.code, 1);
        for (metric, value) in footprint.values() {
            if let Some(sketch) = self.running.get_mut(usize::from(metric.code())) {
                sketch.add(metric.bin(value), 1);
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
        let over_1m = self.counts_over(STEPS_1M);
        Figures {
            window_start: self.first().start(),
            window_end: at,
            status: self.status(),
            counts: self.counts_30m,
            late: self.late,
            recent: Recent {
                uptime_1m: over_1m.uptime(),
                success_1m: over_1m.success(),
                rate_limited_1m: over_1m.rate_limited(),
                uptime_5m: self.counts_over(STEPS_5M).uptime(),
            },
            uptime_6h: None,
            uptime_1d: None,
            latency_us: self.percentiles(Metric::Ttft),
            duration_us: self.percentiles(Metric::Duration),
            throughput_mtps: self.percentiles(Metric::Throughput),
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
        for record in self.between(first, first.plus(STEPS_PER_MINUTE)) {
            sums.counts.merge(&record.counts().0);
            for (metric, bins) in Metric::ALL.into_iter().zip(&mut sums.bins) {
                record
                    .bins(metric)
                    .for_each(|(bin, n)| bins.add(bin, u64::from(n)));
                if let Some((min, max)) = record.extremes(metric) {
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
            + self.running.iter().map(Sketch::heap_bytes).sum::<usize>()
    }

    /// Status at the last step edge: the worse of what the window said then and 10 seconds
    /// earlier, so that getting better takes two edges and getting worse one.
    fn status(&self) -> Status {
        let at_edge = |edge: Step| {
            let mut counts = Counts::default();
            for record in self.between(edge.minus(STEPS_30M - 1), edge) {
                counts.merge(&record.counts().0);
            }
            counts
        };
        // The window that ends at an edge has 179 whole steps and an open one that is still empty.
        let mut now = self.counts_30m;
        for record in self.between(self.now, self.now.plus(1)) {
            now.subtract(&record.counts().0);
        }
        Status::raw(&now).worse(Status::raw(&at_edge(self.now.minus(1))))
    }

    fn percentiles(&self, metric: Metric) -> Percentiles {
        let Some(sketch) = self
            .running
            .get(usize::from(metric.code()))
            .filter(|s| s.n() > 0)
        else {
            return Percentiles::default();
        };
        let tail = if metric == Metric::Throughput {
            Tail::AtLeast
        } else {
            Tail::AtMost
        };
        let (n, extremes) = (sketch.n(), self.extremes(metric));
        let at = |percent, tail| {
            let value = sketch.percentile(percent, tail)?;
            extremes.map(|(min, max)| value.clamp(min, max))
        };
        Percentiles {
            n,
            values: Percentile::ALL
                .map(|p| (n >= p.min()).then(|| at(p.percent(), tail)).flatten()),
            q95: (tail == Tail::AtLeast && n >= minimum::P95)
                .then(|| at(95, Tail::AtMost))
                .flatten(),
            p99_from_100: (n >= minimum::P95).then(|| at(99, tail)).flatten(),
        }
    }

    fn extremes(&self, metric: Metric) -> Option<(u64, u64)> {
        self.between(self.first(), self.now.plus(1))
            .filter_map(|record| record.extremes(metric))
            .reduce(|(min, max), (other_min, other_max)| (min.min(other_min), max.max(other_max)))
    }

    fn counts_over(&self, steps: u32) -> Counts {
        let mut counts = Counts::default();
        for record in self.between(self.now.minus(steps - 1), self.now.plus(1)) {
            counts.merge(&record.counts().0);
        }
        counts
    }

    /// Steps from `first` up to but not including `end`.
    fn between(&self, first: Step, end: Step) -> impl Iterator<Item = &StepRecord> {
        let begin = self.steps.partition_point(|record| record.step() < first);
        self.steps
            .range(begin..)
            .take_while(move |record| record.step() < end)
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

    /// Takes the steps at `begin..end` out of what is running.
    fn subtract(&mut self, begin: usize, end: usize) {
        for record in self.steps.range(begin..end) {
            let (leaving, late) = record.counts();
            self.counts_30m.subtract(&leaving);
            self.observations_30m = self.observations_30m.saturating_sub(leaving.all());
            self.late = self.late.wrapping_sub(late);
        }
        for (metric, sketch) in Metric::ALL.into_iter().zip(&mut self.running) {
            let leaving = self
                .steps
                .range(begin..end)
                .flat_map(|record| record.bins(metric));
            if sketch.subtract(leaving).is_err() {
                sketch.clear();
                for (bin, n) in self
                    .steps
                    .range(end..)
                    .flat_map(|record| record.bins(metric))
                {
                    sketch.add(bin, n);
                }
            }
        }
    }
}
