//! The handle that a gateway holds.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use sextant_measure::id::{EndpointId, ModelId, Operation};
use sextant_measure::time::{Clock, Timestamp};
use sextant_router::choose;
use sextant_router::decision::Decision;
use sextant_router::request::Request;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::disk::{self, Kept};
use crate::error::GatewayError;
use crate::follow::Follower;
use crate::options::Options;
use crate::picture::{Held, Picture};
use crate::saving::Saving;
use crate::stats::{Counters, Stats};

/// Holds the latest snapshot, and chooses from it. Clones share it; when the last is dropped, it
/// follows no longer.
#[derive(Clone)]
pub struct Gateway {
    present: Arc<ArcSwapOption<Picture>>,
    counters: Arc<Counters>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _dropped: Arc<DropGuard>,
}

/// This machine's clock, which tells only how long the process was away.
struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a library inside other programs: nobody else would give it the time"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

impl Gateway {
    /// Takes up what was kept, and begins to follow the servers, on the runtime that it is called
    /// on. What was kept and can't be used is named in the log, and left as it is until there is
    /// something newer.
    ///
    /// # Errors
    /// [`GatewayError::File`] if nothing could be kept, [`GatewayError::Token`].
    pub fn start(options: Options) -> Result<Self, GatewayError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Self::start_with(options, &clock)
    }

    /// The same, with another clock for how long the process was away.
    ///
    /// # Errors
    /// The same.
    pub fn start_with(options: Options, clock: &Arc<dyn Clock>) -> Result<Self, GatewayError> {
        let stop = CancellationToken::new();
        let (tasks, counters) = (TaskTracker::new(), Arc::<Counters>::default());
        let present = Arc::new(ArcSwapOption::empty());
        let (keep, latest) = watch::channel(None);
        let mut kept = None;
        if let Some(file) = &options.file {
            check_folder(file)?;
            kept = read(file, &options.models);
            let saving = Saving {
                file: file.clone(),
                interval: options.save_interval,
                models: options.models.clone(),
                counters: Arc::clone(&counters),
                latest,
            };
            tasks.spawn(saving.run(stop.clone()));
        }
        let keep = options.file.is_some().then_some(keep);
        let (shown, counted) = (Arc::clone(&present), Arc::clone(&counters));
        let mut follower = Follower::new(options, shown, counted, Arc::clone(clock), keep)?;
        if let Some(kept) = kept {
            follower.take_up(kept);
        }
        tasks.spawn(follower.run(stop.clone()));
        tasks.close();
        Ok(Self {
            present,
            counters,
            tasks,
            _dropped: Arc::new(stop.clone().drop_guard()),
            stop,
        })
    }

    /// Puts the endpoints of the request's model in order. It never waits, and allocates nothing
    /// once `decision` has held as many before.
    pub fn choose(&self, request: &Request, seed: u64, decision: &mut Decision) {
        match &*self.present.load() {
            Some(picture) => choose(picture.view(), request, seed, decision),
            None => decision.for_want_of_a_snapshot(),
        }
    }

    /// The cheapest endpoint that may serve an operation and is not down, by blended price: one
    /// look-up. Where nobody can tell who is down, as when what is held is stale, the cheapest of all.
    pub fn cheapest_green(&self, model: &ModelId, operation: &Operation) -> Option<EndpointId> {
        let present = self.present.load();
        let view = present.as_ref()?.view();
        let found = view.cheapest_green(model, operation);
        found.map(|candidate| candidate.id.clone())
    }

    /// What is held; nothing before the first snapshot.
    pub fn held(&self) -> Option<Held> {
        self.present.load().as_ref().map(|picture| picture.held())
    }

    /// What has come and gone.
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// Follows no longer, and waits until what is held has been kept. What is held stays.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

fn check_folder(file: &Path) -> Result<(), GatewayError> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let found = fs::metadata(folder).and_then(|found| {
        let is_folder = found.is_dir();
        is_folder
            .then_some(())
            .ok_or_else(|| std::io::ErrorKind::NotADirectory.into())
    });
    found.map_err(|source| GatewayError::File {
        file: file.to_owned(),
        source,
    })
}

fn read(file: &Path, models: &[ModelId]) -> Option<Kept> {
    disk::read(file, models).unwrap_or_else(|error| {
        let file = file.display();
        tracing::warn!(%file, %error, "the snapshot that was kept is not used");
        None
    })
}
