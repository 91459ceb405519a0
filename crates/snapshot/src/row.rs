//! What is known of an endpoint, and of a sender.

use std::slice;

use sextant_measure::figures::Figures;
use sextant_measure::id::{AgentId, EndpointId, Region};
use sextant_measure::time::Timestamp;

use crate::error::SnapshotError;

/// Most regions that an endpoint may be seen from.
pub const REGIONS_MAX: usize = 256;

/// What snapshots need to know of a row, in whichever form it is held.
pub trait Row {
    /// Which endpoint it is about.
    fn endpoint(&self) -> &EndpointId;

    /// When its owner published it.
    fn published_at(&self) -> Timestamp;
}

/// How many senders fed an endpoint, exact to 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AgentsSeen {
    /// Over 5 minutes.
    pub five_minutes: u8,
    /// Over an hour.
    pub one_hour: u8,
}

/// The numbers of an endpoint as seen from one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionFigures {
    /// Where it was measured.
    pub region: Region,
    /// The numbers.
    pub figures: Figures,
}

/// The finished numbers of an endpoint: of each region, and of their merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointRow {
    id: EndpointId,
    published_at: Timestamp,
    agents: AgentsSeen,
    seen: Seen,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    FromOne(Box<RegionFigures>),
    FromMany {
        regions: Box<[RegionFigures]>,
        global: Box<Figures>,
    },
}

impl EndpointRow {
    /// A row. The regions stand in ascending order, each once; `global` is their exact merge, and
    /// given from the second region on.
    ///
    /// # Errors
    /// [`SnapshotError::Row`] if that isn't so.
    pub fn new(
        id: EndpointId,
        published_at: Timestamp,
        agents: AgentsSeen,
        regions: Vec<RegionFigures>,
        global: Option<Figures>,
    ) -> Result<Self, SnapshotError> {
        if regions.len() > REGIONS_MAX {
            return Err(SnapshotError::Row("it has too many regions"));
        }
        if !regions.is_sorted_by(|a, b| a.region < b.region) {
            let problem = "its regions aren't in ascending order, each once";
            return Err(SnapshotError::Row(problem));
        }
        Ok(Self {
            id,
            published_at,
            agents,
            seen: Seen::new(regions, global.map(Box::new))?,
        })
    }

    /// Which endpoint it is about.
    pub fn id(&self) -> &EndpointId {
        &self.id
    }

    /// When its owner published it.
    pub fn published_at(&self) -> Timestamp {
        self.published_at
    }

    /// How many senders fed it.
    pub fn agents(&self) -> AgentsSeen {
        self.agents
    }

    /// The numbers by region, in ascending order; at least one.
    pub fn regions(&self) -> &[RegionFigures] {
        match &self.seen {
            Seen::FromOne(only) => slice::from_ref(only),
            Seen::FromMany { regions, .. } => regions,
        }
    }

    /// The numbers as seen from one region.
    pub fn region(&self, region: &Region) -> Option<&Figures> {
        self.regions()
            .iter()
            .find(|held| held.region == *region)
            .map(|held| &held.figures)
    }

    /// The numbers over all regions.
    pub fn global(&self) -> &Figures {
        match &self.seen {
            Seen::FromOne(only) => &only.figures,
            Seen::FromMany { global, .. } => global,
        }
    }

    /// Microseconds since it was published, never negative. A row ages while nobody owns its
    /// partition.
    pub fn age_us(&self, now: Timestamp) -> i64 {
        now.micros_since(self.published_at).max(0)
    }
}

impl Row for EndpointRow {
    fn endpoint(&self) -> &EndpointId {
        &self.id
    }

    fn published_at(&self) -> Timestamp {
        self.published_at
    }
}

impl Seen {
    fn new(
        mut regions: Vec<RegionFigures>,
        global: Option<Box<Figures>>,
    ) -> Result<Self, SnapshotError> {
        match (regions.len(), global) {
            (0 | 1, Some(_)) => Err(SnapshotError::Row("it has no regions to merge")),
            (0 | 1, None) => regions
                .pop()
                .map_or(Err(SnapshotError::Row("it has no region")), |only| {
                    Ok(Self::FromOne(Box::new(only)))
                }),
            (_, None) => Err(SnapshotError::Row("it lacks the merge of its regions")),
            (_, Some(global)) => Ok(Self::FromMany {
                regions: regions.into_boxed_slice(),
                global,
            }),
        }
    }
}

