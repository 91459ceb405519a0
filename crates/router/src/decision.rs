//! What was chosen, in which order, and why.

use std::sync::Arc;

use sextant_catalog::Price;
use sextant_measure::status::Status;

use crate::board::ModelBoard;
use crate::candidate::Candidate;
use crate::freshness::Freshness;
use crate::order::Key;

/// The whole order, best first. Used again, it allocates nothing.
#[derive(Debug, Default)]
pub struct Decision {
    /// Who may serve the request, in the order in which to try them.
    pub candidates: Vec<Choice>,
    /// Who may not, in the order of their ids.
    pub excluded: Vec<Excluded>,
    /// Why there is nobody; nothing if there is.
    pub empty: Option<Empty>,
    /// No operation was named, so no gate applied.
    pub no_operation: bool,
    /// So much is down that the observer is the likelier cause: status was ignored.
    pub observer_suspected: bool,
    pub(crate) model: Option<Arc<ModelBoard>>,
}

/// A place in the order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Which of the model's candidates.
    pub(crate) index: usize,
    /// Why it stands there.
    pub reason: Reason,
    /// What its status counts as for this request.
    pub status: Status,
    /// How far its numbers can be relied on.
    pub freshness: Freshness,
    /// The blended price.
    pub price: Option<Price>,
    /// TTFT p95, in microseconds.
    pub latency_p95_us: Option<u64>,
    /// Throughput p95, in thousandths of a token per second.
    pub throughput_p95_mtps: Option<u64>,
    /// The share of live requests of the last minute that succeeded; nothing if there were too few.
    pub success_1m: Option<f64>,
    /// Whether there is enough to compare it by.
    pub has_enough: bool,
    pub(crate) key: Key,
}

/// Why a candidate stands where it does. From the second place on: what puts it behind the one that
/// comes before it by the order alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is the first by the order.
    Best,
    /// It was drawn among those about as good as the best.
    Shared,
    /// It was given what those before it can't serve.
    Spilled,
    /// It was drawn to learn more of it.
    Explored,
    /// It is the first by the order, and another was drawn.
    PassedOver,
    /// It misses a limit of the request.
    Limit,
    /// Its status is worse.
    Status,
    /// It is slower to its first token, or nobody knows.
    Latency,
    /// It is slower, or nobody knows.
    Throughput,
    /// It is dearer, or nobody knows.
    Price,
    /// It is as good, and its name comes later.
    Name,
}

/// Who may not serve a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excluded {
    pub(crate) index: usize,
    /// Why not.
    pub reason: Exclusion,
}

/// Why an endpoint may not serve a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exclusion {
    /// It is not among `only`.
    NotAsked,
    /// It is among `ignore`.
    Ignored,
    /// It is not at the model's native precision.
    NotNative,
    /// Its precision is not disclosed.
    Undisclosed,
    /// The operation's verdict on its precision is red.
    Red,
    /// There is no verdict for the operation on its precision.
    NotGreen,
    /// It costs more than asked for.
    AbovePrice,
    /// It may cost more than asked for: its price is unknown.
    NoPrice,
}

/// Why there is nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Empty {
    /// Nothing is known at all yet.
    NoSnapshot,
    /// Nobody serves such a model.
    UnknownModel,
    /// All are excluded.
    NoCandidate,
}

impl Decision {
    /// The endpoint to try first.
    pub fn first(&self) -> Option<&Candidate> {
        self.candidate(self.candidates.first()?)
    }

    /// Which endpoint a place is about.
    pub fn candidate(&self, choice: &Choice) -> Option<&Candidate> {
        self.model.as_ref()?.candidates().get(choice.index)
    }

    /// Which endpoint was left out.
    pub fn left_out(&self, excluded: &Excluded) -> Option<&Candidate> {
        self.model.as_ref()?.candidates().get(excluded.index)
    }

    /// Whether there are candidates, and all of them are down.
    pub fn all_down(&self) -> bool {
        self.holds_for_all(|one| one.status == Status::Down)
    }

    /// Whether there are candidates, and the numbers of all of them are stale: catalog, gates and
    /// price decided.
    pub fn is_stale(&self) -> bool {
        self.holds_for_all(|one| one.freshness == Freshness::Stale)
    }

    fn holds_for_all(&self, of: impl Fn(&Choice) -> bool) -> bool {
        !self.candidates.is_empty() && self.candidates.iter().all(of)
    }

    /// Nobody, for want of a snapshot.
    pub fn for_want_of_a_snapshot(&mut self) {
        self.clear();
        self.empty = Some(Empty::NoSnapshot);
    }

    pub(crate) fn clear(&mut self) {
        self.candidates.clear();
        self.excluded.clear();
        self.empty = None;
        self.no_operation = false;
        self.observer_suspected = false;
        self.model = None;
    }
}

impl Reason {
    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Shared => "shared",
            Self::Spilled => "spilled",
            Self::Explored => "explored",
            Self::PassedOver => "passed_over",
            Self::Limit => "limit",
            Self::Status => "status",
            Self::Latency => "latency",
            Self::Throughput => "throughput",
            Self::Price => "price",
            Self::Name => "name",
        }
    }
}

impl Exclusion {
    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::Ignored => "ignored",
            Self::NotNative => "not_native",
            Self::Undisclosed => "undisclosed",
            Self::Red => "red",
            Self::NotGreen => "not_green",
            Self::AbovePrice => "above_price",
            Self::NoPrice => "no_price",
        }
    }
}

impl Empty {
    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSnapshot => "no_snapshot",
            Self::UnknownModel => "unknown_model",
            Self::NoCandidate => "no_candidate",
        }
    }
}
