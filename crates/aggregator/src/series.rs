//! The windows of one series, or of an endpoint's merge of all regions.

use sextant_measure::figures::Figures;
use sextant_measure::long::LongUptime;
use sextant_measure::observation::Measurement;
use sextant_measure::outcome::Verdict;
use sextant_measure::ratio::Ratio;
use sextant_measure::time::{Step, Timestamp};
use sextant_measure::window::{Filed, SlidingWindow};

#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) window: SlidingWindow,
    pub(crate) long: LongUptime,
}

impl Series {
    pub(crate) fn new(now: Step, long: LongUptime) -> Self {
        Self {
            window: SlidingWindow::new(now),
            long,
        }
    }

    /// Files an observation that is not late.
    pub(crate) fn file(&mut self, now: Step, measurement: &Measurement) -> Filed {
        self.window.advance(now);
        let filed = self.window.file(measurement);
        if matches!(filed, Filed::Inside | Filed::Kept) {
            let uptime = match measurement
                .outcome
                .meaning()
                .uptime_from(measurement.source)
            {
                Verdict::Good => Ratio::new(1, 1),
                Verdict::Bad => Ratio::new(0, 1),
                Verdict::LeftOut => return filed,
            };
            self.long.file(measurement.completed_at.minute(), uptime);
        }
        filed
    }

    /// The finished numbers at `at`, which lies in the step the windows stand at.
    pub(crate) fn figures(&mut self, at: Timestamp) -> Figures {
        self.window.advance(at.step());
        self.long.advance(at);
        Figures {
            uptime_6h: self.long.six_hours(at),
            uptime_1d: self.long.one_day(at),
            ..self.window.figures(at)
        }
    }
}
