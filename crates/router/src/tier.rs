//! What a caller cares for most.

use std::fmt;
use std::str::FromStr;

/// A routing tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Native precision, the quickest first.
    Realtime,
    /// Precisions that are green for the operation, the cheapest first.
    Standard,
    /// As standard, by batch prices where there are any.
    Batch,
}

/// Not a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a tier; take realtime, standard or batch")]
pub struct TierError;

impl Tier {
    /// Every tier.
    pub const ALL: [Self; 3] = [Self::Realtime, Self::Standard, Self::Batch];

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Realtime => "realtime",
            Self::Standard => "standard",
            Self::Batch => "batch",
        }
    }

    /// Whether candidates need a verdict, rather than native precision.
    pub(crate) const fn is_gated(self) -> bool {
        !matches!(self, Self::Realtime)
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Tier {
    type Err = TierError;

    fn from_str(text: &str) -> Result<Self, TierError> {
        let mut tiers = Self::ALL.into_iter();
        tiers.find(|tier| tier.name() == text).ok_or(TierError)
    }
}
