//! The logs that the servers read, and a journal of all that was ever written to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use sextant_catalog::{Catalog, EndpointFacts};
use sextant_eventlog::{EventLog, Offset, ReadLimit, Record};
use sextant_measure::figures::Figures;
use sextant_measure::id::{EndpointId, Operation, Region};
use sextant_measure::time::{Clock, Timestamp};
use sextant_snapshot::gates::{GateKey, GateRecord, Ruling, Verdict};
use sextant_snapshot::record::{Entry, LogRecord, OwnerState};
use sextant_snapshot::row::{AgentsSeen, EndpointRow, RegionFigures};
use sextant_testkit::memory_log::MemoryLog;
use sextant_wire::gates;
use sextant_wire::topics::{GATES, WINDOWS};
use sextant_wire::windows::{Writer, from_record, to_record};

use crate::numbers::unlisted;
use crate::rig::{ManualClock, Rig, progress};

pub(super) const PARTITIONS: u32 = 3;
/// Of each partition.
const KEYS: u32 = 6;
const GATE_KEYS: u32 = 5;
const GATES_LOG: u64 = 0x6a7e5;

/// The logs and their journal.
pub(super) struct World {
    log: MemoryLog,
    clock: Arc<ManualClock>,
    partitions: Vec<Partition>,
    pub(super) gates: Vec<GateRecord>,
    /// By revision.
    pub(super) facts: BTreeMap<u64, Vec<EndpointFacts>>,
    /// Tells rows from each other.
    marks: i64,
    /// Whether a record may be missing from a log by now.
    pub(super) is_compacted: bool,
}

/// A partition of the windows log.
#[derive(Default)]
pub(super) struct Partition {
    log_id: u64,
    /// Of all owners, the present one last.
    owners: Vec<Owner>,
    pub(super) journal: Vec<LogRecord>,
}

/// What an owner writes under.
#[derive(Clone, Copy)]
struct Owner {
    epoch: u64,
    log_id: u64,
}

impl World {
    /// Logs with names, and an owner of each partition.
    pub(super) async fn new(rig: &Rig) -> Self {
        let mut world = Self {
            log: rig.log.log.clone(),
            clock: Arc::clone(&rig.clock),
            partitions: (0..PARTITIONS).map(|_| Partition::default()).collect(),
            gates: Vec::new(),
            facts: BTreeMap::new(),
            marks: 0,
            is_compacted: false,
        };
        world.put(GATES, 0, gates::name_record(GATES_LOG)).await;
        for partition in 0..PARTITIONS {
            world.partitions[index(partition)].log_id = 100;
            world.claim(partition).await;
            world
                .write_as_owner(partition, progress(OwnerState::Whole))
                .await;
        }
        world
    }

    /// Something is written, by the owner of a partition or by one that has been replaced, or a
    /// gate is put or taken back.
    pub(super) async fn disturb(&mut self, random: &mut StdRng) {
        let partition = random.random_range(0..PARTITIONS);
        match random.random_range(0..100) {
            0..3 => self.claim(partition).await,
            3..20 => self.rule(random).await,
            20 if random.random_range(0..4) == 0 => self.make_anew(partition).await,
            _ => {
                let entry = self.entry(partition, random);
                let owners = &self.partitions[index(partition)].owners;
                let nth = if random.random_range(0..5) == 0 {
                    random.random_range(0..owners.len())
                } else {
                    owners.len() - 1
                };
                let owner = owners[nth];
                self.write(partition, Some(owner), entry).await;
            }
        }
    }

    /// The last owners replace or remove everything that stands in their partitions, as a new owner
    /// does before it calls itself whole.
    pub(super) async fn settle(&mut self) {
        for partition in 0..PARTITIONS {
            self.claim(partition).await;
            for (nth, id) in self.standing(partition).await.into_iter().enumerate() {
                let entry = if nth % 3 == 0 {
                    Entry::EndpointGone(id)
                } else {
                    self.row(id)
                };
                self.write_as_owner(partition, entry).await;
            }
            self.write_as_owner(partition, progress(OwnerState::Whole))
                .await;
        }
    }

    /// Deletes what compaction may.
    pub(super) fn compact(&mut self) {
        self.is_compacted = true;
        self.log.clean(self.clock.now().as_micros());
    }

    /// Makes a catalog's facts known, and gives it.
    pub(super) fn catalog(&mut self, random: &mut StdRng) -> Catalog {
        let listed = random.random_range(0..4_u32);
        let mut text = "[providers]\nsomebody = { name = \"Somebody\" }\n".to_owned();
        for key in 0..listed {
            let model = format!(
                "[[models]]\nid = \"m/0-{key}\"\nname = \"M: {key}\"\ncontext_length = 8192\n\
                 native = [\"fp8\"]\n[[models.endpoints]]\nprovider = \"somebody\"\n\
                 quantization = \"int4\"\n"
            );
            text.push_str(&model);
        }
        let catalog = Catalog::parse("test.toml", &text).unwrap();
        self.know(&catalog);
        catalog
    }

