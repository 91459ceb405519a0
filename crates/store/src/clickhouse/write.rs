//! Writes: those made at about the same time share inserts.
//!
//! One task sends, one batch at a time; what is written meanwhile gathers for the next. So there
//! are few inserts and few parts to merge, however many partitions one process owns. A batch is an
//! insert for each kind of rows, and an insert makes a part for each day that it touches. Each of
//! those is taken whole or not at all, not all of them together: see [`crate::Store::write`].

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use clickhouse::{RowOwned, RowWrite};
use sextant_measure::time::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::agents::{self, AgentColumns};
use super::attempts::{self, AttemptColumns};
use super::counted;
use super::gates::{self, GateColumns};
use super::incidents::{self, IncidentColumns};
use super::server::Servers;
use super::stats::{self, Counters};
use super::steps::{self, StepRow};
use super::windows::{self, WindowColumns};
use crate::incident::revision;
use crate::limits::count;
use crate::{Rows, StoreError};

/// Writes that may wait to be sent. More wait to be taken up.
const CALLS_MAX: usize = 1_024;

/// Where writes are handed over. What it has not sent is lost when this is dropped, unanswered.
pub(super) struct Writer {
    calls: mpsc::Sender<Call>,
    _task: JoinSet<()>,
}

struct Call {
    rows: Rows,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl Writer {
    pub(super) fn start(
        servers: Arc<Servers>,
        counters: Arc<Counters>,
        rows_max: u64,
        wait: Duration,
    ) -> Self {
        let (calls, receiver) = mpsc::channel(CALLS_MAX);
        let sender = Sender {
            servers,
            counters,
            rows_max,
            wait,
        };
        let mut task = JoinSet::new();
        task.spawn(sender.run(receiver));
        Self { calls, _task: task }
    }

    /// Returns once the rows are there.
    pub(super) async fn write(&self, rows: Rows) -> Result<(), StoreError> {
        let gone = || StoreError::Unavailable {
            reason: "the task that writes has ended".to_owned(),
        };
        let (answer, answered) = oneshot::channel();
        let call = Call { rows, answer };
        self.calls.send(call).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

/// The one that sends.
struct Sender {
    servers: Arc<Servers>,
    counters: Arc<Counters>,
    rows_max: u64,
    wait: Duration,
}

impl Sender {
    async fn run(self, mut calls: mpsc::Receiver<Call>) {
        let mut held = None;
        loop {
            let first = match held.take() {
                Some(call) => call,
                None => match calls.recv().await {
                    Some(call) => call,
                    None => return,
                },
            };
            let batch = self.gather(first, &mut calls, &mut held).await;
            let outcome = self.send(batch.iter().map(|call| &call.rows)).await;
            let counter = match &outcome {
                Ok(()) => &self.counters.writes,
                Err(_) => &self.counters.failed_writes,
            };
            stats::add(counter, count(batch.len()));
            for call in batch {
                // Who no longer waits needs no answer.
                drop(call.answer.send(outcome.clone()));
            }
        }
    }

    /// The first call and those that come soon after it, up to one that would be too much.
    async fn gather(
        &self,
        first: Call,
        calls: &mut mpsc::Receiver<Call>,
        held: &mut Option<Call>,
    ) -> Vec<Call> {
        let end = Instant::now() + self.wait;
        let mut rows = first.rows.len();
        let mut batch = vec![first];
        while let Ok(Some(call)) = timeout_at(end, calls.recv()).await {
            rows = rows.saturating_add(call.rows.len());
            if rows > self.rows_max {
                *held = Some(call);
                break;
            }
            batch.push(call);
        }
        batch
    }

    /// Sends the best row for each thing. Of equally good ones the first, which the server would
    /// tell by the time it takes them, and that is the same for a whole insert.
    async fn send<'a>(
        &self,
        batch: impl Iterator<Item = &'a Rows> + Clone,
    ) -> Result<(), StoreError> {
        let mut outdone = 0;
        let minutes = batch.clone().flat_map(|rows| &rows.minutes);
        let minutes = minutes.map(|row| ((&row.series, row.minute), row.revision, row));
        let minutes: Vec<StepRow> = best(minutes, &mut outdone);
        let windows = batch.clone().flat_map(|rows| &rows.windows);
        let windows = windows.map(|row| ((&row.endpoint, &row.region, row.ending), (), row));
        let windows: Vec<WindowColumns> = best(windows, &mut outdone);
        let rulings = batch.clone().flat_map(|rows| &rows.rulings);
        let rulings = rulings.map(|row| ((row.log_id, row.offset), (), row));
        let rulings: Vec<GateColumns> = best(rulings, &mut outdone);
        let attempts = batch.clone().flat_map(|rows| &rows.attempts);
        let attempts = attempts.map(|row| (row.identity(), (), row));
        let attempts: Vec<AttemptColumns> = best(attempts, &mut outdone);
        let incidents = batch.clone().flat_map(|rows| &rows.incidents);
        let incidents = incidents.map(|row| ((&row.alert, row.opened_at), revision(row), row));
        let incidents: Vec<IncidentColumns> = best(incidents, &mut outdone);
        let agents = batch.flat_map(|rows| &rows.agents);
        let agents = agents.map(|row| ((&row.agent, row.partition, row.minute), row.revision, row));
        let agents: Vec<AgentColumns> = best(agents, &mut outdone);
        stats::add(&self.counters.batches, 1);
        stats::add(&self.counters.outdone_rows, outdone);
        let (minutes, windows, agents, rulings, attempts, incidents) = tokio::join!(
            self.insert(steps::TABLE, &minutes),
            self.insert(windows::TABLE, &windows),
            self.insert(agents::TABLE, &agents),
            self.insert(gates::TABLE, &rulings),
            self.insert(attempts::TABLE, &attempts),
            self.insert(incidents::TABLE, &incidents),
        );
        told(&[minutes, windows, agents, rulings, attempts, incidents])
    }

    /// Inserts rows; answers how many into which table.
    async fn insert<R: RowOwned + RowWrite + for<'a> clickhouse::Row<Value<'a> = R>>(
        &self,
        table: &'static str,
        rows: &[R],
    ) -> Result<Option<String>, StoreError> {
        if rows.is_empty() {
            return Ok(None);
        }
        let what = format!("{} rows into {table}", rows.len());
        let doing = format!("insert {what}");
        let insert = self.servers.write(&doing, async |client| {
            let mut insert = client.insert::<R>(table).await?;
            for row in rows {
                insert.write(row).await?;
            }
            insert.end().await
        });
        insert.await?;
        stats::add(&self.counters.rows, count(rows.len()));
        Ok(Some(what))
    }
}

/// The best row for each key, as columns, in the order of keys. Adds the others to `outdone`.
fn best<'a, K: Ord, V: Ord, R: 'a, C: From<&'a R>>(
    rows: impl Iterator<Item = (K, V, &'a R)>,
    outdone: &mut u64,
) -> Vec<C> {
    let mut standing = BTreeMap::<K, (V, &R)>::new();
    for (key, version, row) in rows {
        match standing.entry(key) {
            Entry::Vacant(free) => {
                free.insert((version, row));
            }
            Entry::Occupied(mut taken) => {
                *outdone += 1;
                if version > taken.get().0 {
                    taken.insert((version, row));
                }
            }
        }
    }
    standing
        .into_values()
        .map(|(_, row)| C::from(row))
        .collect()
}

/// The first failure, with what was done all the same.
fn told(outcomes: &[Result<Option<String>, StoreError>]) -> Result<(), StoreError> {
    let done: Vec<&str> = outcomes
        .iter()
        .flatten()
        .flatten()
        .map(String::as_str)
        .collect();
    let also = if done.is_empty() {
        String::new()
    } else {
        format!(" (done: {})", done.join(", "))
    };
    let first = outcomes.iter().find_map(|outcome| outcome.as_ref().err());
    Err(match first {
        None => return Ok(()),
        Some(StoreError::Unavailable { reason }) => StoreError::Unavailable {
            reason: format!("{reason}{also}"),
        },
        Some(StoreError::Full { reason }) => StoreError::Full {
            reason: format!("{reason}{also}"),
        },
        Some(other) => other.clone(),
    })
}

/// Refuses rows that no column holds.
pub(super) fn check(rows: &Rows) -> Result<(), StoreError> {
    let minutes = rows.minutes.iter().map(|row| row.minute);
    let windows = rows.windows.iter().map(|row| row.ending);
    let agents = rows.agents.iter().map(|row| row.minute);
    let rulings = rows.rulings.iter().map(|row| row.ruling.since().minute());
    let attempts = rows.attempts.iter();
    let attempts = attempts.map(|row| row.measurement.completed_at.minute());
    let incidents = rows.incidents.iter();
    let incidents = incidents.flat_map(|row| {
        let times = [Some(row.opened_at), row.closed_at];
        times.into_iter().flatten().map(Timestamp::minute)
    });
    let rows = minutes.chain(windows).chain(agents).chain(incidents);
    let mut times = rows.chain(rulings).chain(attempts);
    times.try_for_each(counted::check_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(String);

    impl From<&&str> for Text {
        fn from(text: &&str) -> Self {
            Self((*text).to_owned())
        }
    }

    #[test]
    fn of_each_thing_the_first_of_the_best_is_sent() {
        let rows = [
            ("a", 1, "old"),
            ("b", 7, "only"),
            ("a", 2, "new"),
            ("a", 2, "equal"),
            ("a", 0, "older"),
        ];
        let mut outdone = 0;
        let rows = rows.iter().map(|(key, version, row)| (key, version, row));
        let sent: Vec<Text> = best(rows, &mut outdone);
        let sent: Vec<&str> = sent.iter().map(|text| text.0.as_str()).collect();
        assert_eq!((&sent[..], outdone), (&["new", "only"][..], 3));
    }

    #[test]
    fn a_failure_says_what_was_done_all_the_same() {
        let failed = || StoreError::Unavailable {
            reason: "no answer".to_owned(),
        };
        let done = |what: &str| Ok(Some(what.to_owned()));
        assert_eq!(told(&[done("3 rows into a"), Ok(None), Ok(None)]), Ok(()));
        let told = told(&[Err(failed()), done("3 rows into b"), Ok(None)]).unwrap_err();
        assert!(
            told.to_string().contains("no answer (done: 3 rows into b)"),
            "{told}"
        );
        assert!(told.is_transient());
    }
}
