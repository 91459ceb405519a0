//! What stands in a partition by key, the removals among it, and both in the order of the log.
//!
//! A lane is a partition's own part: the order of its log. The values by key stand in an index that
//! all lanes share, so that everything can be handed out in the order of its keys without being
//! sorted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use sextant_measure::time::Timestamp;

/// Where a value or a removal stands. Removals in hindsight share the offset of the record that
/// made them known, and come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) nth: u32,
}

impl Place {
    pub(crate) fn at(offset: u64) -> Self {
        Self { offset, nth: 0 }
    }
}

/// The values of all lanes, by key and by lane.
#[derive(Debug)]
pub(crate) struct Index<K, V> {
    slots: BTreeMap<(K, u32), Slot<V>>,
    shared_key: bool,
}

#[derive(Debug)]
struct Slot<V> {
    place: Place,
    /// Nothing, if the key was removed.
    value: Option<Arc<V>>,
}

impl<K: Ord + Clone, V> Index<K, V> {
    pub(crate) fn new() -> Self {
        Self {
            slots: BTreeMap::new(),
            shared_key: false,
        }
    }

    /// Whether any key has ever stood in several lanes.
    pub(crate) fn has_shared_key(&self) -> bool {
        self.shared_key
    }

    /// All values, in the order of their keys, with their lanes and offsets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u64, &Arc<V>)> {
        let slots = self.slots.iter();
        slots.filter_map(|((_, lane), slot)| Some((*lane, slot.place.offset, slot.value.as_ref()?)))
    }

    /// The values of a key; more than one only if it stands in several lanes.
    pub(crate) fn of_key(&self, key: &K) -> impl Iterator<Item = &Arc<V>> {
        self.slots_of_key(key)
            .filter_map(|slot| slot.value.as_ref())
    }

    fn insert(&mut self, key: &K, lane: u32, slot: Slot<V>) -> Option<Slot<V>> {
        let held = self.slots.insert((key.clone(), lane), slot);
        // Looked up for new keys only, which are few.
        if held.is_none() && self.slots_of_key(key).nth(1).is_some() {
            self.shared_key = true;
        }
        held
    }

    fn slots_of_key(&self, key: &K) -> impl Iterator<Item = &Slot<V>> {
        let lanes = (key.clone(), u32::MIN)..=(key.clone(), u32::MAX);
        self.slots.range(lanes).map(|(_, slot)| slot)
    }
}

/// The lane has no room for another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The order of one partition's log. Keys with a value are at most `live_max`, remembered removals
/// at most `graves_max`.
#[derive(Debug)]
pub(crate) struct Lane<K, V> {
    number: u32,
    order: BTreeMap<Place, Standing<K, V>>,
    graves: VecDeque<Grave>,
    live: usize,
    live_max: usize,
    graves_max: usize,
    forgotten_below: u64,
}

/// What stands at a place. The value is here too, so that telling what changed needs no look-up:
/// among many keys that is what costs.
#[derive(Debug)]
struct Standing<K, V> {
    key: K,
    /// Of who wrote it.
    epoch: u64,
    value: Option<Arc<V>>,
}

/// A removal that is still remembered, unless its key has come back.
#[derive(Debug, Clone, Copy)]
struct Grave {
    place: Place,
    at: Timestamp,
}

impl<K: Ord + Clone, V> Lane<K, V> {
    pub(crate) fn new(number: u32, live_max: usize, graves_max: usize) -> Self {
        Self {
            number,
            order: BTreeMap::new(),
            graves: VecDeque::new(),
            live: 0,
            live_max,
            graves_max,
            forgotten_below: 0,
        }
    }

    /// Puts a value in the place of what the key had, which is given back.
    pub(crate) fn put(
        &mut self,
        index: &mut Index<K, V>,
        key: K,
        place: Place,
        epoch: u64,
        value: Arc<V>,
    ) -> Result<Option<Arc<V>>, NoRoom> {
        if self.live >= self.live_max && !self.holds(index, &key) {
            return Err(NoRoom);
        }
        let standing = Standing {
            key,
            epoch,
            value: Some(value),
        };
        Ok(self.stand(index, place, standing))
    }

