//! What there is to choose from: a snapshot, laid out for look-ups.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use sextant_catalog::{EndpointFacts, Mix, PriceRank};
use sextant_measure::id::{EndpointId, ModelId, Operation};
use sextant_measure::quantization::Quantization;
use sextant_measure::status::Status;
use sextant_measure::time::Timestamp;
use sextant_snapshot::gates::Gate;
use sextant_snapshot::routing::RoutingRow;
use sextant_snapshot::snapshot::Snapshot;

use crate::candidate::Candidate;
use crate::freshness::{Ages, Freshness};
use crate::gates::{Admission, Cheapest, OperationGates};
use crate::tier::Tier;

/// All candidates, by model.
#[derive(Debug, Default)]
pub struct Board {
    models: HashMap<ModelId, Arc<ModelBoard>>,
    observer_suspected: bool,
    ages: Ages,
}

/// The candidates of one model.
#[derive(Debug)]
pub struct ModelBoard {
    /// In the order of their ids.
    candidates: Box<[Candidate]>,
    /// In the order of the operations.
    gates: Box<[OperationGates]>,
    /// For operations without gates.
    cheapest_ungated: Cheapest,
}

/// A board as it is seen at a moment.
#[derive(Debug, Clone, Copy)]
pub struct View<'b> {
    pub(crate) board: &'b Board,
    now: Timestamp,
    unheard: Duration,
}

/// What is known of an endpoint.
#[derive(Clone, Copy, Default)]
struct Known<'a> {
    facts: Option<&'a EndpointFacts>,
    row: Option<&'a RoutingRow>,
}

impl Board {
    /// A snapshot with the catalog's section, its numbers counting for less from these ages on.
    pub fn new(snapshot: &Snapshot<RoutingRow>, facts: &[EndpointFacts], ages: Ages) -> Self {
        let rows = snapshot.rows().iter().map(|row| &*row.value);
        let gates = snapshot.gates().iter().map(|gate| &*gate.value);
        let board = Self::of(rows, facts, gates, ages);
        board.suspecting(snapshot.header().observer_suspected)
    }

    /// Rows, catalog entries and verdicts in any order, each endpoint once in each.
    pub fn of<'a>(
        rows: impl IntoIterator<Item = &'a RoutingRow>,
        facts: impl IntoIterator<Item = &'a EndpointFacts>,
        gates: impl IntoIterator<Item = &'a Gate>,
        ages: Ages,
    ) -> Self {
        let mut known: BTreeMap<&EndpointId, Known<'_>> = BTreeMap::new();
        for one in facts {
            known.entry(&one.id).or_default().facts = Some(one);
        }
        for row in rows {
            known.entry(&row.id).or_default().row = Some(row);
        }
        let mut models: BTreeMap<&ModelId, Vec<(&EndpointId, Known<'_>)>> = BTreeMap::new();
        for (id, one) in known {
            models.entry(&id.model).or_default().push((id, one));
        }
        let mut by_model: HashMap<&ModelId, Vec<&Gate>> = HashMap::new();
        for gate in gates {
            by_model.entry(&gate.key().model).or_default().push(gate);
        }
        let board = |(model, known): (&ModelId, Vec<_>)| {
            let gates = by_model.get(model).map_or(&[][..], Vec::as_slice);
            let board = ModelBoard::new(&known, gates);
            (model.clone(), Arc::new(board))
        };
        Self {
            models: models.into_iter().map(board).collect(),
            observer_suspected: false,
            ages,
        }
    }

    /// The same, if so much is down that the observer is the likelier cause.
    #[must_use]
    pub fn suspecting(self, observer_suspected: bool) -> Self {
        Self {
            observer_suspected,
            ..self
        }
    }

    /// The candidates of a model.
    pub fn model(&self, model: &ModelId) -> Option<&Arc<ModelBoard>> {
        self.models.get(model)
    }

    /// The board at a moment by the clock of whoever made the snapshot, who was heard of last so
    /// long ago.
    pub fn at(&self, now: Timestamp, unheard: Duration) -> View<'_> {
        View {
            board: self,
            now,
            unheard,
        }
    }

    pub(crate) fn observer_suspected(&self) -> bool {
        self.observer_suspected
    }
}

