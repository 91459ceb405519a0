//! Bounded places, of which one caller has at most half.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use http::Extensions;
use http::request::Parts;

/// Who asks. Whoever controls access inserts it as a request extension; all without one are one
/// caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Caller {
    /// The name of the token that was shown.
    Token(Arc<str>),
    /// The network address, or the network that counts as one caller.
    Address(IpAddr),
    /// This process, or a transport without addresses.
    #[default]
    Local,
}

/// What stands for a caller where a name is wanted.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
            Self::Local => f.write_str("local"),
        }
    }
}

impl Caller {
    /// What a layer in front has said.
    pub(crate) fn of_request(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of_request(&parts.extensions))
    }
}

/// Places for all callers together.
#[derive(Debug, Clone)]
pub(crate) struct Seats {
    max: u32,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: u32,
    /// Only of those who hold one, so that there are no more of them than seats.
    by_caller: HashMap<Caller, u32>,
}

/// A place that is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    caller: Caller,
    taken: Arc<Mutex<Taken>>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// All are taken.
    Full {
        /// How many there are.
        max: u32,
    },
    /// The caller has as many as one may.
    ShareTaken {
        /// How many that is.
        max: u32,
    },
}

impl Seats {
    pub(crate) fn new(max: NonZeroU32) -> Self {
        Self {
            max: max.get(),
            taken: Arc::default(),
        }
    }

    /// Takes one, at once or not at all.
    pub(crate) fn take(&self, caller: Caller) -> Result<Seat, NoSeat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let share_max = self.max.div_ceil(2);
        let own = taken.by_caller.get(&caller).copied().unwrap_or_default();
        if own >= share_max {
            return Err(NoSeat::ShareTaken { max: share_max });
        }
        if taken.all >= self.max {
            return Err(NoSeat::Full { max: self.max });
        }
        taken.all += 1;
        taken.by_caller.insert(caller.clone(), own + 1);
        Ok(Seat {
            caller,
            taken: Arc::clone(&self.taken),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(own) = taken.by_caller.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                taken.by_caller.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str) -> Caller {
        Caller::Token(Arc::from(name))
    }

    fn seats(max: u32) -> Seats {
        Seats::new(NonZeroU32::new(max).unwrap())
    }

    #[test]
    fn one_caller_takes_half_and_leaves_the_rest_to_others() {
        let seats = seats(4);
        let take = |name| seats.take(token(name));
        let greedy = [take("greedy").unwrap(), take("greedy").unwrap()];
        let refused = take("greedy").unwrap_err();
        assert_eq!(refused, NoSeat::ShareTaken { max: 2 });
        let others = [take("one").unwrap(), take("two").unwrap()];
        assert_eq!(take("three").unwrap_err(), NoSeat::Full { max: 4 });
        drop(greedy);
        let again = take("three");
        assert!(again.is_ok());
        drop((others, again));
        assert!(seats.taken.lock().unwrap().by_caller.is_empty());
    }

    #[test]
    fn a_single_seat_is_anyones() {
        let seats = seats(1);
        let held = seats.take(Caller::Local).unwrap();
        assert_eq!(seats.take(token("a")).unwrap_err(), NoSeat::Full { max: 1 });
        drop(held);
        assert!(seats.take(token("a")).is_ok());
    }

    #[test]
    fn who_is_not_told_apart_is_one_caller() {
        let mut extensions = Extensions::new();
        assert_eq!(Caller::of_request(&extensions), Caller::Local);
        extensions.insert(token("gateway"));
        assert_eq!(Caller::of_request(&extensions), token("gateway"));
    }
}