    /// Removes the key's value, which is given back, and remembers that. A key that had none is
    /// remembered too: a watcher may hold a value that was never read here.
    pub(crate) fn bury(
        &mut self,
        index: &mut Index<K, V>,
        key: K,
        place: Place,
        epoch: u64,
        at: Timestamp,
    ) -> Option<Arc<V>> {
        let standing = Standing {
            key,
            epoch,
            value: None,
        };
        let held = self.stand(index, place, standing);
        self.graves.push_back(Grave { place, at });
        if self.graves.len() > self.graves_max {
            self.forget_first(index);
        }
        held
    }

    /// Forgets removals that are as old as this, or older.
    pub(crate) fn forget(&mut self, index: &mut Index<K, V>, until: Timestamp) {
        while self.graves.front().is_some_and(|grave| grave.at <= until) {
            self.forget_first(index);
        }
    }

    /// Takes everything out of the lane, and gives the values.
    pub(crate) fn clear(&mut self, index: &mut Index<K, V>) -> Vec<Arc<V>> {
        let former = Self::new(self.number, self.live_max, self.graves_max);
        let former = std::mem::replace(self, former);
        let mut values = Vec::with_capacity(former.live);
        for standing in former.order.into_values() {
            index.slots.remove(&(standing.key, self.number));
            values.extend(standing.value);
        }
        values
    }

    /// Whether every removal from this position on is remembered.
    pub(crate) fn remembers(&self, position: u64) -> bool {
        position >= self.forgotten_below
    }

    /// How many keys have a value.
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// What came at this position or later, in the order of the log: a value, or nothing for a
    /// removal.
    pub(crate) fn since(&self, position: u64) -> impl Iterator<Item = (u64, &K, Option<&Arc<V>>)> {
        self.order
            .range(Place::at(position)..)
            .map(|(place, standing)| (place.offset, &standing.key, standing.value.as_ref()))
    }

    /// Keys whose value was written at this offset or later, under an older epoch than this.
    pub(crate) fn older_since(&self, offset: u64, epoch: u64) -> Vec<K> {
        self.order
            .range(Place::at(offset)..)
            .map(|(_, standing)| standing)
            .filter(|standing| standing.epoch < epoch && standing.value.is_some())
            .map(|standing| standing.key.clone())
            .collect()
    }

    /// Whether the key has a value here.
    pub(crate) fn holds(&self, index: &Index<K, V>, key: &K) -> bool {
        let slot = index.slots.get(&(key.clone(), self.number));
        slot.is_some_and(|slot| slot.value.is_some())
    }

    fn stand(
        &mut self,
        index: &mut Index<K, V>,
        place: Place,
        standing: Standing<K, V>,
    ) -> Option<Arc<V>> {
        self.live += usize::from(standing.value.is_some());
        let slot = Slot {
            place,
            value: standing.value.clone(),
        };
        let held = index.insert(&standing.key, self.number, slot);
        if let Some(held) = &held {
            self.order.remove(&held.place);
        }
        self.order.insert(place, standing);
        let held = held.and_then(|slot| slot.value);
        self.live -= usize::from(held.is_some());
        held
    }

