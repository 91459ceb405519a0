//! An event log in memory, for simulation. It passes the contract suite of [`EventLog`], and it
//! fails when told to.
//!
//! Where the contract leaves room it takes the other side than the log on SQLite: superseded
//! records stay readable until [`MemoryLog::clean`] is called, so that code which needs eager
//! compaction shows here.

mod member;
mod partition;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sextant_eventlog::{
    Appended, Bounds, Cleanup, Clock, EventLog, Fetched, LogError, Membership, Offset, Position,
    RECORD_BYTES_MAX, ReadLimit, Record, TopicSpec,
};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout_at};

use self::member::Member;
use self::partition::Partition;

/// The longest that a read waits, whatever it is asked.
const WAIT_MAX: Duration = Duration::from_hours(365 * 24);

/// A log in memory. Clones are handles on the same one.
#[derive(Clone)]
pub struct MemoryLog {
    clock: Clock,
    kept: Arc<Mutex<Kept>>,
    /// Counts appends, so that waiting readers wake.
    appends: Arc<watch::Sender<u64>>,
    is_open: Arc<watch::Sender<bool>>,
}

/// What outlives the handle.
#[derive(Default)]
struct Kept {
    topics: HashMap<String, Topic>,
    positions: HashMap<(String, String, u32), Position>,
    turns: HashMap<(String, String), Arc<Semaphore>>,
    faults: VecDeque<Fault>,
    append_delay: Duration,
    refused_reads: HashMap<String, LogError>,
    commit_delay: Duration,
}

struct Topic {
    spec: TopicSpec,
    partitions: Vec<Partition>,
}

enum Fault {
    Refuse(LogError),
    LoseAnswer,
}

