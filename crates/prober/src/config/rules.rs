//! What must hold of a configuration, and what comes of one of which all of it does.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use http::header::HeaderValue;
use rustls::ClientConfig;
use sextant_outbound::secret::{ADVICE as SECRET_ADVICE, Secrets};
use sextant_outbound::{Place, SecretSource, hosts, shown, tls};

use super::Config;
use super::target::Given;
use super::target_rules::TargetRules;
use crate::target::{Endpoint, Target};

/// Targets that one process asks.
const TARGETS_MAX: usize = 1_000;
const SERVERS_MAX: usize = 16;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, without its section.
    pub setting: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: &'static str,
}

/// A configuration without a problem, and what was read of the places that it names.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub(crate) config: Config,
    pub(crate) targets: Vec<Target>,
    pub(crate) servers: Vec<Place>,
    /// What the servers are shown.
    pub(crate) authorization: Option<HeaderValue>,
    /// Nothing if no place is reached by TLS.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

impl Resolved {
    /// Whether there is nothing to ask.
    pub fn is_idle(&self) -> bool {
        self.targets.is_empty()
    }

    /// Whether there are servers to look at.
    pub fn has_servers(&self) -> bool {
        !self.servers.is_empty()
    }

    /// Which endpoints, in the order in which a picture shows them.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.targets.iter().map(|target| &target.endpoint)
    }
}

impl Config {
    /// Reads the secrets by `secrets`, which gives each or says why not, and makes everything ready
    /// to be used.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn resolve(&self, secrets: &Secrets<'_>) -> Result<Resolved, Vec<Problem>> {
        let mut rules = Rules {
            secrets,
            wrong: Vec::new(),
        };
        let targets = rules.targets(&self.targets);
        rules.in_flight(self.in_flight_max, &targets);
        let servers = rules.servers(&self.servers);
        let authorization = self.server_token.as_ref();
        let authorization = authorization.and_then(|source| rules.bearer("server_token", source));
        if !(100..=10_000).contains(&self.server_poll_ms) {
            let what = format!("{} is out of range", self.server_poll_ms);
            rules.push("server_poll_ms", what, "give 100 to 10000");
        }
        let mut places = targets.iter().map(|target| &target.place).chain(&servers);
        let tls = (places.any(|place| place.is_tls) || self.ca_file.is_some())
            .then(|| tls::client(self.ca_file.as_deref()))
            .transpose();
        let tls = tls.unwrap_or_else(|what| {
            let advice = "name a PEM file with at least one certificate in ca_file";
            rules.push("ca_file", what, advice);
            None
        });
        if !rules.wrong.is_empty() {
            return Err(rules.wrong);
        }
        Ok(Resolved {
            config: self.clone(),
            targets,
            servers,
            authorization,
            tls,
        })
    }
}

pub(super) struct Rules<'r> {
    pub(super) secrets: &'r Secrets<'r>,
    pub(super) wrong: Vec<Problem>,
}

impl Rules<'_> {
    fn targets(&mut self, given: &[Given]) -> Vec<Target> {
        if given.len() > TARGETS_MAX {
            let what = format!("{} are more than {TARGETS_MAX}", given.len());
            let advice = "share them out among several processes";
            self.push("targets", what, advice);
        }
        let mut seen = BTreeSet::new();
        let mut targets = Vec::new();
        for (n, given) in (1..).zip(given.iter().take(TARGETS_MAX)) {
            match &given.0 {
                Ok(config) => {
                    let mut rules = TargetRules {
                        label: format!("target {n} ({} at {})", config.model, config.provider),
                        rules: self,
                    };
                    let Some(target) = rules.target(config) else {
                        continue;
                    };
                    if !seen.insert(target.endpoint.to_string()) {
                        let what = "stands there already".to_owned();
                        rules.push(what, "name each endpoint once");
                    }
                    targets.push(target);
                }
                Err(unreadable) => {
                    for why in &unreadable.why {
                        let what = format!("target {n}: {why}");
                        self.push("targets", what, "correct it, or take it out");
                    }
                }
            }
        }
        targets
    }

    /// Providers that are silent hold their places until they have timed out. If those were too few,
    /// an outage would show as a lack of observations.
    fn in_flight(&mut self, given: NonZeroU32, targets: &[Target]) {
        let places = targets.iter().map(|target| &target.place);
        let mut at_hosts = BTreeMap::<usize, u128>::new();
        for (host, target) in hosts(places).into_iter().zip(targets) {
            // The share of its time in which a target that never answers is waited for.
            let interval_ms = target.pace.interval.as_millis().max(1);
            let per_mille = target.timeout.as_millis() * 1_000 / interval_ms;
            *at_hosts.entry(host).or_default() += per_mille.min(1_000);
        }
        let all = at_hosts.values().sum::<u128>().div_ceil(1_000);
        let most = at_hosts.values().max().map_or(0, |it| it.div_ceil(1_000));
        let needed = if at_hosts.len() > 1 {
            // One of several has half of the places, rounded up.
            all.max((most * 2).saturating_sub(1))
        } else {
            all
        };
        if u128::from(given.get()) < needed {
            let what = format!(
                "{given} is too little: if no provider answered, the targets with their `timeout_ms` \
                 and `interval_ms` would take {needed}"
            );
            let advice = "give as many, or shorter timeouts";
            self.push("in_flight_max", what, advice);
        }
    }

    fn servers(&mut self, given: &[String]) -> Vec<Place> {
        if given.len() > SERVERS_MAX {
            let what = format!("{} are more than {SERVERS_MAX}", given.len());
            self.push("servers", what, "name some of them");
        }
        let mut places = Vec::new();
        for url in given.iter().take(SERVERS_MAX) {
            match Place::parse(url) {
                Ok(place) => places.push(place),
                Err(why) => {
                    let advice = "give http://host:port or https://host";
                    self.push("servers", format!("{:?}: {why}", shown(url)), advice);
                }
            }
        }
        places
    }

    fn bearer(&mut self, setting: &'static str, source: &SecretSource) -> Option<HeaderValue> {
        match source.header(self.secrets, "Bearer ") {
            Ok(value) => Some(value),
            Err(what) => {
                self.push(setting, what, SECRET_ADVICE);
                None
            }
        }
    }

    pub(super) fn push(&mut self, setting: &'static str, what: String, advice: &'static str) {
        self.wrong.push(Problem {
            setting,
            what,
            advice,
        });
    }
}
