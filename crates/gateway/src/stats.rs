//! What has come and gone.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Whole snapshots taken.
    pub full: u64,
    /// Changes taken.
    pub deltas: u64,
    /// Heartbeats heard.
    pub heartbeats: u64,
    /// Times that everything was replaced, since it was of another log.
    pub replaced: u64,
    /// Times that a server was lost, for whatever reason.
    pub lost: u64,
    /// Messages that could not be used; each loses its server.
    pub refused: u64,
    /// Times that what is held was written to the file.
    pub saved: u64,
    /// Times that it could not be.
    pub unsaved: u64,
}

macro_rules! counters {
    ($($name:ident),*) => {
        /// The same while they count.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Counter,)* }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.get(),)* }
            }
        }
    };
}

counters!(
    full, deltas, heartbeats, replaced, lost, refused, saved, unsaved
);

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
