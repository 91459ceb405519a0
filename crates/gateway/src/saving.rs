//! Writes what is held to disk, now and then, beside everything else. How old it is stays with it:
//! it is as old as the last word of a server, whenever it is written.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sextant_measure::id::ModelId;
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
    /// Those that are followed; all if there are none.
    pub(crate) models: Vec<ModelId>,
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
        let Some(keep) = self.latest.borrow_and_update().clone() else {
            return;
        };
        let (file, models) = (self.file.clone(), self.models.clone());
        let written = spawn_blocking(move || disk::write(&file, &keep, &models)).await;
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
