//! Moments and the grids they fall on: steps of 10 seconds, minutes, buckets of 5 minutes.

/// Length of a window step, in microseconds.
pub const STEP_US: i64 = 10_000_000;
/// Length of a minute, in microseconds.
pub const MINUTE_US: i64 = 60_000_000;
/// Steps in a minute.
pub const STEPS_PER_MINUTE: u32 = 6;

/// Tells the time. Only the process' root has a real one; logic takes the time as an argument.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// A moment: microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The moment `micros` later (earlier if negative), held at the ends of the range.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this moment, held at the ends of the range.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The step that holds this moment.
    pub fn step(self) -> Step {
        Step(grid(self.0, STEP_US))
    }

    /// The minute that holds this moment.
    pub fn minute(self) -> Minute {
        Minute(grid(self.0, MINUTE_US))
    }
}

/// A step of 10 seconds, counted from the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Step(u32);

impl Step {
    /// The step with this index.
    pub const fn from_index(index: u32) -> Self {
        Self(index)
    }

    /// Its index: whole steps since the Unix epoch.
    pub const fn index(self) -> u32 {
        self.0
    }

    /// Its first moment.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0 as i64 * STEP_US)
    }

    /// The step `steps` earlier, held at the epoch.
    #[must_use]
    pub const fn minus(self, steps: u32) -> Self {
        Self(self.0.saturating_sub(steps))
    }

    /// The step `steps` later.
    #[must_use]
    pub const fn plus(self, steps: u32) -> Self {
        Self(self.0.saturating_add(steps))
    }

    /// The minute that holds it.
    pub const fn minute(self) -> Minute {
        Minute(self.0 / STEPS_PER_MINUTE)
    }
}

/// A whole minute, counted from the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Minute(u32);

impl Minute {
    /// The minute with this index.
    pub const fn from_index(index: u32) -> Self {
        Self(index)
    }

    /// Its index: whole minutes since the Unix epoch.
    pub const fn index(self) -> u32 {
        self.0
    }

    /// Its first moment.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0 as i64 * MINUTE_US)
    }

    /// The first moment after it.
    pub const fn end(self) -> Timestamp {
        self.plus(1).start()
    }

    /// The minute `minutes` earlier, held at the epoch.
    #[must_use]
    pub const fn minus(self, minutes: u32) -> Self {
        Self(self.0.saturating_sub(minutes))
    }

    /// The minute `minutes` later.
    #[must_use]
    pub const fn plus(self, minutes: u32) -> Self {
        Self(self.0.saturating_add(minutes))
    }

    /// Its first step; it has [`STEPS_PER_MINUTE`].
    pub const fn first_step(self) -> Step {
        Step(self.0.saturating_mul(STEPS_PER_MINUTE))
    }
}

fn grid(micros: i64, width_us: i64) -> u32 {
    u32::try_from(micros.max(0) / width_us).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_fall_on_their_grids() {
        let t = Timestamp::from_micros(119_999_999);
        assert_eq!(t.step(), Step::from_index(11));
        assert_eq!(t.minute(), Minute::from_index(1));
        assert_eq!(t.step().start(), Timestamp::from_micros(110_000_000));
        assert_eq!(
            t.plus_micros(1).minute().start(),
            Timestamp::from_micros(120_000_000)
        );
        assert_eq!(
            Minute::from_index(2).first_step().minute(),
            Minute::from_index(2)
        );
    }

    #[test]
    fn moments_off_the_grid_are_held_at_its_ends() {
        assert_eq!(Timestamp::from_micros(-1).step(), Step::from_index(0));
        assert_eq!(
            Timestamp::from_micros(i64::MAX).step(),
            Step::from_index(u32::MAX)
        );
    }
}
