//! Brings incidents into the store, as another receiver: one row when an incident is opened, and
//! once more when it has ended.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sextant_incident::{AlertKey, Delivery, Event, Incident};
use sextant_measure::time::Timestamp;
use sextant_store::{Rows, Store};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::book::events;
use crate::delivery::{Board, Delivered, Posted};
use crate::metrics::{Metrics, doing};

/// What it is called among the receivers.
pub(crate) const NAME: &str = "store";
const RETRY: Duration = Duration::from_secs(5);

/// Brings incidents into the store. What it writes before the leader has taken note it may write
/// again, which changes nothing.
pub(crate) struct Recorder {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) board: watch::Receiver<Board>,
    pub(crate) heard: mpsc::Sender<Delivered>,
    pub(crate) metrics: Metrics,
}

/// An event of an incident.
type Notice = (AlertKey, Timestamp, Event);

impl Recorder {
    pub(crate) async fn run(mut self) {
        let mut is_away = false;
        loop {
            let board = Arc::clone(&self.board.borrow_and_update());
            let owed: Vec<_> = board.iter().flat_map(owed).collect();
            if !owed.is_empty() {
                let incidents = rows(&board, &owed);
                if let Err(error) = self.store.write(incidents).await {
                    self.metrics.error(doing::STORING);
                    if !std::mem::replace(&mut is_away, true) {
                        tracing::warn!(%error, "the store takes no incidents; it is tried again");
                    }
                    sleep(RETRY).await;
                    continue;
                }
                is_away = false;
                for notice in owed {
                    if self.heard.send(delivered(notice)).await.is_err() {
                        return;
                    }
                }
            }
            if self.board.changed().await.is_err() {
                return;
            }
        }
    }
}

/// What the store has not heard of an incident.
fn owed(posted: &Posted) -> Vec<Notice> {
    let incident = &posted.incident;
    let notice = |event| (incident.alert.clone(), incident.opened_at, event);
    let is_owed = |notice: &Notice| {
        let (_, _, event) = *notice;
        let receiver = NAME.to_owned();
        !posted.delivered.contains(&Delivery { receiver, event })
    };
    events(incident).map(notice).filter(is_owed).collect()
}

/// Each incident as it is now, once.
fn rows(board: &Board, owed: &[Notice]) -> Rows {
    let names: BTreeSet<_> = owed
        .iter()
        .map(|(alert, opened_at, _)| (alert, opened_at))
        .collect();
    let incidents = board.iter().map(|posted| &posted.incident);
    let owed = incidents.filter(|it: &&Incident| names.contains(&(&it.alert, &it.opened_at)));
    Rows {
        incidents: owed.cloned().collect(),
        ..Rows::default()
    }
}

fn delivered((alert, opened_at, event): Notice) -> Delivered {
    let receiver = NAME.to_owned();
    Delivered {
        alert,
        opened_at,
        delivery: Delivery { receiver, event },
    }
}
