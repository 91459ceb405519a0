//! Which stages a process runs.

use crate::config::Engines;

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// All of it, on an embedded log and store.
    Standalone,
    /// Keeps what a gateway's host reports until a collector has it.
    Agent,
    /// Takes observations in.
    Collector,
    /// Owns partitions.
    Aggregator,
    /// Keeps single attempts.
    Archive,
    /// Serves gateways and people.
    Server,
    /// Opens and closes incidents, and tells of them.
    Alerts,
}

impl Role {
    /// What it is called, on the command line and in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Agent => "agent",
            Self::Collector => "collector",
            Self::Aggregator => "aggregator",
            Self::Archive => "archive",
            Self::Server => "server",
            Self::Alerts => "alerts",
        }
    }

    /// Whether it has a log and a store of its own.
    pub(crate) const fn is_alone(self) -> bool {
        matches!(self, Self::Standalone)
    }

    /// Whether it stands before the fleet, with neither log nor store.
    pub(crate) const fn is_agent(self) -> bool {
        matches!(self, Self::Agent)
    }

    pub(crate) const fn collects(self) -> bool {
        matches!(self, Self::Standalone | Self::Collector)
    }

    pub(crate) const fn owns(self) -> bool {
        matches!(self, Self::Standalone | Self::Aggregator)
    }

    pub(crate) const fn archives(self) -> bool {
        matches!(self, Self::Standalone | Self::Archive)
    }

    pub(crate) const fn serves(self) -> bool {
        matches!(self, Self::Standalone | Self::Server)
    }

    /// Whether it looks at all windows.
    pub(crate) const fn sees(self) -> bool {
        self.serves() || self.alerts()
    }

    pub(crate) const fn alerts(self) -> bool {
        matches!(self, Self::Standalone | Self::Alerts)
    }

    /// Whether it asks providers itself.
    pub(crate) const fn probes(self) -> bool {
        self.is_alone() || self.is_agent()
    }

    /// What it works with beside its own.
    pub(crate) const fn engines(self) -> Engines {
        Engines {
            kafka: !self.is_alone() && !self.is_agent(),
            clickhouse: !self.is_alone() && self.stores(),
            collectors: self.is_agent(),
            providers: self.probes(),
            receivers: self.alerts(),
        }
    }

    /// Whether it writes results or reads them.
    pub(crate) const fn stores(self) -> bool {
        self.owns() || self.archives() || self.sees()
    }
}