impl<'b> View<'b> {
    /// The cheapest candidate that may serve an operation and is not down, by blended price. Where
    /// the observer is suspected, or nothing was heard of for so long that numbers are stale, nobody
    /// can tell who is down.
    pub fn cheapest_green(&self, model: &ModelId, operation: &Operation) -> Option<&'b Candidate> {
        let board = self.board.model(model)?;
        let gates = board.gates(operation);
        let cheapest = gates.map_or(board.cheapest_ungated, |gates| gates.cheapest);
        let is_blind =
            self.board.observer_suspected || self.board.ages.of(self.unheard) == Freshness::Stale;
        let cheapest = if is_blind { cheapest.any } else { cheapest.up };
        board.candidates.get(cheapest?)
    }

    /// How far a candidate's numbers can be relied on. Where there are none, that is known of as
    /// long as the server is heard of.
    pub(crate) fn freshness(&self, candidate: &Candidate) -> Freshness {
        let age = candidate.age(self.now).unwrap_or(self.unheard);
        self.board.ages.of(age)
    }
}

impl ModelBoard {
    fn new(known: &[(&EndpointId, Known<'_>)], gates: &[&Gate]) -> Self {
        // An endpoint that is only seen in traffic is native if its precision is.
        let native: BTreeSet<Quantization> = known
            .iter()
            .filter(|(_, one)| one.facts.is_some_and(|facts| facts.native))
            .map(|(id, _)| id.quantization)
            .collect();
        let candidates: Box<[Candidate]> = known
            .iter()
            .map(|(id, one)| {
                let native = native.contains(&id.quantization);
                Candidate::new((*id).clone(), native, one.facts, one.row)
            })
            .collect();
        let mut board = Self {
            gates: by_operation(gates),
            candidates,
            cheapest_ungated: Cheapest::default(),
        };
        board.cheapest_ungated = board.cheapest(None);
        let cheapest: Vec<_> = board
            .gates
            .iter()
            .map(|one| board.cheapest(Some(one)))
            .collect();
        for (one, cheapest) in board.gates.iter_mut().zip(cheapest) {
            one.cheapest = cheapest;
        }
        board
    }

    /// Its candidates, in the order of their ids.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    pub(crate) fn gates(&self, operation: &Operation) -> Option<&OperationGates> {
        let found = self
            .gates
            .binary_search_by(|gates| gates.operation.cmp(operation));
        self.gates.get(found.ok()?)
    }

    fn cheapest(&self, gates: Option<&OperationGates>) -> Cheapest {
        let admitted = || {
            self.candidates.iter().enumerate().filter(|(_, one)| {
                let admission = Admission::of(one.id.quantization, one.native, gates);
                admission == Admission::Admitted
            })
        };
        let is_up = |(_, one): &(usize, &Candidate)| {
            one.numbers(None).at(Freshness::Fresh).status != Status::Down
        };
        Cheapest {
            up: cheapest_of(admitted().filter(is_up)),
            any: cheapest_of(admitted()),
        }
    }
}

fn cheapest_of<'c>(candidates: impl Iterator<Item = (usize, &'c Candidate)>) -> Option<usize> {
    let priced = candidates.filter_map(|(index, one)| {
        let price = Some(one.price(Tier::Standard)?);
        let (provider, quantization) = (&one.id.provider, one.id.quantization);
        let rank = PriceRank::new(price, Mix::default(), provider, quantization);
        Some((rank, index))
    });
    priced.min().map(|(_, index)| index)
}

fn by_operation(gates: &[&Gate]) -> Box<[OperationGates]> {
    let mut operations: BTreeMap<&Operation, OperationGates> = BTreeMap::new();
    for gate in gates {
        let operation = &gate.key().operation;
        let one = operations
            .entry(operation)
            .or_insert_with(|| OperationGates::new(operation.clone()));
        one.set(gate.key().quantization, gate.verdict());
    }
    operations.into_values().collect()
}
