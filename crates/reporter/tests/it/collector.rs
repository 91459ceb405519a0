//! A collector whose misbehaviour is scripted, whatever protocol it is reached by.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sextant_measure::observation::Definition;
use sextant_measure::time::Timestamp;
use sextant_wire::answer::{BatchRefusal, BatchRefusalReason};
use sextant_wire::batch::Totals;
use sextant_wire::columns::Columns;
use sextant_wire::identity::Identity;
use sextant_wire::part::{ObservationsRecord, Part};
use tokio::time::Instant;

/// A batch as it came.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// How many came before it, on any connection.
    pub(crate) nth: usize,
    /// Which connection it came by, from 1.
    pub(crate) link: usize,
    /// How often this number has come before.
    pub(crate) repeats: usize,
    pub(crate) identity: Identity,
    /// All its bytes.
    pub(crate) content: Vec<u8>,
    /// The request ids of its observations.
    pub(crate) names: Vec<String>,
    pub(crate) at: Instant,
    pub(crate) sent_at: Timestamp,
    pub(crate) clock_offset_us: i64,
    pub(crate) totals: Totals,
}

/// What the collector does with a batch.
#[derive(Debug, Clone)]
pub(crate) enum Reaction {
    Take,
    /// The acknowledgement is lost.
    TakeAndSayNothing,
    /// The connection breaks before the acknowledgement.
    TakeAndBreak,
    TakeAndSayTwice,
    /// Acknowledged after the next one that is taken.
    TakeAndSayLater,
    /// All but the observations at these indices.
    TakeExcept(Vec<u32>),
    /// Something that nobody asked for comes first.
    TakeAfterNonsense,
    SayNothing,
    Break,
    Refuse(BatchRefusalReason, Option<Duration>),
    /// Refused for so long, then acknowledged, then refused for ever.
    RefuseAndContradict(Duration),
}

/// What a transport has to carry back.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Acknowledged {
        sequence: u64,
        accepted: u32,
        refused: Vec<u32>,
    },
    Refused {
        sequence: u64,
        refusal: BatchRefusal,
    },
    Break,
}

type Script = Box<dyn FnMut(&Delivery) -> Reaction + Send>;

pub(crate) struct Collector {
    state: Mutex<State>,
}

struct State {
    script: Script,
    links: usize,
    log: Vec<Delivery>,
    /// By sender and number.
    taken: BTreeMap<(String, u64), Delivery>,
    said_later: Vec<Reply>,
    heartbeats: Vec<Totals>,
}

/// What endpoint ids stand for on one connection.
#[derive(Default)]
pub(crate) struct Known(HashMap<u32, Definition>);

impl Collector {
    pub(crate) fn new(script: impl FnMut(&Delivery) -> Reaction + Send + 'static) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                script: Box::new(script),
                links: 0,
                log: Vec::new(),
                taken: BTreeMap::new(),
                said_later: Vec::new(),
                heartbeats: Vec::new(),
            }),
        })
    }

    pub(crate) fn obliging() -> Arc<Self> {
        Self::new(|_| Reaction::Take)
    }

    pub(crate) fn connected(&self) -> usize {
        let mut state = self.state.lock().unwrap();
        state.links += 1;
        state.links
    }

    /// Counts the place of the delivery, asks the script and keeps what is taken.
    pub(crate) fn receive(&self, mut delivery: Delivery) -> Vec<Reply> {
        let state = &mut *self.state.lock().unwrap();
        delivery.nth = state.log.len();
        let before = |it: &&Delivery| it.identity == delivery.identity;
        delivery.repeats = state.log.iter().filter(before).count();
        state.log.push(delivery.clone());
        let reaction = (state.script)(&delivery);
        state.react(reaction, delivery)
    }

    pub(crate) fn heartbeat(&self, totals: Totals) {
        self.state.lock().unwrap().heartbeats.push(totals);
    }

    pub(crate) fn heartbeats(&self) -> Vec<Totals> {
        self.state.lock().unwrap().heartbeats.clone()
    }

    pub(crate) fn links(&self) -> usize {
        self.state.lock().unwrap().links
    }

    pub(crate) fn log(&self) -> Vec<Delivery> {
        self.state.lock().unwrap().log.clone()
    }

    /// The numbers in the order in which they came.
    pub(crate) fn sequences(&self) -> Vec<u64> {
        let log = self.log();
        log.iter().map(|it| it.identity.sequence).collect()
    }

    /// Each observation was taken, and each once when repeats are left out; every number always
    /// had the same bytes.
    pub(crate) fn assert_holds_once(&self, count: u64) {
        assert_eq!(self.missing(count), 0, "taken: {:?}", self.log());
    }

    /// How many of the observations were not taken. None was taken twice when repeats are left
    /// out; every number always had the same bytes.
    pub(crate) fn missing(&self, count: u64) -> u64 {
        let state = self.state.lock().unwrap();
        for delivery in &state.log {
            let first = state.log.iter().find(|it| it.identity == delivery.identity);
            assert!(
                first.unwrap().content == delivery.content,
                "the content of {:?} has changed",
                delivery.identity
            );
        }
        let mut missing: BTreeSet<_> = (0..count).map(|n| format!("r{n}")).collect();
        for name in state.taken.values().flat_map(|it| &it.names) {
            let is_first = missing.remove(name);
            assert!(is_first, "{name} was taken twice: {:?}", state.taken);
        }
        missing.len() as u64
    }
}

