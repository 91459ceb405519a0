//! How many series outside the catalog a partition holds, and who brought them.

use std::collections::HashMap;

/// Of the room for all, what one agent may take: a half.
const SHARE: usize = 2;

/// Who brought a series, by a hash of its name; nobody, if it was taken over from the last owner.
pub(crate) type Opener = Option<u64>;

/// Room for series outside the catalog, of which one agent may take half: a storm of names from
/// one leaves room for the others.
#[derive(Debug)]
pub(crate) struct Unknown {
    max: usize,
    held: usize,
    by_agent: HashMap<u64, usize>,
}

impl Unknown {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            held: 0,
            by_agent: HashMap::new(),
        }
    }

    /// Whether there is room for one more that this agent brings.
    pub(crate) fn has_room(&self, opener: Opener) -> bool {
        let its_own = opener.and_then(|agent| self.by_agent.get(&agent).copied());
        self.held < self.max && its_own.unwrap_or(0) < self.max.div_ceil(SHARE)
    }

    /// Counts one more.
    pub(crate) fn open(&mut self, opener: Opener) {
        self.held += 1;
        if let Some(agent) = opener {
            *self.by_agent.entry(agent).or_default() += 1;
        }
    }

    /// Counts one less.
    pub(crate) fn close(&mut self, opener: Opener) {
        self.held = self.held.saturating_sub(1);
        let Some(agent) = opener else { return };
        let its_own = self.by_agent.get(&agent).copied().unwrap_or(0);
        if its_own > 1 {
            self.by_agent.insert(agent, its_own - 1);
        } else {
            self.by_agent.remove(&agent);
        }
    }

    /// Counts anew, for these series.
    pub(crate) fn recount(&mut self, openers: impl Iterator<Item = Opener>) {
        (self.held, self.by_agent) = (0, HashMap::new());
        openers.for_each(|opener| self.open(opener));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens series until there is no room.
    fn fill(unknown: &mut Unknown, opener: Opener) -> usize {
        let mut opened = 0;
        while unknown.has_room(opener) {
            unknown.open(opener);
            opened += 1;
        }
        opened
    }

    #[test]
    fn one_agent_takes_at_most_half_and_gives_it_back() {
        let mut unknown = Unknown::new(5);
        assert_eq!(fill(&mut unknown, Some(1)), 3);
        assert_eq!(fill(&mut unknown, Some(2)), 2);
        unknown.close(Some(1));
        assert!(unknown.has_room(Some(1)) && unknown.has_room(Some(2)));
        assert_eq!(fill(&mut unknown, Some(2)), 1);
        unknown.recount([Some(2), Some(2), None].into_iter());
        assert_eq!(fill(&mut unknown, Some(2)), 1);
        assert_eq!(fill(&mut unknown, None), 1);
        assert!(unknown.by_agent.len() == 1);
    }
}
