//! How each target stands.

use std::sync::{Arc, PoisonError, RwLock};

use sextant_measure::outcome::Outcome;
use sextant_measure::time::Timestamp;

use crate::ask::Asked;
use crate::target::Endpoint;

/// How one target stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetState {
    /// Which.
    pub endpoint: Endpoint,
    /// What its last request came to.
    pub last: Option<LastRequest>,
    /// What is wrong with its configuration, going by the last answer that tells.
    pub misconfigured: Option<Misconfigured>,
}

/// What a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRequest {
    /// When.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// With which HTTP status.
    pub status_code: Option<u16>,
}

/// What a provider blames the configuration for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misconfigured {
    /// The key (401, 403).
    Key,
    /// The account (402).
    Payment,
    /// The model's name or the URL (404), or a list without the model.
    Model,
    /// The URL, which is elsewhere (3xx).
    Redirect,
    /// What is asked, or where (400, 405, 422 and others of the caller's own).
    Request,
}

/// How all targets stand. Clones show the same.
#[derive(Debug, Clone)]
pub struct States(Arc<RwLock<Vec<TargetState>>>);

/// What is wrong with a target's configuration, and whether that is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) misconfigured: Option<Misconfigured>,
    pub(crate) is_news: bool,
}

impl Misconfigured {
    /// What an answer blames, if it is that and not the provider.
    pub(crate) fn of(asked: &Asked) -> Option<Self> {
        match (asked.outcome, asked.status_code) {
            (Outcome::ProviderRefused, Some(401 | 403)) => Some(Self::Key),
            (Outcome::ProviderRefused, Some(402)) => Some(Self::Payment),
            (Outcome::ProviderRefused, Some(300..=399)) => Some(Self::Redirect),
            (Outcome::ProviderRefused, _) => Some(Self::Model),
            (Outcome::ClientError, _) => Some(Self::Request),
            _ => None,
        }
    }

    /// What to look at.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Key => "the provider refuses the key: check `key`",
            Self::Payment => "the provider wants to be paid: check the account",
            Self::Model => "the provider doesn't know the model: check `name` and `url`",
            Self::Request => {
                "the provider doesn't take the request: check `name`, `limit_name` and `url`"
            }
            Self::Redirect => "the API is elsewhere: give its present address as `url`",
        }
    }
}

impl States {
    pub(crate) fn new(endpoints: impl IntoIterator<Item = Endpoint>) -> Self {
        let state = |endpoint| TargetState {
            endpoint,
            last: None,
            misconfigured: None,
        };
        Self(Arc::new(RwLock::new(
            endpoints.into_iter().map(state).collect(),
        )))
    }

    /// How each stands, in the order of the configuration.
    pub fn all(&self) -> Vec<TargetState> {
        let states = self.0.read();
        states.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what a request came to. Returns what is wrong with the target's configuration by now.
    pub(crate) fn tell(&self, target: usize, at: Timestamp, asked: &Asked) -> Option<Standing> {
        let mut states = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let state = states.get_mut(target)?;
        state.last = Some(LastRequest {
            at,
            outcome: asked.outcome,
            status_code: asked.status_code,
        });
        let now = match Misconfigured::of(asked) {
            // A failure says neither that it is right nor that it is wrong.
            None if asked.outcome != Outcome::Ok => state.misconfigured,
            now => now,
        };
        let before = std::mem::replace(&mut state.misconfigured, now);
        Some(Standing {
            misconfigured: now,
            is_news: before != now,
        })
    }
}
