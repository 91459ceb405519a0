//! Who sends, for quotas.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::ConnectInfo;
use dashmap::DashMap;
use governor::Quota;
use http::Extensions;
use tokio::time::Instant;
use tonic::transport::server::TcpConnectInfo;

use crate::budget::{Budget, Share};
use crate::limiter::Limiter;
use crate::limits::{Limits, length};

/// A peer that has been silent for so long has all its quotas again: forgetting it loses nothing.
const IDLE: Duration = Duration::from_mins(1);
/// How often the table is searched for idle peers, at most.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Who a quota belongs to. Whoever controls access inserts it as a request extension.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeerKey {
    /// The name of the token that was shown.
    Token(Arc<str>),
    /// The network address, as [`PeerKey::of_address`] gives it.
    Address(IpAddr),
    /// This process, or a transport without addresses.
    Local,
}

/// What is kept of a peer.
#[derive(Debug)]
pub struct Peer {
    /// Observations.
    pub(crate) rate: Limiter,
    /// Pairs of agent and epoch.
    pub new_senders: Limiter,
    /// Bytes that are not durable yet.
    pub in_flight_bytes: Share,
    /// Bytes of HTTP bodies and gRPC messages that are not whole yet.
    pub(crate) body_bytes: Share,
    /// Open streams.
    pub(crate) streams: Share,
    /// Definitions of endpoints.
    pub(crate) definitions: Share,
    seen_ms: AtomicU64,
}

/// The peers of late, bounded.
#[derive(Debug)]
pub(crate) struct Peers {
    recent: DashMap<PeerKey, Arc<Peer>>,
    capacity: usize,
    rate: Quota,
    new_senders: Quota,
    budgets: Budgets,
    begun: Instant,
    swept: Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Budgets {
    in_flight_bytes: Budget,
    body_bytes: Budget,
    streams: Budget,
    definitions: Budget,
}

impl PeerKey {
    /// The peer behind an address. One sender commonly has a whole /64 of IPv6 addresses, so they
    /// are one peer.
    pub fn of_address(address: IpAddr) -> Self {
        let address = match address.to_canonical() {
            IpAddr::V6(address) => {
                let prefix = address.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(prefix))
            }
            address @ IpAddr::V4(_) => address,
        };
        Self::Address(address)
    }

    /// What a layer in front has said, else the connection's address, else [`PeerKey::Local`].
    pub fn of_request(extensions: &Extensions) -> Self {
        if let Some(key) = extensions.get::<Self>() {
            return key.clone();
        }
        let http = extensions.get::<ConnectInfo<SocketAddr>>();
        let grpc = extensions.get::<TcpConnectInfo>();
        http.map(|info| info.0)
            .or_else(|| grpc.and_then(TcpConnectInfo::remote_addr))
            .map_or(Self::Local, |address| Self::of_address(address.ip()))
    }
}

impl Peers {
    pub(crate) fn new(limits: &Limits) -> Self {
        // A batch of the largest size must pass at a low rate, too.
        let burst: NonZeroU32 = limits
            .observations_per_second_max
            .max(limits.observations_max);
        Self {
            recent: DashMap::new(),
            capacity: length(limits.peers_max),
            rate: Quota::per_second(limits.observations_per_second_max).allow_burst(burst),
            new_senders: Quota::per_minute(limits.new_senders_per_minute_max),
            budgets: Budgets {
                in_flight_bytes: Budget::new(limits.in_flight_bytes_max),
                body_bytes: Budget::new(limits.body_bytes_max),
                streams: Budget::new(limits.streams_max),
                definitions: Budget::new(limits.definitions_max),
            },
            begun: Instant::now(),
            swept: Mutex::new(None),
        }
    }

    /// The peer of that name; `None` if there are too many of late to tell them apart.
    pub(crate) fn get(&self, key: &PeerKey) -> Option<Arc<Peer>> {
        let now = Instant::now();
        if let Some(peer) = self.recent.get(key) {
            peer.seen_ms.store(self.age_ms(now), Ordering::Relaxed);
            return Some(Arc::clone(&peer));
        }
        if self.recent.len() >= self.capacity {
            self.forget_idle(now);
            if self.recent.len() >= self.capacity {
                return None;
            }
        }
        let peer = self.recent.entry(key.clone());
        let peer = peer.or_insert_with(|| Arc::new(self.peer(now)));
        Some(Arc::clone(&peer))
    }

