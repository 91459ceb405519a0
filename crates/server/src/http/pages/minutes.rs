//! The last minutes of a model, from the store, for all who look at it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sextant_measure::id::{EndpointId, ModelId, Region};
use sextant_measure::time::{Minute, Timestamp};
use sextant_page::strip::{self, Seen, Strip};
use sextant_store::{HistoryPoint, HistoryQuery, MinuteQuery, MinuteRange};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;

use crate::http::App;

/// How long what was read is shown before it is read again.
const PERIOD_US: i64 = 20_000_000;
/// The same, of what could not be read.
const RETRY_US: i64 = 5_000_000;
/// For so long the strips from before stand in for those that can't be read.
const STAND_IN_US: i64 = 120_000_000;
/// Queries at a time.
const READERS: usize = 4;
/// Models and regions whose minutes are kept.
const KEPT_MAX: usize = 1_024;
/// A page is not held up for longer: all else on it needs no store.
const WAIT: Duration = Duration::from_secs(1);

/// What the last minutes of endpoints saw.
pub(super) type Strips = HashMap<EndpointId, Strip>;
type Held = Option<Arc<Strips>>;
type Key = (ModelId, Option<Region>);

/// The last minutes of models, read once for all.
#[derive(Debug)]
pub(crate) struct Minutes {
    kept: Mutex<HashMap<Key, Kept>>,
    readers: Semaphore,
}

#[derive(Debug)]
struct Kept {
    asked_at: Timestamp,
    held: Arc<OnceCell<Held>>,
    /// What was read before, and when.
    before: Option<(Timestamp, Arc<Strips>)>,
}

impl Default for Minutes {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            readers: Semaphore::new(READERS),
        }
    }
}

impl Minutes {
    /// A model's last minutes by endpoint; nothing if the store doesn't tell them.
    pub(super) async fn of(&self, app: &App, key: &Key, now: Timestamp) -> Held {
        let (cell, before) = self.cell(key, now);
        let read = || async { self.read(app, key, now).await.or(before) };
        cell.get_or_init(read).await.clone()
    }

    /// Where they are kept, and what stands in for them.
    fn cell(&self, key: &Key, now: Timestamp) -> (Arc<OnceCell<Held>>, Held) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = kept.get(key).filter(|one| one.is_fresh(now)) {
            return (Arc::clone(&one.held), one.stand_in(now));
        }
        let before = kept.remove(key).and_then(Kept::into_before);
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, one| one.is_fresh(now));
        }
        let one = Kept {
            asked_at: now,
            held: Arc::default(),
            before,
        };
        let answer = (Arc::clone(&one.held), one.stand_in(now));
        if kept.len() < KEPT_MAX {
            kept.insert(key.clone(), one);
        }
        answer
    }

    async fn read(&self, app: &App, (model, region): &Key, now: Timestamp) -> Held {
        let to = now.minute();
        let from = to.minus(strip::MINUTES);
        let query = HistoryQuery {
            minutes: MinuteQuery {
                model: model.clone(),
                endpoint: None,
                region: region.clone(),
                range: MinuteRange::new(from, to),
            },
            step_minutes: NonZeroU32::MIN,
        };
        let reading = async {
            // Beside the queries of callers, so that neither wait for the other.
            let _reader = self.readers.acquire().await.ok()?;
            Some(app.store.history(&query).await)
        };
        match timeout(WAIT, reading).await {
            Ok(Some(Ok(points))) => Some(Arc::new(strips(&points, from))),
            Ok(Some(Err(error))) => {
                tracing::debug!(%error, "the last minutes can't be read");
                None
            }
            Ok(None) | Err(_) => None,
        }
    }
}

impl Kept {
    fn is_fresh(&self, now: Timestamp) -> bool {
        let is_missing = self.held.get().is_some_and(Option::is_none);
        let for_us = if is_missing { RETRY_US } else { PERIOD_US };
        (0..for_us).contains(&now.micros_since(self.asked_at))
    }

    fn stand_in(&self, now: Timestamp) -> Held {
        let (at, strips) = self.before.as_ref()?;
        (now.micros_since(*at) < STAND_IN_US).then(|| Arc::clone(strips))
    }

    /// What may stand in for those that come after.
    fn into_before(self) -> Option<(Timestamp, Arc<Strips>)> {
        let held = self.held.get().cloned().flatten();
        let is_again = |strips: &Arc<Strips>| {
            let before = self.before.as_ref();
            before.is_some_and(|(_, before)| Arc::ptr_eq(before, strips))
        };
        match held {
            Some(strips) if !is_again(&strips) => Some((self.asked_at, strips)),
            _ => self.before,
        }
    }
}

fn strips(points: &[HistoryPoint], from: Minute) -> Strips {
    let endpoints = points.chunk_by(|a, b| a.endpoint == b.endpoint);
    let strip = |points: &[HistoryPoint]| {
        let minute = |index| {
            let at = from.plus(index);
            let point = points.iter().find(|point| point.from == at)?;
            let uptime = point.sums.counts.uptime();
            Some(Seen {
                good: uptime.part,
                bad: uptime.whole.saturating_sub(uptime.part),
            })
        };
        let endpoint = points.first()?.endpoint.clone();
        Some((endpoint, Strip::new((0..strip::MINUTES).map(minute))))
    };
    endpoints.filter_map(strip).collect()
}
