//! Simulated providers, and the agents that watch them.
//!
//! Nothing here is measured: latencies, outages and all else are drawn by chance. What happens is
//! a function of the seed and of time alone, second by second, so that a world has a past as well
//! as a present, and the same one however it is cut into steps.

use std::sync::Arc;

use rand::RngExt as _;
use rand::rngs::StdRng;
use sextant_catalog::Catalog;
use sextant_measure::id::{AgentId, IdError, Operation, Region};
use sextant_measure::observation::{Definition, Observation, Tier};
use sextant_measure::outcome::Source;
use sextant_measure::time::Timestamp;

use super::attempt::{self, Circumstances};
use super::character::Character;
use super::{dice, outage};

/// Live attempts a second, over all agents and endpoints.
pub const LIVE_RATE: f64 = 240.0;
/// How often each agent probes each idle endpoint.
pub const PROBE_INTERVAL_S: u64 = 10;
const SECOND_US: i64 = 1_000_000;

/// The agents: name, region, and how long the way from there to any provider and back takes.
const AGENTS: [(&str, &str, f64); 3] = [
    ("demo-eu-1", "eu-central-1", 0.095),
    ("demo-eu-2", "eu-central-1", 0.095),
    ("demo-us-1", "us-east-1", 0.020),
];
const OPERATIONS: [&str; 3] = ["chat", "extract", "summarize"];
/// Tells the dice that make characters from those of agents.
const CHARACTER_LANE: u64 = u64::MAX - 1;

/// Simulated providers, and the agents that watch them.
#[derive(Debug)]
pub struct World {
    seed: u64,
    agents: Vec<Arc<Agent>>,
    endpoints: Vec<Character>,
    operations: Vec<Operation>,
    /// Live attempts a second that one agent makes, per unit of a character's traffic.
    rate: f64,
}

/// An edge agent.
#[derive(Debug)]
pub struct Agent {
    id: AgentId,
    way_s: f64,
    lane: u64,
    /// What it calls the world's endpoints, in their order.
    definitions: Vec<Definition>,
}

impl Agent {
    /// The name it gives itself.
    pub fn id(&self) -> &AgentId {
        &self.id
    }
}

impl World {
    /// A world with all of the catalog's endpoints.
    ///
    /// # Errors
    /// None in practice: the names that a world brings along are fixed.
    pub fn new(catalog: &Catalog, seed: u64) -> Result<Self, IdError> {
        let listed = || catalog.models().flat_map(|model| &model.endpoints);
        let order = catalog.models().flat_map(|model| 0..model.endpoints.len());
        let endpoints: Vec<_> = (0_u64..)
            .zip(order)
            .map(|(lane, index)| {
                Character::dealt(index, &mut dice::at(seed, [lane, CHARACTER_LANE, 0]))
            })
            .collect();
        let mut agents = Vec::with_capacity(AGENTS.len());
        for (lane, (id, region, way_s)) in (0..).zip(AGENTS) {
            let region = Region::new(region)?;
            let define = |endpoint: &sextant_catalog::Endpoint| Definition {
                model: endpoint.id.model.clone(),
                provider: endpoint.id.provider.clone(),
                quantization: Some(endpoint.id.quantization),
                region: Some(region.clone()),
            };
            agents.push(Arc::new(Agent {
                id: AgentId::new(id)?,
                way_s,
                lane,
                definitions: listed().map(define).collect(),
            }));
        }
        let traffic: f64 = endpoints.iter().map(|character| character.traffic).sum();
        let watchers: f64 = agents.iter().map(|_| 1.0).sum();
        Ok(Self {
            seed,
            agents,
            endpoints,
            operations: OPERATIONS
                .map(Operation::new)
                .into_iter()
                .collect::<Result<_, _>>()?,
            rate: LIVE_RATE / traffic / watchers,
        })
    }

    /// Who watches it.
    pub fn agents(&self) -> &[Arc<Agent>] {
        &self.agents
    }

    /// What an agent sees complete from one moment to just before another, in that order.
    pub fn step(&self, agent: &Agent, from: Timestamp, to: Timestamp) -> Vec<Observation> {
        let second = |at: Timestamp| u64::try_from(at.as_micros() / SECOND_US).unwrap_or(0);
        let mut seen = Vec::new();
        for second in second(from)..=second(to) {
            for (place, (character, definition)) in
                (0..).zip(self.endpoints.iter().zip(&agent.definitions))
            {
                let cell = Cell {
                    place,
                    second,
                    character,
                };
                self.attempts(agent, &cell, definition, &mut seen);
            }
        }
        seen.retain(|observation| (from..to).contains(&observation.measurement.completed_at));
        seen.sort_by_key(|observation| observation.measurement.completed_at);
        seen
    }

    /// What an agent sees of an endpoint in a second.
    fn attempts(
        &self,
        agent: &Agent,
        cell: &Cell<'_>,
        definition: &Definition,
        seen: &mut Vec<Observation>,
    ) {
        let mut dice = dice::at(self.seed, [cell.place, agent.lane, cell.second]);
        let load = cell.load();
        let longest_s = cell.character.outage_s_max;
        let outage = outage::is_on(self.seed, cell.place, longest_s, cell.second);
        let mut attempt = |source, after_s: f64, dice: &mut StdRng| {
            let circumstances = Circumstances {
                completed_at: cell.after(after_s),
                source,
                load,
                outage,
                way_s: agent.way_s,
            };
            seen.push(Observation {
                definition: definition.clone(),
                measurement: attempt::make(cell.character, &circumstances, dice),
                request_id: None,
                tier: pick(&Tier::ALL, dice).filter(|_| source == Source::Live),
                operation: pick(&self.operations, dice).filter(|_| source == Source::Live),
            });
        };
        if cell.character.is_idle() {
            if cell.is_probed_by(agent) {
                let after_s = dice.random();
                attempt(Source::Probe, after_s, &mut dice);
            }
            return;
        }
        let rate = self.rate * cell.character.traffic * load;
        let mut after_s = dice::wait(&mut dice, rate);
        while after_s < 1.0 {
            attempt(Source::Live, after_s, &mut dice);
            after_s += dice::wait(&mut dice, rate);
        }
    }
}

/// An endpoint in a second since the epoch.
struct Cell<'a> {
    /// Which one of the world's endpoints.
    place: u64,
    second: u64,
    character: &'a Character,
}

impl Cell<'_> {
    fn load(&self) -> f64 {
        let second = u32::try_from(self.second).unwrap_or(u32::MAX);
        self.character.load(f64::from(second))
    }

    fn after(&self, part_s: f64) -> Timestamp {
        let start = i64::try_from(self.second)
            .unwrap_or(0)
            .saturating_mul(SECOND_US);
        let part = i64::try_from(dice::whole(part_s * 1e6)).unwrap_or(0);
        Timestamp::from_micros(start).plus_micros(part)
    }

    /// Agents take turns, so that a provider isn't probed by all at once.
    fn is_probed_by(&self, agent: &Agent) -> bool {
        self.second % PROBE_INTERVAL_S == (self.place + agent.lane * 3) % PROBE_INTERVAL_S
    }
}

fn pick<T: Clone>(things: &[T], dice: &mut StdRng) -> Option<T> {
    things.get(dice.random_range(0..things.len())).cloned()
}

#[cfg(test)]
mod tests;
