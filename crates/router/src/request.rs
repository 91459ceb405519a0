//! What a caller asks for.

use sextant_catalog::{Mix, Price};
use sextant_measure::id::{ModelId, Operation, Region};

use crate::tag::Tag;
use crate::tier::Tier;

/// A request for a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The model.
    pub model: ModelId,
    /// What matters most.
    pub tier: Tier,
    /// The task, to whose gates standard and batch keep.
    pub operation: Option<Operation>,
    /// Where the caller is: numbers from there come first, where there are enough.
    pub region: Option<Region>,
    /// How many tokens of input there are to each of output.
    pub mix: Mix,
    /// Highest blended price. A filter.
    pub max_price: Option<Price>,
    /// Highest TTFT p95, in microseconds. A preference: who is slower goes to the end.
    pub max_latency_p95_us: Option<u64>,
    /// Lowest throughput p95, in thousandths of a token per second. A preference as well.
    pub min_throughput_p95_mtps: Option<u64>,
    /// These alone; empty for all. A filter.
    pub only: Vec<Tag>,
    /// Not these. A filter.
    pub ignore: Vec<Tag>,
}

/// Why a request makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// All that is asked for is also to be left out.
    #[error("`ignore` takes out all that `only` asks for: {0}")]
    Contradiction(String),
}

impl Request {
    /// Any endpoint of a model, by a tier.
    pub fn new(model: ModelId, tier: Tier) -> Self {
        Self {
            model,
            tier,
            operation: None,
            region: None,
            mix: Mix::default(),
            max_price: None,
            max_latency_p95_us: None,
            min_throughput_p95_mtps: None,
            only: Vec::new(),
            ignore: Vec::new(),
        }
    }

    /// Whether anything could come of it.
    ///
    /// # Errors
    /// [`RequestError`] if its limits contradict each other.
    pub fn check(&self) -> Result<(), RequestError> {
        let is_ignored = |tag: &Tag| self.ignore.iter().any(|ignored| ignored.covers(tag));
        if self.only.is_empty() || !self.only.iter().all(is_ignored) {
            return Ok(());
        }
        let named: Vec<_> = self.only.iter().map(Tag::to_string).collect();
        Err(RequestError::Contradiction(named.join(", ")))
    }
}
