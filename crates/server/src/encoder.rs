//! Makes what takes long apart from the threads that serve, a few at a time.

use std::io;
use std::sync::Arc;
use std::thread::available_parallelism;

use bytes::Bytes;
use sextant_page::PageError;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::coding::Coding;
use crate::encodings::Bounds;
use crate::metrics::Metrics;

/// What all editions encode with.
#[derive(Debug, Clone)]
pub(crate) struct Encoder {
    pub(crate) bounds: Bounds,
    pub(crate) metrics: Metrics,
    threads: Arc<Semaphore>,
}

/// Why a form was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unmade {
    /// It cannot be written as JSON.
    #[error("it cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It cannot be written as a page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// It cannot be compressed.
    #[error("it cannot be compressed: {0}")]
    Coding(#[from] io::Error),
    /// The process is about to end, or the thread came to grief.
    #[error("the thread that makes it has gone")]
    Gone,
}

impl Encoder {
    /// Half of the processors stay with those who serve; two threads there are in any case, so that
    /// one long work does not hold up all others.
    pub(crate) fn new(bounds: Bounds, metrics: Metrics) -> Self {
        let processors = available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            bounds,
            metrics,
            threads: Arc::new(Semaphore::new((processors / 2).max(2))),
        }
    }

    /// Makes a text as soon as there is a thread. One whose asker has gone meanwhile keeps its thread
    /// until it is done.
    pub(crate) async fn make<E: Into<Unmade>>(
        &self,
        make: impl FnOnce() -> Result<Vec<u8>, E> + Send + 'static,
    ) -> Result<Bytes, Unmade> {
        let made = self.run(move || make().map(Bytes::from).map_err(Into::into));
        made.await
    }

    /// Codes what has been made.
    pub(crate) async fn code(&self, plain: Bytes, coding: Coding) -> Result<Bytes, Unmade> {
        let runtime = Handle::current();
        let coded = self.run(move || Ok(runtime.block_on(coding.apply(plain))?));
        coded.await
    }

    async fn run(
        &self,
        work: impl FnOnce() -> Result<Bytes, Unmade> + Send + 'static,
    ) -> Result<Bytes, Unmade> {
        let permit = Arc::clone(&self.threads).acquire_owned().await;
        let permit = permit.map_err(|_| Unmade::Gone)?;
        let made = spawn_blocking(move || {
            let made = work();
            drop(permit);
            made
        });
        made.await.map_err(|_| Unmade::Gone)?
    }
}
