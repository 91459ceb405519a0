//! The encoded forms of one edition: each made once, when it is first asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sextant_measure::id::{ModelId, Region};
use sextant_measure::time::Timestamp;
use sextant_snapshot::version::Version;
use tokio::sync::OnceCell;

use crate::coding::Coding;
use crate::filter::Filter;

/// A version and its text.
#[derive(Debug, PartialEq, Eq)]
pub struct Position {
    version: Version,
    text: String,
}

impl Position {
    /// The position of a version.
    pub fn new(version: Version) -> Arc<Self> {
        let text = version.to_string();
        Arc::new(Self { version, text })
    }

    /// The version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Bytes that many readers share, and the position that whoever has them has reached.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    /// The bytes.
    pub(crate) bytes: Bytes,
    /// The position.
    pub(crate) position: Arc<Position>,
}

/// What is encoded, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) form: Form,
    pub(crate) filter: Filter,
}

/// How an edition is encoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// Everything, as a message of a watch.
    Full(Speech),
    /// A document, so coded.
    Document(Document, Coding),
    /// What changed since the version with this text, as a message of a watch.
    Since(Speech, String),
}

/// How the messages of a watch are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Speech {
    /// As framed protobuf messages.
    Protobuf,
    /// As server-sent events, whose data is JSON.
    Events,
}

impl Speech {
    /// What everything is called in metrics.
    pub(crate) const fn full_name(self) -> &'static str {
        match self {
            Self::Protobuf => "full",
            Self::Events => "full_event",
        }
    }

    /// What a change is called in metrics.
    pub(crate) const fn delta_name(self) -> &'static str {
        match self {
            Self::Protobuf => "delta",
            Self::Events => "delta_event",
        }
    }
}

/// What is written for readers who share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Document {
    /// Everything.
    Snapshot,
    /// The models, for people.
    Models,
    /// The endpoints of a model, for people.
    Endpoints(ModelId),
    /// The page of all models.
    Overview,
    /// The page of providers.
    Providers,
    /// The page of a model, as seen from a region.
    ModelPage(ModelId, Option<Region>),
    /// The numbers on that page.
    Numbers(ModelId, Option<Region>),
}

impl Document {
    /// As it stands in metrics.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Snapshot => "json",
            Self::Models => "models",
            Self::Endpoints(_) => "endpoints",
            Self::Overview => "overview",
            Self::Providers => "providers",
            Self::ModelPage(..) => "model_page",
            Self::Numbers(..) => "numbers",
        }
    }
}

/// How much is kept. What is over is encoded for its asker alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) forms: usize,
    pub(crate) bytes: usize,
}

/// Encoded forms by key.
#[derive(Debug)]
pub(crate) struct Encodings {
    bounds: Bounds,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    cells: HashMap<Key, Arc<OnceCell<Encoded>>>,
    bytes: usize,
}

impl Encodings {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            kept: Mutex::default(),
        }
    }

    /// What is kept under the key, or else what is made now; who asks meanwhile waits for it.
    ///
    /// Making is rare and stands apart, so that a watcher is small while it waits.
    pub(crate) async fn get_or_make<E, F: Future<Output = Result<Encoded, E>>>(
        &self,
        key: Key,
        make: impl FnOnce() -> F,
    ) -> Result<Encoded, E> {
        let Some(cell) = self.cell(&key) else {
            return Box::pin(make()).await;
        };
        if let Some(encoded) = cell.get() {
            return Ok(encoded.clone());
        }
        let made = async {
            let encoded = make().await?;
            self.count(&key, encoded.bytes.len());
            Ok(encoded)
        };
        Box::pin(cell.get_or_try_init(|| made)).await.cloned()
    }

    /// Nothing when there is no room for another form.
    fn cell(&self, key: &Key) -> Option<Arc<OnceCell<Encoded>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = kept.cells.get(key) {
            return Some(Arc::clone(cell));
        }
        if kept.cells.len() >= self.bounds.forms {
            return None;
        }
        let cell = Arc::default();
        kept.cells.insert(key.clone(), Arc::clone(&cell));
        Some(cell)
    }

    /// A form that doesn't fit is left to those who already wait for it.
    fn count(&self, key: &Key, bytes: usize) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes.saturating_add(bytes) > self.bounds.bytes {
            kept.cells.remove(key);
        } else {
            kept.bytes += bytes;
        }
    }
}

