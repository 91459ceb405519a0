//! The last minutes of a model, from the store, for all who look at it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sextant_measure::id::{EndpointId, ModelId, Region};
use sextant_measure::time::{Minute, Timestamp};
use sextant_page::strip::{self, Seen, Strip};
use sextant_store::{HistoryPoint, HistoryQuery, MinuteQuery, MinuteRange};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::http::App;
use crate::seats::Caller;

/// How long what was read is shown before it is read again.
const PERIOD_US: i64 = 20_000_000;
/// Models and regions whose minutes are kept.
const KEPT_MAX: usize = 1_024;
/// A page is not held up for longer: all else on it needs no store.
const WAIT: Duration = Duration::from_secs(1);

/// What the last minutes of endpoints saw.
pub(super) type Strips = HashMap<EndpointId, Strip>;
type Held = Option<Arc<Strips>>;
type Key = (ModelId, Option<Region>);

/// The last minutes of models, read once for all.
#[derive(Debug, Default)]
pub(crate) struct Minutes {
    kept: Mutex<HashMap<Key, Kept>>,
}

#[derive(Debug)]
struct Kept {
    period: i64,
    held: Arc<OnceCell<Held>>,
}

impl Minutes {
    /// A model's last minutes by endpoint; nothing if the store doesn't tell them.
    pub(super) async fn of(&self, app: &App, key: &Key, now: Timestamp) -> Held {
        let cell = self.cell(key, now.as_micros().div_euclid(PERIOD_US));
        let read = || read(app, key, now);
        cell.get_or_init(read).await.clone()
    }

    fn cell(&self, key: &Key, period: i64) -> Arc<OnceCell<Held>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = kept.get(key).filter(|one| one.period == period) {
            return Arc::clone(&one.held);
        }
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, one| one.period == period);
        }
        let held = Arc::default();
        if kept.len() < KEPT_MAX {
            let one = Kept {
                period,
                held: Arc::clone(&held),
            };
            kept.insert(key.clone(), one);
        }
        held
    }
}

async fn read(app: &App, (model, region): &Key, now: Timestamp) -> Held {
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
    // Read for all alike, so it takes the process' own share of queries.
    let _seat = app.history_queries.take(Caller::Local).ok()?;
    let answered = timeout(WAIT, app.store.history(&query)).await;
    match answered {
        Ok(Ok(points)) => Some(Arc::new(strips(&points, from))),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the last minutes can't be read");
            None
        }
        Err(_) => None,
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