    /// Makes a catalog's facts known.
    pub(super) fn know(&mut self, catalog: &Catalog) {
        let endpoints = catalog.models().flat_map(|model| &model.endpoints);
        let facts = endpoints.map(EndpointFacts::from).collect();
        self.facts.insert(catalog.revision().0, facts);
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.iter()
    }

    /// What was written at a place of the windows log.
    pub(super) fn written(&self, partition: u32, offset: u64) -> &LogRecord {
        &self.partitions[index(partition)].journal[usize::try_from(offset).unwrap()]
    }

    async fn claim(&mut self, partition: u32) {
        let owner = "owner".to_owned();
        let epoch = self.write(partition, None, Entry::Claim { owner }).await;
        let claimed = &mut self.partitions[index(partition)];
        let log_id = claimed.log_id;
        claimed.owners.push(Owner { epoch, log_id });
    }

    /// A first owner draws another name: nothing of before stands.
    async fn make_anew(&mut self, partition: u32) {
        self.partitions[index(partition)].log_id += 1;
        self.claim(partition).await;
    }

    async fn rule(&mut self, random: &mut StdRng) {
        let verdicts = [None, Some(Verdict::Green), Some(Verdict::Red)];
        let verdict = verdicts[random.random_range(0..3)];
        let key = random.random_range(0..GATE_KEYS);
        let key = GateKey {
            operation: Operation::new("sum").unwrap(),
            model: id(key % PARTITIONS, key).model,
            quantization: sextant_measure::quantization::Quantization::Int4,
        };
        let ruling = Ruling::new(key, verdict, "evals".to_owned(), self.clock.now()).unwrap();
        let record = gates::to_record(&ruling, GATES_LOG);
        let (offset, appended_at) = self.put(GATES, 0, record).await;
        self.gates.push(GateRecord {
            offset,
            appended_at,
            ruling,
        });
    }

    fn entry(&mut self, partition: u32, random: &mut StdRng) -> Entry {
        let id = id(partition, random.random_range(0..KEYS));
        match random.random_range(0..20) {
            0..5 => Entry::EndpointGone(id),
            5..7 => progress(OwnerState::Whole),
            7 => progress(OwnerState::Rebuilding),
            _ => self.row(id),
        }
    }

    fn row(&mut self, id: EndpointId) -> Entry {
        self.marks += 1;
        let published_at = self.clock.now().plus_micros(self.marks);
        let seen = RegionFigures {
            region: Region::new("us-west-2").unwrap(),
            figures: Figures::default(),
        };
        let row = EndpointRow::new(id, published_at, AgentsSeen::default(), vec![seen], None);
        Entry::Endpoint(row.unwrap())
    }

    async fn write_as_owner(&mut self, partition: u32, entry: Entry) {
        let owner = self.partitions[index(partition)].owners.last().copied();
        self.write(partition, owner, entry).await;
    }

    /// Gives the offset.
    async fn write(&mut self, partition: u32, owner: Option<Owner>, entry: Entry) -> u64 {
        let present = self.partitions[index(partition)].log_id;
        let log_id = owner.map_or(present, |owner| owner.log_id);
        let epoch = owner.map(|owner| owner.epoch);
        let record = to_record(&entry, Writer { epoch, log_id });
        let (offset, appended_at) = self.put(WINDOWS, partition, record).await;
        let record = LogRecord {
            partition,
            offset,
            appended_at,
            epoch: epoch.unwrap_or(offset),
            log_id,
            entry,
        };
        self.partitions[index(partition)].journal.push(record);
        offset
    }

    async fn put(&self, topic: &str, partition: u32, record: Record) -> (u64, Timestamp) {
        let appended = self.log.append(topic, partition, vec![record]).await;
        let appended = appended.unwrap();
        let at = Timestamp::from_micros(appended.appended_at_us);
        (appended.first.0, at)
    }

    /// Endpoints of which there is a record.
    async fn standing(&self, partition: u32) -> BTreeSet<EndpointId> {
        let limit = ReadLimit {
            records: usize::MAX,
            bytes: usize::MAX,
        };
        let read = self
            .log
            .read(WINDOWS, partition, Offset(0), limit, Duration::ZERO);
        let records = read.await.unwrap().records;
        let decoded = records
            .iter()
            .map(|stored| from_record(partition, stored).unwrap().entry);
        let ids = decoded.filter_map(|entry| match entry {
            Entry::Endpoint(row) => Some(row.id().clone()),
            Entry::EndpointGone(id) => Some(id),
            _ => None,
        });
        ids.collect()
    }
}

/// An endpoint belongs to one partition.
fn id(partition: u32, key: u32) -> EndpointId {
    unlisted(&format!("m/{partition}-{key}"))
}

pub(super) fn index(partition: u32) -> usize {
    usize::try_from(partition).unwrap()
}