impl MemoryLog {
    /// An empty log.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            kept: Arc::default(),
            appends: Arc::default(),
            is_open: Arc::new(watch::Sender::new(true)),
        }
    }

    /// Closes this handle and its clones, as the end of a process would, and gives a new one on
    /// what they left.
    #[must_use]
    pub fn reopen(&self) -> Self {
        self.close();
        let mut kept = self.kept();
        kept.turns.clear();
        drop(kept);
        Self {
            is_open: Arc::new(watch::Sender::new(true)),
            ..self.clone()
        }
    }

    /// Refuses every later call on this handle and its clones.
    pub fn close(&self) {
        self.is_open.send_replace(false);
    }

    /// Refuses the next append that has no fault yet; nothing is appended.
    pub fn fail_next_append(&self, error: LogError) {
        self.kept().faults.push_back(Fault::Refuse(error));
    }

    /// Appends the next records that have no fault yet, but answers that the log is unavailable.
    pub fn lose_next_answer(&self) {
        self.kept().faults.push_back(Fault::LoseAnswer);
    }

    /// Makes every append from now on take that long.
    pub fn delay_appends(&self, delay: Duration) {
        self.kept().append_delay = delay;
    }

    /// Makes every commit from now on take that long.
    pub fn delay_commits(&self, delay: Duration) {
        self.kept().commit_delay = delay;
    }

    /// Refuses every read of the topic from now on.
    pub fn refuse_reads(&self, topic: &str, error: LogError) {
        self.kept().refused_reads.insert(topic.to_owned(), error);
    }

    /// Answers reads of the topic again.
    pub fn allow_reads(&self, topic: &str) {
        self.kept().refused_reads.remove(topic);
    }

    /// Deletes a topic and makes it anew, as an operator may: its offsets begin again.
    pub fn remake(&self, topic: &str) {
        if let Some(topic) = self.kept().topics.get_mut(topic) {
            for partition in &mut topic.partitions {
                *partition = Partition::default();
            }
        }
    }

    /// Damages a record, as a bit that flips on a disk does. Whether there was one.
    pub fn damage(&self, topic: &str, partition: u32, offset: Offset) -> bool {
        let mut kept = self.kept();
        let found = kept.partition(topic, partition);
        found.is_ok_and(|(partition, _)| partition.damage(offset))
    }

    /// Deletes what every topic's cleanup allows at that time.
    pub fn clean(&self, now_us: i64) {
        for topic in self.kept().topics.values_mut() {
            for partition in &mut topic.partitions {
                partition.clean(topic.spec.cleanup, now_us);
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept, unless the log is closed.
    fn open(&self) -> Result<MutexGuard<'_, Kept>, LogError> {
        if *self.is_open.borrow() {
            Ok(self.kept())
        } else {
            Err(LogError::Closed)
        }
    }

    async fn wait_for_append(&self, seen: u64, deadline: Instant) {
        let (mut appends, mut is_open) = (self.appends.subscribe(), self.is_open.subscribe());
        let change = async {
            tokio::select! {
                more = appends.wait_for(|count| *count != seen) => drop(more),
                closed = is_open.wait_for(|is_open| !is_open) => drop(closed),
            }
        };
        // Which of them it was shows when the log is looked at again.
        drop(timeout_at(deadline, change).await);
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn prepare(&self, topics: &[TopicSpec]) -> Result<(), LogError> {
        let mut kept = self.open()?;
        for wanted in topics {
            if let Some(found) = kept.topics.get(&wanted.name) {
                compare(wanted, &found.spec)?;
            }
        }
        for spec in topics {
            kept.topics.entry(spec.name.clone()).or_insert_with(|| {
                let partitions = (0..spec.partitions).map(|_| Partition::default()).collect();
                Topic {
                    spec: spec.clone(),
                    partitions,
                }
            });
        }
        Ok(())
    }

    async fn append(
        &self,
        topic: &str,
        partition: u32,
        records: Vec<Record>,
    ) -> Result<Appended, LogError> {
        let delay = self.open()?.append_delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let mut kept = self.open()?;
        check(kept.partition(topic, partition)?.1, &records)?;
        let fault = kept.faults.pop_front();
        if let Some(Fault::Refuse(error)) = fault {
            return Err(error);
        }
        let appended = kept
            .partition(topic, partition)?
            .0
            .append(records, (self.clock)());
        drop(kept);
        self.appends
            .send_modify(|count| *count = count.wrapping_add(1));
        match fault {
            Some(_) => Err(LogError::Unavailable {
                reason: "the answer was lost".to_owned(),
            }),
            None => Ok(appended),
        }
    }

    async fn read(
        &self,
        topic: &str,
        partition: u32,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Fetched, LogError> {
        let deadline = Instant::now() + wait.min(WAIT_MAX);
        loop {
            let seen = *self.appends.borrow();
            let fetched = {
                let mut kept = self.open()?;
                if let Some(error) = kept.refused_reads.get(topic) {
                    return Err(error.clone());
                }
                kept.partition(topic, partition)?.0.read(from, limit)?
            };
            let is_empty = fetched.records.is_empty() && fetched.corrupt.is_empty();
            if !is_empty || Instant::now() >= deadline {
                return Ok(fetched);
            }
            self.wait_for_append(seen, deadline).await;
        }
    }

    async fn bounds(&self, topic: &str, partition: u32) -> Result<Bounds, LogError> {
        Ok(self.open()?.partition(topic, partition)?.0.bounds())
    }

    async fn offset_at(
        &self,
        topic: &str,
        partition: u32,
        time_us: i64,
    ) -> Result<Offset, LogError> {
        Ok(self
            .open()?
            .partition(topic, partition)?
            .0
            .offset_at(time_us))
    }

    async fn commit(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
        position: Position,
    ) -> Result<(), LogError> {
        let delay = self.open()?.commit_delay;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let mut kept = self.open()?;
        kept.partition(topic, partition)?;
        kept.positions
            .insert((group.to_owned(), topic.to_owned(), partition), position);
        Ok(())
    }

    async fn committed(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
    ) -> Result<Option<Position>, LogError> {
        let mut kept = self.open()?;
        kept.partition(topic, partition)?;
        Ok(kept
            .positions
            .get(&(group.to_owned(), topic.to_owned(), partition))
            .copied())
    }

    async fn join(&self, group: &str, topic: &str) -> Result<Box<dyn Membership>, LogError> {
        let mut kept = self.open()?;
        let partitions = kept.partition(topic, 0)?.1.partitions;
        let turn = kept.turns.entry((group.to_owned(), topic.to_owned()));
        let turn = Arc::clone(turn.or_insert_with(|| Arc::new(Semaphore::new(1))));
        Ok(Box::new(Member::new(
            turn,
            partitions,
            self.is_open.subscribe(),
        )))
    }
}

impl Kept {
    fn partition(
        &mut self,
        topic: &str,
        partition: u32,
    ) -> Result<(&mut Partition, &TopicSpec), LogError> {
        let unknown = || LogError::UnknownTopic {
            topic: topic.to_owned(),
        };
        let Topic { spec, partitions } = self.topics.get_mut(topic).ok_or_else(unknown)?;
        let found = partitions.get_mut(partition as usize);
        found
            .map(|found| (found, &*spec))
            .ok_or_else(|| LogError::UnknownPartition {
                topic: spec.name.clone(),
                partition,
                partitions: spec.partitions,
            })
    }
}

fn check(spec: &TopicSpec, records: &[Record]) -> Result<(), LogError> {
    let invalid = |reason| {
        Err(LogError::Invalid {
            topic: spec.name.clone(),
            reason,
        })
    };
    if records.is_empty() {
        return invalid("an append holds at least one record");
    }
    let is_compacted = matches!(spec.cleanup, Cleanup::Compact { .. });
    if is_compacted && records.iter().any(|record| record.key.is_none()) {
        return invalid("a record of a compacted topic has a key");
    }
    match records.iter().map(Record::bytes).max() {
        Some(bytes) if bytes > RECORD_BYTES_MAX => Err(LogError::TooLarge {
            bytes,
            max: RECORD_BYTES_MAX,
        }),
        _ => Ok(()),
    }
}

fn compare(wanted: &TopicSpec, found: &TopicSpec) -> Result<(), LogError> {
    let differ = |setting, wanted_value: String, found_value: String| {
        let topic = wanted.name.clone();
        Err(LogError::SettingsDiffer {
            topic,
            setting,
            wanted: wanted_value,
            found: found_value,
        })
    };
    if wanted.partitions != found.partitions {
        return differ(
            "partitions",
            wanted.partitions.to_string(),
            found.partitions.to_string(),
        );
    }
    match (wanted.cleanup, found.cleanup) {
        (Cleanup::Delete { retention: wanted }, Cleanup::Delete { retention: found })
            if wanted != found =>
        {
            differ("retention", format!("{wanted:?}"), format!("{found:?}"))
        }
        (
            Cleanup::Compact {
                tombstone_retention: wanted,
            },
            Cleanup::Compact {
                tombstone_retention: found,
            },
        ) if wanted != found => differ(
            "tombstone retention",
            format!("{wanted:?}"),
            format!("{found:?}"),
        ),
        (Cleanup::Delete { .. }, Cleanup::Compact { .. }) => {
            differ("cleanup", "delete".to_owned(), "compact".to_owned())
        }
        (Cleanup::Compact { .. }, Cleanup::Delete { .. }) => {
            differ("cleanup", "compact".to_owned(), "delete".to_owned())
        }
        _ => Ok(()),
    }
}
