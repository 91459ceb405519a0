//! How many connections there are, in all and from each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Room for connections. One address may take half of it, so that none can shut all others out.
#[derive(Debug)]
pub(super) struct Seats {
    room: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Room for one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    address: IpAddr,
    taken: Arc<Mutex<Taken>>,
}

impl Seats {
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            taken: Arc::default(),
        }
    }

    /// Room for a connection from there, if there is any left for it.
    pub(super) fn take(&self, address: IpAddr) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let its_own = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.in_all >= self.room || its_own >= self.room.div_ceil(2) {
            return None;
        }
        taken.in_all += 1;
        taken.by_address.insert(address, its_own + 1);
        Some(Seat {
            address,
            taken: Arc::clone(&self.taken),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.in_all = taken.in_all.saturating_sub(1);
        let its_own = taken.by_address.get(&self.address).copied().unwrap_or(0);
        if its_own > 1 {
            taken.by_address.insert(self.address, its_own - 1);
        } else {
            taken.by_address.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_takes_at_most_half() {
        let seats = Seats::new(4);
        let (here, there): (IpAddr, IpAddr) =
            ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = seats.take(here);
        let second = seats.take(here);
        assert!(first.is_some() && second.is_some());
        assert!(seats.take(here).is_none());
        let others = [seats.take(there), seats.take(there)];
        assert!(others.iter().all(Option::is_some));
        drop(first);
        assert!(seats.take(there).is_none());
        assert!(seats.take(here).is_some());
    }

    #[test]
    fn no_more_are_taken_than_there_is_room() {
        let seats = Seats::new(3);
        let from = |last: u8| seats.take(IpAddr::from([192, 0, 2, last]));
        let held: Vec<_> = (1..=3).map(from).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(from(4).is_none());
        drop(held);
        assert!(from(4).is_some());
        assert!(seats.taken.lock().unwrap().by_address.is_empty());
    }
}
