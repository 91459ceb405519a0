//! An operator's verdicts on a model's quantizations, by operation.

use sextant_measure::id::Operation;
use sextant_measure::quantization::Quantization;
use sextant_snapshot::gates::Verdict;

/// The verdicts for one operation.
#[derive(Debug, Clone)]
pub(crate) struct OperationGates {
    pub(crate) operation: Operation,
    green: Quantizations,
    red: Quantizations,
    /// Of those that may serve it.
    pub(crate) cheapest: Cheapest,
}

/// Which candidate is the cheapest.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cheapest {
    /// Of those that are not down.
    pub(crate) up: Option<usize>,
    /// Of all, for when nobody can tell who is down.
    pub(crate) any: Option<usize>,
}

/// A set of quantizations, as bits by their codes.
#[derive(Debug, Clone, Copy, Default)]
struct Quantizations(u16);

/// Whether an endpoint may serve an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Admitted,
    /// What is not disclosed is never evaluated.
    Undisclosed,
    Red,
    NotGreen,
}

impl OperationGates {
    pub(crate) fn new(operation: Operation) -> Self {
        Self {
            operation,
            green: Quantizations::default(),
            red: Quantizations::default(),
            cheapest: Cheapest::default(),
        }
    }

    pub(crate) fn set(&mut self, quantization: Quantization, verdict: Verdict) {
        match verdict {
            Verdict::Green => self.green.insert(quantization),
            Verdict::Red => self.red.insert(quantization),
        }
    }

    fn verdict(&self, quantization: Quantization) -> Option<Verdict> {
        if self.red.contains(quantization) {
            Some(Verdict::Red)
        } else {
            self.green.contains(quantization).then_some(Verdict::Green)
        }
    }
}

impl Admission {
    /// By the verdicts for an operation; nothing if there is none for any quantization.
    pub(crate) fn of(
        quantization: Quantization,
        native: bool,
        gates: Option<&OperationGates>,
    ) -> Self {
        if quantization == Quantization::Unknown {
            return Self::Undisclosed;
        }
        match gates.and_then(|gates| gates.verdict(quantization)) {
            Some(Verdict::Green) => Self::Admitted,
            Some(Verdict::Red) => Self::Red,
            None if native => Self::Admitted,
            None => Self::NotGreen,
        }
    }
}

impl Quantizations {
    fn insert(&mut self, quantization: Quantization) {
        self.0 |= 1 << quantization.code();
    }

    fn contains(self, quantization: Quantization) -> bool {
        self.0 & (1 << quantization.code()) != 0
    }
}
