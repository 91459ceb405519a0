//! Values by key, the removals among them, and both in the order of the log.

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

/// The shelf has no room for another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// Where a key stands.
#[derive(Debug)]
struct Slot<V> {
    place: Place,
    /// Nothing, if the key was removed.
    value: Option<Arc<V>>,
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

/// Values by key. Keys with a value are at most `live_max`, remembered removals at most
/// `graves_max`.
#[derive(Debug)]
pub(crate) struct Shelf<K, V> {
    slots: BTreeMap<K, Slot<V>>,
    order: BTreeMap<Place, Standing<K, V>>,
    graves: VecDeque<Grave>,
    live: usize,
    live_max: usize,
    graves_max: usize,
    forgotten_below: u64,
}

impl<K: Ord + Clone, V> Shelf<K, V> {
    pub(crate) fn new(live_max: usize, graves_max: usize) -> Self {
        Self {
            slots: BTreeMap::new(),
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
        key: K,
        place: Place,
        epoch: u64,
        value: Arc<V>,
    ) -> Result<Option<Arc<V>>, NoRoom> {
        if self.live >= self.live_max && self.get(&key).is_none() {
            return Err(NoRoom);
        }
        Ok(self.stand(key, place, epoch, Some(value)))
    }

    /// Removes the key's value, which is given back, and remembers that. A key that had none is
    /// remembered too: a watcher may hold a value that this shelf never did.
    pub(crate) fn bury(
        &mut self,
        key: K,
        place: Place,
        epoch: u64,
        at: Timestamp,
    ) -> Option<Arc<V>> {
        let held = self.stand(key, place, epoch, None);
        self.graves.push_back(Grave { place, at });
        if self.graves.len() > self.graves_max {
            self.forget_first();
        }
        held
    }

    /// Forgets removals that are as old as this, or older.
    pub(crate) fn forget(&mut self, until: Timestamp) {
        while self.graves.front().is_some_and(|grave| grave.at <= until) {
            self.forget_first();
        }
    }

    /// Whether every removal from this position on is remembered.
    pub(crate) fn remembers(&self, position: u64) -> bool {
        position >= self.forgotten_below
    }

    pub(crate) fn get(&self, key: &K) -> Option<&Arc<V>> {
        self.slots.get(key).and_then(|slot| slot.value.as_ref())
    }

    /// How many keys have a value.
    pub(crate) fn len(&self) -> usize {
        self.live
    }

    /// All values, in the order of their keys, with their offsets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Arc<V>)> {
        self.slots
            .values()
            .filter_map(|slot| Some((slot.place.offset, slot.value.as_ref()?)))
    }

    /// What came at this position or later, in the order of the log: a value, or nothing for a
    /// removal.
    pub(crate) fn since(&self, position: u64) -> impl Iterator<Item = (u64, &K, Option<&Arc<V>>)> {
        self.order
            .range(Place::at(position)..)
            .map(|(place, standing)| (place.offset, &standing.key, standing.value.as_ref()))
    }

    /// Keys whose value was written after this claim under an older one.
    pub(crate) fn stale_after(&self, claim: u64) -> Vec<K> {
        self.order
            .range(Place::at(claim.saturating_add(1))..)
            .map(|(_, standing)| standing)
            .filter(|standing| standing.epoch < claim && standing.value.is_some())
            .map(|standing| standing.key.clone())
            .collect()
    }

    fn stand(&mut self, key: K, place: Place, epoch: u64, value: Option<Arc<V>>) -> Option<Arc<V>> {
        self.live += usize::from(value.is_some());
        let slot = Slot {
            place,
            value: value.clone(),
        };
        let held = self.slots.insert(key.clone(), slot);
        if let Some(held) = &held {
            self.order.remove(&held.place);
        }
        let standing = Standing { key, epoch, value };
        self.order.insert(place, standing);
        let held = held.and_then(|slot| slot.value);
        self.live -= usize::from(held.is_some());
        held
    }

