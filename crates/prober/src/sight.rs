//! What a prober is told of others' observations.

mod follower;
mod snapshot;

use std::time::Duration;

pub(crate) use self::follower::Follower;
pub use crate::schedule::{Glimpse, Observed, Picture, View};

/// How old figures may be that are gone by.
pub(crate) const AGE_MAX: Duration = Duration::from_mins(1);

/// What is known of others' observations.
pub trait Sight: Send + Sync + 'static {
    /// As of now, without waiting.
    fn look(&self) -> View;
}

/// Nobody is asked: a prober asks as the only one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Sight for Alone {
    fn look(&self) -> View {
        View::Alone
    }
}