    fn peer(&self, now: Instant) -> Peer {
        Peer {
            rate: Limiter::new(self.rate),
            new_senders: Limiter::new(self.new_senders),
            in_flight_bytes: self.budgets.in_flight_bytes.share(),
            body_bytes: self.budgets.body_bytes.share(),
            streams: self.budgets.streams.share(),
            definitions: self.budgets.definitions.share(),
            seen_ms: AtomicU64::new(self.age_ms(now)),
        }
    }

    /// Under a storm of new peers the table is searched only now and then.
    fn forget_idle(&self, now: Instant) {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.is_some_and(|at| now.duration_since(at) < SWEEP_INTERVAL) {
            return;
        }
        *swept = Some(now);
        let now_ms = self.age_ms(now);
        let idle_ms = u64::try_from(IDLE.as_millis()).unwrap_or(u64::MAX);
        // Whoever has a stream open holds the peer.
        self.recent.retain(|_, peer| {
            let silent_ms = now_ms.saturating_sub(peer.seen_ms.load(Ordering::Relaxed));
            Arc::strong_count(peer) > 1 || silent_ms < idle_ms
        });
        self.recent.shrink_to_fit();
    }

    fn age_ms(&self, now: Instant) -> u64 {
        let age = now.duration_since(self.begun);
        u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> PeerKey {
        PeerKey::of_address(text.parse().unwrap())
    }

    #[test]
    fn addresses_of_one_sender_are_one_peer() {
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.2"), address("192.0.2.1"));
    }

    #[test]
    fn a_token_goes_before_an_address() {
        let mut extensions = Extensions::new();
        assert_eq!(PeerKey::of_request(&extensions), PeerKey::Local);
        let remote: SocketAddr = "192.0.2.1:5".parse().unwrap();
        extensions.insert(ConnectInfo(remote));
        assert_eq!(PeerKey::of_request(&extensions), address("192.0.2.1"));
        let token = PeerKey::Token(Arc::from("gateway"));
        extensions.insert(token.clone());
        assert_eq!(PeerKey::of_request(&extensions), token);
    }

    #[tokio::test(start_paused = true)]
    async fn past_the_bound_only_idle_peers_make_room() {
        let limits = Limits {
            peers_max: NonZeroU32::new(2).unwrap(),
            ..Limits::default()
        };
        let peers = Peers::new(&limits);
        let busy = peers.get(&address("192.0.2.1")).unwrap();
        assert!(peers.get(&address("192.0.2.2")).is_some());
        assert!(peers.get(&address("192.0.2.3")).is_none());
        tokio::time::advance(IDLE).await;
        assert!(peers.get(&address("192.0.2.3")).is_some());
        let again = peers.get(&address("192.0.2.1")).unwrap();
        assert!(Arc::ptr_eq(&busy, &again), "a busy peer was forgotten");
        assert!(peers.get(&address("192.0.2.2")).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_over_its_quota_waits_as_long_as_it_is_told() {
        let limits = Limits {
            observations_per_second_max: NonZeroU32::new(100).unwrap(),
            observations_max: NonZeroU32::new(100).unwrap(),
            ..Limits::default()
        };
        let peer = Peers::new(&limits).get(&PeerKey::Local).unwrap();
        assert_eq!(peer.rate.take(100), Ok(()));
        let wait = peer.rate.take(50).unwrap_err().0.unwrap();
        assert!(wait <= Duration::from_millis(500), "{wait:?}");
        tokio::time::advance(wait + Duration::from_millis(1)).await;
        assert_eq!(peer.rate.take(50), Ok(()));
        assert!(peer.rate.take(50).is_err());
        assert_eq!(peer.rate.take(101).unwrap_err().0, None);
    }
}
