//! Everything an owner knows of one endpoint.

use std::collections::BTreeSet;

use sextant_measure::figures::Figures;
use sextant_measure::id::{EndpointId, Region, SeriesId};
use sextant_measure::long::LongUptime;
use sextant_measure::observation::Measurement;
use sextant_measure::time::{Minute, Step, Timestamp};
use sextant_measure::window::{Filed, SlidingWindow};
use sextant_snapshot::SnapshotError;
use sextant_snapshot::row::{AgentsSeen, EndpointRow, RegionFigures};
use sextant_store::{MinuteRow, Revision, SeriesUptime, Terms, WindowRow};

use crate::seen::Seen;
use crate::series::Series;
use crate::unknown::Opener;

/// Each row is published at least this often, so that its age says whether it is alive.
pub(crate) const REFRESH_US: i64 = 10_000_000;

#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) id: EndpointId,
    /// Ascending by region.
    regions: Vec<RegionSeries>,
    /// The merge of all regions, once there are two. Long windows are summed when asked for.
    global: Option<SlidingWindow>,
    pub(crate) seen: Seen,
    /// Whether something was filed since its numbers were last computed.
    changed: bool,
    published: Option<Published>,
}

#[derive(Debug)]
struct RegionSeries {
    region: Region,
    series: Series,
    opener: Opener,
    /// Append time of its last observation, or when its owner took it over.
    last_observed: Timestamp,
    /// Minutes that the store lacks something of.
    unstored: BTreeSet<Minute>,
}

/// Who brings a region, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By {
    pub(crate) opener: Opener,
    pub(crate) at: Timestamp,
}

#[derive(Debug)]
struct Published {
    at: Timestamp,
    step: Step,
    row: EndpointRow,
}

impl Endpoint {
    pub(crate) fn new(id: EndpointId) -> Self {
        Self {
            id,
            regions: Vec::new(),
            global: None,
            seen: Seen::default(),
            changed: true,
            published: None,
        }
    }

    pub(crate) fn regions(&self) -> usize {
        self.regions.len()
    }

    /// Append time of the last observation of any region.
    pub(crate) fn last_observed(&self) -> Timestamp {
        let regions = self.regions.iter().map(|held| held.last_observed);
        regions.max().unwrap_or_default()
    }

    /// Who brought each region.
    pub(crate) fn openers(&self) -> impl Iterator<Item = Opener> {
        self.regions.iter().map(|held| held.opener)
    }

    /// The place of a region among this endpoint's, if it has one.
    pub(crate) fn find(&self, region: &Region) -> Option<usize> {
        self.regions
            .binary_search_by(|held| held.region.cmp(region))
            .ok()
    }

    /// Makes room for a region. From the second on, the merge of all regions is kept too.
    pub(crate) fn add_region(&mut self, region: &Region, now: Step, long: LongUptime, by: By) {
        let Err(at) = self
            .regions
            .binary_search_by(|held| held.region.cmp(region))
        else {
            return;
        };
        if let ([first], None) = (self.regions.as_slice(), &self.global) {
            self.global = Some(first.series.window.clone());
        }
        let series = Series::new(now, long);
        let unstored = BTreeSet::new();
        self.regions.insert(
            at,
            RegionSeries {
                region: region.clone(),
                series,
                opener: by.opener,
                last_observed: by.at,
                unstored,
            },
        );
        self.changed = true;
    }

    /// Notes that observations of a region were read, whatever becomes of each.
    pub(crate) fn observed(&mut self, region: usize, agent: u64, at: Timestamp) {
        self.seen.note(agent, at);
        if let Some(held) = self.regions.get_mut(region) {
            held.last_observed = at;
        }
    }

    /// Lets go of regions that nothing was observed of since, but for the last one. Gives who
    /// brought them.
    pub(crate) fn take_idle_regions(&mut self, since: Timestamp) -> Vec<Opener> {
        let idle = |held: &RegionSeries| held.last_observed <= since;
        if self.regions.len() < 2 || !self.regions.iter().any(idle) {
            return Vec::new();
        }
        let newest = self.last_observed();
        let goes = |held: &mut RegionSeries| idle(held) && held.last_observed < newest;
        let gone: Vec<_> = self.regions.extract_if(.., goes).collect();
        if self.regions.len() == 1 {
            self.global = None;
        }
        self.changed |= !gone.is_empty();
        gone.into_iter().map(|held| held.opener).collect()
    }

    /// Files an observation under the region at a place that [`Endpoint::find`] gave.
    /// `store_lacks` is the minute to store again, if any.
    pub(crate) fn file(
        &mut self,
        region: usize,
        now: Step,
        measurement: &Measurement,
        store_lacks: Option<Minute>,
    ) -> Filed {
        let Some(held) = self.regions.get_mut(region) else {
            return Filed::Gone;
        };
        let filed = held.series.file(now, measurement);
        if matches!(filed, Filed::Inside | Filed::Kept) {
            held.unstored.extend(store_lacks);
            if let Some(global) = &mut self.global {
                global.advance(now);
                global.file(measurement);
            }
            self.changed = true;
        }
        filed
    }

