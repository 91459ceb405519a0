//! The cursors of all readers: whoever reads on where a cursor stands goes on with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};
use tokio::time::{Instant, sleep};

use super::client::{apart, serve};
use super::config::KafkaConfig;
use super::cursor::Cursor;
use super::known::Topic;
use super::lane::Lane;
use crate::{Fetched, LogError, Offset, ReadLimit};

/// Readers that one partition may have at different places before one gives way to another.
const LANES_MAX: usize = 4;
/// How long a cursor that nobody reads from is left where it is when a reader needs one elsewhere.
const REST: Duration = Duration::from_secs(5);
/// How long a cursor that nobody reads from is kept.
const IDLE_MAX: Duration = Duration::from_mins(1);
/// Cursors that one read may lose its place with, and how long it waits between them.
const ATTEMPTS_MAX: usize = 20;
const ATTEMPT_PAUSE: Duration = Duration::from_millis(10);

/// A cursor, or room for one, in a lane.
#[derive(Default)]
struct Place {
    cursor: Option<Cursor>,
}

type Places = Vec<Arc<Turn<Place>>>;

/// All cursors.
pub(super) struct Readers {
    config: KafkaConfig,
    client: ClientConfig,
    lanes: Mutex<Vec<Arc<Lane>>>,
    places: Mutex<HashMap<(Arc<str>, i32), Places>>,
}

impl Readers {
    pub(super) fn new(config: KafkaConfig, client: ClientConfig) -> Self {
        Self {
            config,
            client,
            lanes: Mutex::default(),
            places: Mutex::default(),
        }
    }

    /// Reads, as [`EventLog::read`](crate::EventLog::read) says.
    pub(super) async fn read(
        &self,
        topic: Topic,
        partition: i32,
        from: Offset,
        limit: ReadLimit,
        wait: Duration,
    ) -> Result<Fetched, LogError> {
        for _ in 0..ATTEMPTS_MAX {
            let mut place = self.stand(&topic, partition, from).await?;
            let Some(cursor) = &mut place.cursor else {
                return Err(LogError::Closed);
            };
            match cursor.read(limit, wait).await {
                Err(LogError::OutOfRange {
                    earliest,
                    high_watermark,
                }) if (earliest..=high_watermark).contains(&from) => {}
                read => return read,
            }
            // Librdkafka has lost its place, as it does behind a damaged batch.
            sleep(ATTEMPT_PAUSE).await;
        }
        let reason = format!(
            "reading {} [{partition}] at {from}: it was called out of range {ATTEMPTS_MAX} times, \
             and is not",
            topic.name
        );
        Err(LogError::Unavailable { reason })
    }

    /// A place whose cursor stands at `from`.
    async fn stand(
        &self,
        topic: &Topic,
        partition: i32,
        from: Offset,
    ) -> Result<OwnedMutexGuard<Place>, LogError> {
        let (number, mut place) = self.place(topic, partition, from).await;
        if place.cursor.as_ref().is_some_and(|it| it.stands_at(from)) {
            return Ok(place);
        }
        let (lane, topic) = (self.lane(number)?, topic.clone());
        // It holds the place until it is done, even if the reader waits no longer: two that move
        // the same place would take the partition from each other.
        apart(move || {
            if let Some(elsewhere) = place.cursor.take() {
                elsewhere.close();
            }
            place.cursor = Some(Cursor::open(lane, topic, partition, from)?);
            Ok(place)
        })
        .await
    }

    /// Closes the cursors that nobody reads from.
    pub(super) fn rest(&self) {
        for place in self.idle() {
            if let Ok(mut place) = place.try_lock_owned()
                && let Some(idle) = place
                    .cursor
                    .take_if(|cursor| cursor.used_at.elapsed() > IDLE_MAX)
            {
                idle.close();
            }
        }
    }

    fn idle(&self) -> Places {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.values().flatten().map(Arc::clone).collect()
    }

    /// The place whose cursor stands at `from`, or the one that is best moved there; with the number
    /// of its lane.
    async fn place(
        &self,
        topic: &Topic,
        partition: i32,
        from: Offset,
    ) -> (usize, OwnedMutexGuard<Place>) {
        let mut oldest = None;
        for (number, place) in self.places(topic, partition).into_iter().enumerate() {
            let Ok(place) = place.try_lock_owned() else {
                continue;
            };
            let Some(cursor) = &place.cursor else {
                oldest.get_or_insert((None::<Instant>, number, place));
                continue;
            };
            if cursor.stands_at(from) {
                return (number, place);
            }
            let used_at = (!cursor.is_lost()).then_some(cursor.used_at);
            if oldest.as_ref().is_none_or(|(other, ..)| used_at < *other) {
                oldest = Some((used_at, number, place));
            }
        }
        if let Some((used_at, number, place)) = oldest
            && used_at.is_none_or(|used_at| used_at.elapsed() > REST)
        {
            return (number, place);
        }
        let (number, place) = self.another(topic, partition);
        (number, place.lock_owned().await)
    }

    /// A new place, or, if there are enough of them, the last.
    fn another(&self, topic: &Topic, partition: i32) -> (usize, Arc<Turn<Place>>) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let places = places
            .entry((Arc::clone(&topic.name), partition))
            .or_default();
        if places.len() < LANES_MAX {
            places.push(Arc::default());
        }
        let number = places.len() - 1;
        (number, places.last().map(Arc::clone).unwrap_or_default())
    }

    fn places(&self, topic: &Topic, partition: i32) -> Places {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let found = places.get(&(Arc::clone(&topic.name), partition));
        found
            .map(|places| places.iter().map(Arc::clone).collect())
            .unwrap_or_default()
    }

    fn lane(&self, number: usize) -> Result<Arc<Lane>, LogError> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        while lanes.len() <= number {
            lanes.push(Arc::new(Lane::new(&self.config, &self.client)?));
        }
        lanes.get(number).map(Arc::clone).ok_or(LogError::Closed)
    }

    /// Serves what clients have to say beside records.
    pub(super) fn serve(&self) {
        let lanes = self
            .lanes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for lane in &lanes {
            // All partitions have queues of their own: nothing but events comes here.
            serve(&lane.consumer);
        }
    }
}
