//! From the windows log and the gates log to editions.
//!
//! A reader for each partition decodes what it reads; one owner applies it to the picture. Neither
//! shares anything with those who are served but finished editions. Once every partition has been
//! read to where its end was at the start, the first edition is published; from then on another
//! one whenever the version has changed, at most once an interval. An owner that only says how far
//! it is changes no version, so over idle logs the edition stands.

mod decoding;
mod owner;
mod progress;
mod reader;
mod source;

use std::sync::Arc;

use sextant_catalog::LiveCatalog;
use sextant_eventlog::EventLog;
use sextant_measure::time::Clock;
use sextant_snapshot::SnapshotError;
use sextant_snapshot::picture::Picture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::owner::{Owner, Published};
use self::reader::Reader;
use self::source::Source;
use crate::config::{Config, length};
use crate::edition::CatalogSection;
use crate::encoder::Encoder;
use crate::encodings::Bounds;
use crate::hub::Hub;
use crate::metrics::Metrics;

pub use self::progress::Progress;

/// How many batches of records wait for the picture's owner.
const BATCHES_MAX: usize = 16;

/// What a follower works with.
pub(crate) struct Following {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) partitions: u32,
    pub(crate) catalog: LiveCatalog,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
}

/// Follows the logs until it is told to stop.
pub(crate) fn start(
    following: Following,
    tracker: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(Arc<Hub>, Arc<Progress>), SnapshotError> {
    let Following {
        log,
        partitions,
        catalog,
        clock,
        config,
        metrics,
    } = following;
    let picture = Picture::new(partitions, config.picture_limits())?;
    let (hub, asked) = Hub::new();
    let progress = Arc::new(Progress::new(partitions));
    let (batches, read) = mpsc::channel(BATCHES_MAX);
    for source in Source::all(partitions) {
        let reader = Reader {
            log: Arc::clone(&log),
            source,
            bytes_max: length(config.read_bytes_max),
            clock: Arc::clone(&clock),
            progress: Arc::clone(&progress),
            metrics: metrics.clone(),
            batches: batches.clone(),
        };
        tracker.spawn(reader.run(stop.clone()));
    }
    let bounds = Bounds {
        forms: length(config.encodings_max),
        bytes: length(config.encoded_bytes_max),
    };
    let owner = Owner {
        picture,
        section: Arc::new(CatalogSection::new(catalog.get())),
        catalog,
        clock,
        hub: Arc::clone(&hub),
        progress: Arc::clone(&progress),
        encoder: Encoder::new(bounds, metrics.clone()),
        metrics,
        behind: Source::all(partitions).collect(),
        published: Published::default(),
        waiting: Vec::new(),
    };
    tracker.spawn(owner.run(read, asked, config.publish_interval(), stop.clone()));
    Ok((hub, progress))
}