impl State {
    fn react(&mut self, reaction: Reaction, delivery: Delivery) -> Vec<Reply> {
        let sequence = delivery.identity.sequence;
        let observations = u32::try_from(delivery.names.len()).unwrap();
        let is_taken = !matches!(
            reaction,
            Reaction::SayNothing
                | Reaction::Break
                | Reaction::Refuse(..)
                | Reaction::RefuseAndContradict(_)
        );
        if is_taken {
            let sender = delivery.identity.agent.to_string();
            self.taken.insert((sender, sequence), delivery);
        }
        let acknowledged = |refused: Vec<u32>| Reply::Acknowledged {
            sequence,
            accepted: observations - u32::try_from(refused.len()).unwrap(),
            refused,
        };
        let refused = |reason, retry_after| Reply::Refused {
            sequence,
            refusal: BatchRefusal {
                reason,
                message: "no".to_owned(),
                retry_after,
            },
        };
        let stranger = Reply::Acknowledged {
            sequence: sequence + 1_000_000,
            accepted: 1,
            refused: vec![],
        };
        let mut replies = match reaction {
            Reaction::Take => vec![acknowledged(vec![])],
            Reaction::TakeAndSayTwice => vec![acknowledged(vec![]), acknowledged(vec![])],
            Reaction::TakeExcept(indices) => vec![acknowledged(indices)],
            Reaction::TakeAfterNonsense => vec![stranger, acknowledged(vec![])],
            Reaction::TakeAndSayLater => {
                self.said_later.push(acknowledged(vec![]));
                return vec![];
            }
            Reaction::TakeAndSayNothing | Reaction::SayNothing => return vec![],
            Reaction::TakeAndBreak | Reaction::Break => vec![Reply::Break],
            Reaction::Refuse(reason, retry_after) => vec![refused(reason, retry_after)],
            Reaction::RefuseAndContradict(wait) => {
                let for_now = refused(BatchRefusalReason::Load, Some(wait));
                let for_ever = refused(BatchRefusalReason::Invalid, None);
                vec![for_now, acknowledged(vec![]), for_ever]
            }
        };
        replies.append(&mut self.said_later);
        replies
    }
}

impl Known {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn knows(&self, columns: &Columns) -> bool {
        let mut ids = columns.endpoints().iter();
        ids.all(|id| self.0.contains_key(id))
    }

    /// An id is defined once on a connection.
    pub(crate) fn define(&mut self, id: u32, definition: Definition) {
        assert_eq!(self.0.insert(id, definition), None, "{id} is defined twice");
    }

    /// The bytes and names of a batch; each of its endpoints has been defined before it.
    pub(crate) fn read(&self, columns: &Columns) -> (Vec<u8>, Vec<String>) {
        let mut names = Vec::new();
        for row in columns.rows() {
            let row = row.unwrap();
            let name = row.request_id.unwrap().to_owned();
            let n: u64 = name.strip_prefix('r').unwrap().parse().unwrap();
            let definition = self.0.get(&row.endpoint);
            let wanted = crate::kit::observation(n).definition;
            assert_eq!(definition, Some(&wanted), "what {name} is about");
            names.push(name);
        }
        (bytes(columns), names)
    }
}

/// The columns as they are on the wire, under a fixed envelope.
fn bytes(columns: &Columns) -> Vec<u8> {
    let part = Part {
        identity: Identity {
            agent: "a".parse().unwrap(),
            epoch: 0,
            sequence: 0,
        },
        anonymous: false,
        content_hash: 0,
        received_at: Timestamp::default(),
        early: 0,
        series: Vec::new(),
        columns: columns.clone(),
    };
    ObservationsRecord::Part(part.into()).encode().to_vec()
}