    /// Counts an observation that came too late for its window.
    pub(crate) fn file_late(&mut self, region: usize, now: Step, arrived: Step) {
        let held = self
            .regions
            .get_mut(region)
            .map(|held| &mut held.series.window);
        for window in held.into_iter().chain(self.global.as_mut()) {
            window.advance(now);
            window.file_late(arrived);
        }
        self.changed = true;
    }

    /// The row to publish at `at`, if anything but the time has changed, or if it is due again.
    pub(crate) fn publish(&mut self, at: Timestamp) -> Result<Option<EndpointRow>, SnapshotError> {
        let due = |published: &Published| at.micros_since(published.at) >= REFRESH_US;
        let moved = |published: &Published| published.step != at.step();
        if !self.changed && !self.published.as_ref().is_none_or(|p| moved(p) || due(p)) {
            return Ok(None);
        }
        let row = self.row(at)?;
        self.changed = false;
        match &mut self.published {
            Some(published) if !due(published) && same_numbers(&published.row, &row) => {
                published.step = at.step();
                Ok(None)
            }
            published => {
                *published = Some(Published {
                    at,
                    step: at.step(),
                    row: row.clone(),
                });
                Ok(Some(row))
            }
        }
    }

    /// What was published may not have reached the log: it is due again.
    pub(crate) fn unpublish(&mut self) {
        self.published = None;
    }

    /// What the store is to keep of the window that ends at `minute`: the merge of all regions,
    /// and each region. Nothing of one without traffic.
    pub(crate) fn windows(&mut self, minute: Minute, terms: &Terms) -> Vec<WindowRow> {
        // The last moment before the minute: the step that it opens is not part of the window.
        let last = minute.start().plus_micros(-1);
        let Ok(row) = self.row(last) else {
            return Vec::new();
        };
        let keep = |region: Option<&Region>, figures: &Figures| WindowRow {
            endpoint: self.id.clone(),
            region: region.cloned(),
            ending: minute,
            figures: Figures {
                window_end: minute.start(),
                ..*figures
            },
            terms: terms.clone(),
        };
        let global = std::iter::once(keep(None, row.global()));
        let regions = row
            .regions()
            .iter()
            .map(|held| keep(Some(&held.region), &held.figures));
        global
            .chain(regions)
            .filter(|row| row.figures.counts.all() > 0)
            .collect()
    }

    /// The rows of these minutes that the store lacks something of; they count as handed over.
    pub(crate) fn take_minutes(&mut self, due: &[Minute], revision: Revision) -> Vec<MinuteRow> {
        let mut rows = Vec::new();
        for held in &mut self.regions {
            for minute in due.iter().filter(|minute| held.unstored.remove(minute)) {
                let series = SeriesId {
                    endpoint: self.id.clone(),
                    region: held.region.clone(),
                };
                let sums = held.series.window.minute(*minute);
                rows.extend(sums.map(|sums| MinuteRow {
                    series,
                    minute: *minute,
                    revision,
                    sums,
                }));
            }
        }
        rows
    }

    /// The first minute that is not awaited from the store, of the region that awaits most.
    /// Nothing if none awaits any.
    pub(crate) fn awaits_until(&self) -> Option<Minute> {
        let longs = self.regions.iter().map(|held| &held.series.long);
        let awaiting = longs.filter(|long| !long.is_restored());
        awaiting.map(LongUptime::live_from).max()
    }

    /// Adds what the store knows of the time up to `until`, to the regions that await no more.
    pub(crate) fn restore(&mut self, uptimes: &[SeriesUptime], until: Minute) {
        let complete = |held: &&mut RegionSeries| held.series.long.live_from() <= until;
        for held in self.regions.iter_mut().filter(complete) {
            let mine = uptimes.iter().filter(|u| u.series.region == held.region);
            held.series
                .long
                .restore(mine.flat_map(|u| u.buckets.iter().copied()));
        }
        self.changed = true;
    }

    fn row(&mut self, at: Timestamp) -> Result<EndpointRow, SnapshotError> {
        let agents = AgentsSeen {
            five_minutes: self.seen.five_minutes(at),
            one_hour: self.seen.one_hour(at),
        };
        let regions = self.regions.iter_mut().map(|held| RegionFigures {
            region: held.region.clone(),
            figures: held.series.figures(at),
        });
        let regions: Vec<RegionFigures> = regions.collect();
        let global = self.global.as_mut().map(|window| {
            window.advance(at.step());
            Figures {
                uptime_6h: regions.iter().map(|r| r.figures.uptime_6h).sum(),
                uptime_1d: regions.iter().map(|r| r.figures.uptime_1d).sum(),
                ..window.figures(at)
            }
        });
        EndpointRow::new(self.id.clone(), at, agents, regions, global)
    }
}

/// Whether two rows differ in nothing but the time they are for.
fn same_numbers(a: &EndpointRow, b: &EndpointRow) -> bool {
    let same = |a: &Figures, b: &Figures| {
        Figures {
            window_start: b.window_start,
            window_end: b.window_end,
            ..*a
        } == *b
    };
    a.agents() == b.agents()
        && a.regions().len() == b.regions().len()
        && same(a.global(), b.global())
        && a.regions()
            .iter()
            .zip(b.regions())
            .all(|(a, b)| same(&a.figures, &b.figures))
}
