//! Who has heard what of an incident.

/// That a receiver has heard of an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// The receiver's name.
    pub receiver: String,
    /// What it has heard of.
    pub event: Event,
}

/// What happens to an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// It was opened.
    Opened,
    /// It was closed.
    Closed,
}

impl Event {
    /// Both, in their order.
    pub const ALL: [Self; 2] = [Self::Opened, Self::Closed];

    /// The name used in every interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
        }
    }

    /// The event of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_read_back() {
        for event in Event::ALL {
            assert_eq!(Event::parse(event.name()), Some(event));
        }
        assert_eq!(Event::parse("Opened"), None);
    }
}