    fn forget_first(&mut self) {
        let Some(grave) = self.graves.pop_front() else {
            return;
        };
        // A key that has come back stands elsewhere by now.
        if let Some(standing) = self.order.remove(&grave.place) {
            self.slots.remove(&standing.key);
            let below = grave.place.offset.saturating_add(1);
            self.forgotten_below = self.forgotten_below.max(below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Letters = Shelf<char, u64>;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn put(shelf: &mut Letters, key: char, offset: u64) -> Result<Option<Arc<u64>>, NoRoom> {
        shelf.put(key, Place::at(offset), 0, Arc::new(offset))
    }

    fn bury(shelf: &mut Letters, key: char, offset: u64) {
        shelf.bury(
            key,
            Place::at(offset),
            0,
            at(i64::try_from(offset).unwrap()),
        );
    }

    fn since(shelf: &Letters, position: u64) -> Vec<(u64, char, bool)> {
        let changes = shelf.since(position);
        changes
            .map(|(offset, key, value)| (offset, *key, value.is_some()))
            .collect()
    }

    #[test]
    fn each_key_stands_once_where_it_changed_last() {
        let mut shelf = Letters::new(10, 10);
        put(&mut shelf, 'b', 1).unwrap();
        put(&mut shelf, 'a', 2).unwrap();
        assert_eq!(put(&mut shelf, 'b', 3), Ok(Some(Arc::new(1))));
        bury(&mut shelf, 'c', 4);
        assert_eq!(
            since(&shelf, 0),
            [(2, 'a', true), (3, 'b', true), (4, 'c', false)]
        );
        assert_eq!(since(&shelf, 3), [(3, 'b', true), (4, 'c', false)]);
        let all: Vec<_> = shelf
            .iter()
            .map(|(offset, value)| (offset, **value))
            .collect();
        assert_eq!(all, [(2, 2), (3, 3)]);
        assert_eq!(shelf.len(), 2);
    }

    #[test]
    fn removals_are_forgotten_with_time_and_no_position_before_them_is_remembered() {
        let mut shelf = Letters::new(10, 10);
        put(&mut shelf, 'a', 1).unwrap();
        bury(&mut shelf, 'a', 2);
        bury(&mut shelf, 'b', 3);
        shelf.forget(at(2));
        assert_eq!(since(&shelf, 0), [(3, 'b', false)]);
        assert!(!shelf.remembers(2));
        assert!(shelf.remembers(3));
    }

    #[test]
    fn a_key_that_came_back_is_not_forgotten_with_its_removal() {
        let mut shelf = Letters::new(10, 10);
        bury(&mut shelf, 'a', 1);
        put(&mut shelf, 'a', 2).unwrap();
        shelf.forget(at(5));
        assert_eq!(since(&shelf, 0), [(2, 'a', true)]);
        assert!(shelf.remembers(0));
    }

    #[test]
    fn removals_are_bounded_however_often_keys_come_and_go() {
        let mut shelf = Letters::new(10, 3);
        for round in 0..100 {
            put(&mut shelf, 'a', 2 * round).unwrap();
            bury(&mut shelf, 'a', 2 * round + 1);
        }
        assert_eq!(shelf.graves.len(), 3);
        for (key, offset) in "bcde".chars().zip(200..) {
            bury(&mut shelf, key, offset);
        }
        assert_eq!(since(&shelf, 0).len(), 3);
        assert!(!shelf.remembers(200));
        assert!(shelf.remembers(201));
    }

    #[test]
    fn a_full_shelf_takes_no_other_key_but_renews_those_it_has() {
        let mut shelf = Letters::new(2, 10);
        put(&mut shelf, 'a', 1).unwrap();
        put(&mut shelf, 'b', 2).unwrap();
        assert_eq!(put(&mut shelf, 'c', 3), Err(NoRoom));
        assert!(put(&mut shelf, 'a', 4).is_ok());
        bury(&mut shelf, 'b', 5);
        assert_eq!(put(&mut shelf, 'c', 6), Ok(None));
        assert_eq!(put(&mut shelf, 'b', 7), Err(NoRoom));
    }
}
