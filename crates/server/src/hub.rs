//! Where the present edition is found, and what changed since a version.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use sextant_snapshot::change::Change;
use sextant_snapshot::row::AgentRow;
use sextant_snapshot::version::Version;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::edition::Edition;
use crate::encoder::Unmade;
use crate::encodings::{Encoded, Position, Speech};
use crate::filter::Filter;

/// How many queries wait for the picture's owner.
const QUERIES_MAX: usize = 64;
/// Senders of which people are told, those heard of last.
pub(crate) const SENDERS_MAX: usize = 200;
/// For so long readers share what one of them was told.
const ROLL_AGE_MAX: Duration = Duration::from_secs(1);

/// Where the present edition is found.
#[derive(Debug)]
pub struct Hub {
    present: ArcSwapOption<Edition>,
    /// Counts editions, so that watchers wake.
    published: watch::Sender<u64>,
    queries: mpsc::Sender<Query>,
    roll_calls: mpsc::Sender<RollCall>,
    /// The last one, which others may share for a moment.
    roll: Mutex<Option<(Instant, Arc<Senders>)>>,
}

/// Why there is nothing to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unserved {
    /// The log has not been read to its end yet.
    Starting,
    /// The process is about to end.
    Stopping,
    /// It cannot be encoded.
    Unencodable,
}

/// What changed since a version: only the picture's owner knows.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) since: Arc<Position>,
    pub(crate) filter: Filter,
    /// The edition of that moment, and what leads to it.
    pub(crate) answer: oneshot::Sender<(Arc<Edition>, Change)>,
}

/// Who reports: only the picture's owner knows, since no version tells of them.
#[derive(Debug)]
pub(crate) struct RollCall {
    /// Of how many is told, those heard of last.
    pub(crate) max: usize,
    pub(crate) answer: oneshot::Sender<Senders>,
}

/// Who reports.
#[derive(Debug)]
pub(crate) struct Senders {
    /// How many there are.
    pub(crate) all: usize,
    /// Those heard of last, the latest first.
    pub(crate) latest: Vec<Arc<AgentRow>>,
}

/// What the picture's owner is asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) queries: mpsc::Receiver<Query>,
    pub(crate) roll_calls: mpsc::Receiver<RollCall>,
}

impl Hub {
    pub(crate) fn new() -> (Arc<Self>, Asked) {
        let (queries, asked) = mpsc::channel(QUERIES_MAX);
        let (roll_calls, called) = mpsc::channel(1);
        let hub = Self {
            present: ArcSwapOption::empty(),
            published: watch::Sender::new(0),
            queries,
            roll_calls,
            roll: Mutex::default(),
        };
        let asked = Asked {
            queries: asked,
            roll_calls: called,
        };
        (Arc::new(hub), asked)
    }

    /// The present edition; nothing before the log has been read to its end.
    pub fn present(&self) -> Option<Arc<Edition>> {
        self.present.load_full()
    }

    /// Sees a change whenever there is another edition.
    pub fn editions(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// Everything, as a message of a watch.
    ///
    /// # Errors
    /// [`Unserved`].
    pub(crate) async fn full(&self, speech: Speech, filter: &Filter) -> Result<Encoded, Unserved> {
        let edition = self.present().ok_or(Unserved::Starting)?;
        Ok(edition.full(speech, filter).await?)
    }

    /// What changed since a version, or everything if that can't be told, as a message of a watch.
    ///
    /// # Errors
    /// [`Unserved`].
    pub(crate) async fn change(
        &self,
        speech: Speech,
        from: &Arc<Position>,
        filter: &Filter,
    ) -> Result<Encoded, Unserved> {
        let edition = self.present().ok_or(Unserved::Starting)?;
        let ask = || self.ask(speech, from, filter);
        edition.since(speech, from, filter, ask).await
    }

    /// Who reports, or did a second ago: [`SENDERS_MAX`] at most.
    ///
    /// # Errors
    /// [`Unserved::Stopping`].
    pub(crate) async fn senders(&self) -> Result<Arc<Senders>, Unserved> {
        let mut roll = self.roll.lock().await;
        if let Some((at, senders)) = &*roll
            && at.elapsed() < ROLL_AGE_MAX
        {
            return Ok(Arc::clone(senders));
        }
        let senders = Arc::new(self.call_roll(SENDERS_MAX).await?);
        *roll = Some((Instant::now(), Arc::clone(&senders)));
        Ok(senders)
    }

    /// All who report, in no order; nothing once the server is about to end.
    pub async fn agents(&self) -> Option<Vec<Arc<AgentRow>>> {
        let senders = self.call_roll(usize::MAX).await.ok()?;
        Some(senders.latest)
    }

    async fn call_roll(&self, max: usize) -> Result<Senders, Unserved> {
        let (answer, answered) = oneshot::channel();
        let sent = self.roll_calls.send(RollCall { max, answer }).await;
        sent.map_err(|_| Unserved::Stopping)?;
        answered.await.map_err(|_| Unserved::Stopping)
    }

    pub(crate) fn publish(&self, edition: Arc<Edition>) {
        self.present.store(Some(edition));
        self.published
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    async fn ask(
        &self,
        speech: Speech,
        from: &Arc<Position>,
        filter: &Filter,
    ) -> Result<Encoded, Unserved> {
        let (answer, answered) = oneshot::channel();
        let query = Query {
            since: Arc::clone(from),
            filter: filter.clone(),
            answer,
        };
        let sent = self.queries.send(query).await;
        sent.map_err(|_| Unserved::Stopping)?;
        let (edition, change) = answered.await.map_err(|_| Unserved::Stopping)?;
        Ok(match change {
            Change::Delta(delta) => edition.make_delta(speech, delta, filter).await?,
            Change::Full(_) => edition.full(speech, filter).await?,
        })
    }
}

impl From<Unmade> for Unserved {
    fn from(error: Unmade) -> Self {
        match error {
            Unmade::Gone => Self::Stopping,
            error => {
                tracing::error!(%error, "a snapshot cannot be encoded");
                Self::Unencodable
            }
        }
    }
}

/// The version that a client gives; nothing if nobody gave it out.
pub fn position(text: &str) -> Option<Arc<Position>> {
    text.parse::<Version>().ok().map(Position::new)
}
