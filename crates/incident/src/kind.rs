//! What a rule looks at, and how soon somebody has to.

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// How fast the budget of errors that uptime's objective leaves is used up.
    Uptime,
    /// The share of attempts that were rate-limited.
    RateLimited,
    /// A percentile of the time to first token.
    Latency,
    /// A percentile of throughput.
    Throughput,
    /// Whether an agent is heard of.
    NoData,
    /// Whether so much is down at once that the observer is the likelier cause.
    Observer,
}

/// Whom an alert concerns, and how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Somebody, now.
    Page,
    /// Somebody, in working hours.
    Ticket,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Uptime,
        Self::RateLimited,
        Self::Latency,
        Self::Throughput,
        Self::NoData,
        Self::Observer,
    ];

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uptime => "uptime",
            Self::RateLimited => "rate_limited",
            Self::Latency => "latency",
            Self::Throughput => "throughput",
            Self::NoData => "no_data",
            Self::Observer => "observer",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Severity {
    /// All of them, the soonest first.
    pub const ALL: [Self; 2] = [Self::Page, Self::Ticket];

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }

    /// The severity of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.name()), Some(kind));
        }
        for severity in Severity::ALL {
            assert_eq!(Severity::parse(severity.name()), Some(severity));
        }
        assert_eq!((Kind::parse("x"), Severity::parse("")), (None, None));
    }
}