/// What a sender has done since its epoch began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// The name it gives itself.
    pub agent: AgentId,
    /// When the owner published this.
    pub published_at: Timestamp,
    /// When it was heard of last: another owner publishes a silent one again.
    pub heard_at: Timestamp,
    /// Observations recorded.
    pub recorded: u64,
    /// Observations acknowledged.
    pub acknowledged: u64,
    /// Observations refused.
    pub refused: u64,
    /// Observations dropped, by reason.
    pub dropped: Vec<(String, u64)>,
    /// What to add to its clock.
    pub clock_offset_us: i64,
    /// Observations that were ahead of the collector's clock.
    pub early: u64,
    /// Batches under an identity that another sender had used.
    pub clashes: u64,
}

#[cfg(test)]
mod tests {
    use sextant_measure::id::{ModelId, ProviderId};
    use sextant_measure::quantization::Quantization;

    use super::*;

    fn seen_from(region: &str, late: u32) -> RegionFigures {
        RegionFigures {
            region: Region::new(region).unwrap(),
            figures: figures(late),
        }
    }

    fn figures(late: u32) -> Figures {
        Figures {
            late,
            ..Figures::default()
        }
    }

    fn row(regions: Vec<RegionFigures>, global: Option<u32>) -> Result<EndpointRow, SnapshotError> {
        let id = EndpointId {
            model: ModelId::new("a/b").unwrap(),
            provider: ProviderId::new("p").unwrap(),
            quantization: Quantization::Fp8,
        };
        let published_at = Timestamp::from_micros(100);
        EndpointRow::new(
            id,
            published_at,
            AgentsSeen::default(),
            regions,
            global.map(figures),
        )
    }

    #[test]
    fn one_region_is_its_own_merge() {
        let row = row(vec![seen_from("x", 1)], None).unwrap();
        assert_eq!(row.global().late, 1);
        assert_eq!(
            row.region(&Region::new("x").unwrap()),
            Some(&figures(1)),
            "{row:?}"
        );
    }

    #[test]
    fn from_the_second_region_on_the_merge_is_given() {
        let row = row(vec![seen_from("x", 1), seen_from("y", 2)], Some(3)).unwrap();
        assert_eq!(row.global().late, 3);
        let late = |region| row.region(&Region::new(region).unwrap()).map(|f| f.late);
        assert_eq!(
            (late("x"), late("y"), late("z")),
            (Some(1), Some(2), None),
            "{row:?}"
        );
    }

    #[test]
    fn rows_that_contradict_themselves_are_refused() {
        let many = (0..=REGIONS_MAX).map(|i| seen_from(&format!("r{i:04}"), 0));
        let most: Vec<_> = many.clone().take(REGIONS_MAX).collect();
        assert!(row(most, Some(0)).is_ok());
        let two = || vec![seen_from("x", 0), seen_from("y", 0)];
        let twice = vec![seen_from("x", 0), seen_from("x", 0)];
        let backwards = vec![seen_from("y", 0), seen_from("x", 0)];
        for (regions, global) in [
            (Vec::new(), None),
            (many.collect(), Some(0)),
            (twice, Some(0)),
            (backwards, Some(0)),
            (two(), None),
            (vec![seen_from("x", 0)], Some(0)),
        ] {
            let shown = format!("{} regions, global {:?}", regions.len(), global.is_some());
            let refused = row(regions, global).unwrap_err();
            assert!(matches!(refused, SnapshotError::Row(_)), "{shown}");
        }
        assert!(row(two(), Some(0)).is_ok());
    }

    #[test]
    fn a_row_ages_from_its_publication_on() {
        let row = row(vec![seen_from("x", 0)], None).unwrap();
        assert_eq!(row.age_us(Timestamp::from_micros(350)), 250);
        assert_eq!(row.age_us(Timestamp::from_micros(50)), 0);
    }
}
