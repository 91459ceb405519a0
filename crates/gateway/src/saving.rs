//! Writes what is held to disk, now and then, beside everything else.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sextant_measure::time::Clock;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::disk::{self, Keep};
use crate::stats::Counters;

/// Writes the latest that there is, at most once an interval, and once more at the end.
pub(crate) struct Saving {
    pub(crate) file: PathBuf,
    pub(crate) interval: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) latest: watch::Receiver<Option<Keep>>,
}

impl Saving {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let changed = stop.run_until_cancelled(self.latest.changed()).await;
            self.save().await;
            if !matches!(changed, Some(Ok(()))) {
                return;
            }
            if stop
                .run_until_cancelled(sleep(self.interval))
                .await
                .is_none()
            {
                self.save().await;
                return;
            }
        }
    }

    async fn save(&mut self) {
        if !self.latest.has_changed().unwrap_or(false) && self.latest.borrow().is_none() {
            return;
        }
        let Some(keep) = self.latest.borrow_and_update().clone() else {
            return;
        };
        let (file, now) = (self.file.clone(), self.clock.now());
        let written = spawn_blocking(move || disk::write(&file, &keep, now)).await;
        match written.map_err(std::io::Error::other).flatten() {
            Ok(()) => self.counters.saved.add(),
            Err(error) => {
                self.counters.unsaved.add();
                let file = self.file.display();
                tracing::warn!(%file, %error, "the snapshot was not kept");
            }
        }
    }
}