    fn forget_first(&mut self, index: &mut Index<K, V>) {
        let Some(grave) = self.graves.pop_front() else {
            return;
        };
        // A key that has come back stands elsewhere by now.
        if let Some(standing) = self.order.remove(&grave.place) {
            index.slots.remove(&(standing.key, self.number));
            let below = grave.place.offset.saturating_add(1);
            self.forgotten_below = self.forgotten_below.max(below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lane and its index.
    struct Letters(Lane<char, u64>, Index<char, u64>);

    impl Letters {
        fn new(live_max: usize, graves_max: usize) -> Self {
            Self(Lane::new(7, live_max, graves_max), Index::new())
        }

        fn put(&mut self, key: char, offset: u64) -> Result<Option<Arc<u64>>, NoRoom> {
            let place = Place::at(offset);
            self.0.put(&mut self.1, key, place, 0, Arc::new(offset))
        }

        fn bury(&mut self, key: char, offset: u64) {
            let (place, at) = (Place::at(offset), at(i64::try_from(offset).unwrap()));
            self.0.bury(&mut self.1, key, place, 0, at);
        }

        fn forget(&mut self, until: Timestamp) {
            self.0.forget(&mut self.1, until);
        }

        fn since(&self, position: u64) -> Vec<(u64, char, bool)> {
            let changes = self.0.since(position);
            changes
                .map(|(offset, key, value)| (offset, *key, value.is_some()))
                .collect()
        }

        fn all(&self) -> Vec<(u32, u64)> {
            self.1
                .iter()
                .map(|(lane, _, value)| (lane, **value))
                .collect()
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn each_key_stands_once_where_it_changed_last() {
        let mut letters = Letters::new(10, 10);
        letters.put('b', 1).unwrap();
        letters.put('a', 2).unwrap();
        assert_eq!(letters.put('b', 3), Ok(Some(Arc::new(1))));
        letters.bury('c', 4);
        assert_eq!(
            letters.since(0),
            [(2, 'a', true), (3, 'b', true), (4, 'c', false)]
        );
        assert_eq!(letters.since(3), [(3, 'b', true), (4, 'c', false)]);
        assert_eq!(letters.all(), [(7, 2), (7, 3)]);
        assert_eq!(letters.0.len(), 2);
    }

    #[test]
    fn lanes_share_an_index_and_nothing_else() {
        let mut letters = Letters::new(10, 10);
        let mut other = Lane::new(8, 10, 10);
        letters.put('a', 1).unwrap();
        letters.put('b', 2).unwrap();
        assert!(!letters.1.has_shared_key());
        let put = other.put(&mut letters.1, 'a', Place::at(1), 0, Arc::new(10));
        assert_eq!(put, Ok(None));
        letters.bury('b', 3);
        assert_eq!(letters.all(), [(7, 1), (8, 10)]);
        assert!(letters.1.has_shared_key());
        assert_eq!(letters.1.of_key(&'a').count(), 2);
        assert_eq!(letters.0.clear(&mut letters.1), [Arc::new(1)]);
        assert_eq!(letters.all(), [(8, 10)]);
        assert_eq!((letters.since(0).len(), other.since(0).count()), (0, 1));
    }

    #[test]
    fn removals_are_forgotten_with_time_and_no_position_before_them_is_remembered() {
        let mut letters = Letters::new(10, 10);
        letters.put('a', 1).unwrap();
        letters.bury('a', 2);
        letters.bury('b', 3);
        letters.forget(at(2));
        assert_eq!(letters.since(0), [(3, 'b', false)]);
        assert!(!letters.0.remembers(2));
        assert!(letters.0.remembers(3));
        letters.forget(at(3));
        assert!(letters.1.slots.is_empty());
    }

    #[test]
    fn a_key_that_came_back_is_not_forgotten_with_its_removal() {
        let mut letters = Letters::new(10, 10);
        letters.bury('a', 1);
        letters.put('a', 2).unwrap();
        letters.forget(at(5));
        assert_eq!(letters.since(0), [(2, 'a', true)]);
        assert!(letters.0.remembers(0));
    }

    #[test]
    fn removals_are_bounded_however_often_keys_come_and_go() {
        let mut letters = Letters::new(10, 3);
        for round in 0..100 {
            letters.put('a', 2 * round).unwrap();
            letters.bury('a', 2 * round + 1);
        }
        assert_eq!(letters.0.graves.len(), 3);
        for (key, offset) in "bcde".chars().zip(200..) {
            letters.bury(key, offset);
        }
        assert_eq!(letters.since(0).len(), 3);
        assert!(!letters.0.remembers(200));
        assert!(letters.0.remembers(201));
    }

    #[test]
    fn a_lane_that_remembers_no_removals_drops_the_key_at_once() {
        let mut letters = Letters::new(10, 0);
        letters.put('a', 1).unwrap();
        letters.bury('a', 2);
        assert!(letters.1.slots.is_empty() && letters.since(0).is_empty());
        assert!(!letters.0.remembers(2));
    }

    #[test]
    fn a_full_lane_takes_no_other_key_but_renews_those_it_has() {
        let mut letters = Letters::new(2, 10);
        letters.put('a', 1).unwrap();
        letters.put('b', 2).unwrap();
        assert_eq!(letters.put('c', 3), Err(NoRoom));
        assert!(letters.put('a', 4).is_ok());
        letters.bury('b', 5);
        assert_eq!(letters.put('c', 6), Ok(None));
        assert_eq!(letters.put('b', 7), Err(NoRoom));
    }
}
