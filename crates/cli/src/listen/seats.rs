//! How many connections there are, in all and from each peer: an address, or a network that one
//! holder has whole.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sextant_intake::PeerKey;

/// Room for connections. One peer may take half of it, so that none can shut all others out.
#[derive(Debug)]
pub(super) struct Seats {
    room: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    in_all: usize,
    by_peer: HashMap<PeerKey, usize>,
}

/// Room for one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    peer: PeerKey,
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
    pub(super) fn take(&self, peer: PeerKey) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let its_own = taken.by_peer.get(&peer).copied().unwrap_or(0);
        if taken.in_all >= self.room || its_own >= self.room.div_ceil(2) {
            return None;
        }
        taken.in_all += 1;
        taken.by_peer.insert(peer.clone(), its_own + 1);
        Some(Seat {
            peer,
            taken: Arc::clone(&self.taken),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.in_all = taken.in_all.saturating_sub(1);
        let its_own = taken.by_peer.get(&self.peer).copied().unwrap_or(0);
        if its_own > 1 {
            taken.by_peer.insert(self.peer.clone(), its_own - 1);
        } else {
            taken.by_peer.remove(&self.peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn peer(address: &str) -> PeerKey {
        PeerKey::of_address(address.parse().unwrap())
    }

    #[test]
    fn one_address_takes_at_most_half() {
        let seats = Seats::new(4);
        let here = || seats.take(peer("192.0.2.1"));
        let there = || seats.take(peer("192.0.2.2"));
        let first = here();
        let second = here();
        assert!(first.is_some() && second.is_some());
        assert!(here().is_none());
        let others = [there(), there()];
        assert!(others.iter().all(Option::is_some));
        drop(first);
        assert!(there().is_none());
        assert!(here().is_some());
    }

    #[test]
    fn no_more_are_taken_than_there_is_room() {
        let seats = Seats::new(3);
        let from = |last: u8| seats.take(PeerKey::of_address(IpAddr::from([192, 0, 2, last])));
        let held: Vec<_> = (1..=3).map(from).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(from(4).is_none());
        drop(held);
        assert!(from(4).is_some());
        assert!(seats.taken.lock().unwrap().by_peer.is_empty());
    }

    #[test]
    fn the_addresses_of_one_network_are_one_peer() {
        let seats = Seats::new(4);
        let held = ["2001:db8::1", "2001:db8::2"].map(|address| seats.take(peer(address)));
        assert!(held.iter().all(Option::is_some));
        assert!(seats.take(peer("2001:db8::3")).is_none());
        assert!(seats.take(peer("2001:db8:0:1::1")).is_some());
    }
}
