//! Why a span becomes no observation.

/// A reason that follows from the span's own bytes, its resource and the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LeftOut {
    /// It is about something else.
    NotGenAi = 0,
    /// It tells of GenAI, but not from the side that makes the request over a network.
    NotClient = 1,
    /// It tells of no generation: embeddings, a tool, an agent, a retrieval.
    NotInference = 2,
    /// Its model is not said, or can't be named `author/slug`.
    Model = 3,
    /// Its provider is not said, or has no slug.
    Provider = 4,
    /// It failed, and what it says of the failure tells nobody whose fault it was.
    UnknownError = 5,
    /// It has no end, ends before it begins, took more than a day, or ended at no such time.
    Times = 6,
    /// One of the attributes of our own says what it can't.
    OwnAttribute = 7,
}

impl LeftOut {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::NotGenAi,
        Self::NotClient,
        Self::NotInference,
        Self::Model,
        Self::Provider,
        Self::UnknownError,
        Self::Times,
        Self::OwnAttribute,
    ];

    /// The name used in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotGenAi => "not_gen_ai",
            Self::NotClient => "not_client",
            Self::NotInference => "not_inference",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::UnknownError => "unknown_error",
            Self::Times => "times",
            Self::OwnAttribute => "own_attribute",
        }
    }

    /// Whether the sender should hear of it. A trace is full of spans that are none of our
    /// business, and nobody has done wrong by sending them.
    pub const fn is_rejection(self) -> bool {
        !matches!(self, Self::NotGenAi | Self::NotClient | Self::NotInference)
    }

    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::NotGenAi | Self::NotClient | Self::NotInference => "nothing",
            Self::Model => "set [otlp] models, or the attribute sextant.model",
            Self::Provider => "set [otlp] providers, or the attribute sextant.provider",
            Self::UnknownError => "set [otlp] errors, or the attribute http.response.status_code",
            Self::Times => "send spans that have ended, with a start and an end",
            Self::OwnAttribute => "correct the attributes that begin with sextant.",
        }
    }
}

/// How many spans were left out, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally([u64; LeftOut::ALL.len()]);

impl Tally {
    pub(crate) fn add(&mut self, reason: LeftOut) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count += 1;
        }
    }

    /// How many were left out for this reason.
    pub fn of(&self, reason: LeftOut) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// Those of which there are any.
    pub fn counts(&self) -> impl Iterator<Item = (LeftOut, u64)> {
        let all = LeftOut::ALL.into_iter().zip(self.0);
        all.filter(|(_, count)| *count > 0)
    }

    /// How many were left out in all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// How many their sender should hear of.
    pub fn rejected(&self) -> u64 {
        let rejected = self.counts().filter(|(reason, _)| reason.is_rejection());
        rejected.map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_place_and_a_name_of_its_own() {
        let mut tally = Tally::default();
        for (place, reason) in LeftOut::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
            tally.add(reason);
            assert_eq!(tally.of(reason), 1);
        }
        assert_eq!((tally.total(), tally.rejected()), (8, 5));
        let names: std::collections::BTreeSet<_> = LeftOut::ALL.map(LeftOut::name).into();
        assert_eq!(names.len(), LeftOut::ALL.len());
    }
}