/// The forms that tell ages: of one second, since an edition may stand for longer.
#[derive(Debug)]
pub(crate) struct Pages {
    bounds: Bounds,
    present: Mutex<(i64, Arc<Encodings>)>,
}

impl Pages {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let none = (i64::MIN, Arc::new(Encodings::new(bounds)));
        Self {
            bounds,
            present: Mutex::new(none),
        }
    }

    /// Those of the second in which this time is.
    pub(crate) fn at(&self, now: Timestamp) -> Arc<Encodings> {
        let second = now.as_micros().div_euclid(1_000_000);
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        // Who took the time earlier shares what was made later.
        if present.0 < second {
            *present = (second, Arc::new(Encodings::new(self.bounds)));
        }
        Arc::clone(&present.1)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use sextant_snapshot::version::{GatesPosition, StatisticsPosition};

    use super::*;

    fn key(version: &str) -> Key {
        Key {
            form: Form::Since(Speech::Protobuf, version.to_owned()),
            filter: Filter::all(),
        }
    }

    fn encoded(bytes: &'static [u8]) -> Encoded {
        let statistics = StatisticsPosition {
            log_id: 0,
            next_offsets: vec![0],
        };
        let version = Version::new(0, GatesPosition::default(), statistics).unwrap();
        Encoded {
            bytes: Bytes::from_static(bytes),
            position: Position::new(version),
        }
    }

    /// How often something is made when each of these keys is asked for in turn.
    async fn made(encodings: &Encodings, keys: &[&str]) -> u32 {
        let made = Cell::new(0);
        for name in keys {
            let make = async || {
                made.set(made.get() + 1);
                Ok::<_, Infallible>(encoded(b"12345"))
            };
            let got = encodings.get_or_make(key(name), make).await.unwrap();
            assert_eq!(&got.bytes[..], b"12345");
        }
        made.get()
    }

    #[tokio::test]
    async fn each_form_is_made_once() {
        let bounds = Bounds {
            forms: 9,
            bytes: 99,
        };
        let encodings = Encodings::new(bounds);
        assert_eq!(made(&encodings, &["a", "b", "a", "b", "a"]).await, 2);
    }

    #[tokio::test]
    async fn who_asks_while_it_is_made_waits_for_it() {
        let bounds = Bounds {
            forms: 9,
            bytes: 99,
        };
        let encodings = Encodings::new(bounds);
        let count = Cell::new(0);
        let ask = || {
            encodings.get_or_make(key("a"), async || {
                count.set(count.get() + 1);
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(encoded(b"1"))
            })
        };
        let (one, two) = tokio::join!(ask(), ask());
        assert_eq!(one.unwrap().bytes, two.unwrap().bytes);
        assert_eq!(count.get(), 1);
    }

    #[tokio::test]
    async fn over_the_bound_of_forms_nothing_more_is_kept() {
        let bounds = Bounds {
            forms: 1,
            bytes: 99,
        };
        let encodings = Encodings::new(bounds);
        assert_eq!(made(&encodings, &["a", "b", "b", "a"]).await, 3);
        assert_eq!(encodings.kept.lock().unwrap().cells.len(), 1);
    }

    #[tokio::test]
    async fn over_the_bound_of_bytes_nothing_more_is_kept() {
        let bounds = Bounds { forms: 9, bytes: 9 };
        let encodings = Encodings::new(bounds);
        assert_eq!(made(&encodings, &["a", "b", "b", "a"]).await, 3);
        assert_eq!(encodings.kept.lock().unwrap().bytes, 5);
    }
}
