//! What changes on the page of a model that is open.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{Lead, ModelPage, Pick, Row, Standing, Tier};

/// New numbers for a page that is open. The same numbers are the same text.
#[derive(Debug, Serialize)]
pub struct Patch<'p> {
    /// Which rows, regions and operations there are. If they are others, the page has to be fetched
    /// anew.
    shape: String,
    /// By row and metric: text, what it is sorted by, note.
    cells: BTreeMap<String, (&'p str, Option<f64>, &'p str)>,
    /// By row.
    standings: BTreeMap<String, &'p Standing>,
    /// By row: two paths of SVG, and the same in words.
    strips: BTreeMap<&'p str, [String; 3]>,
    cheapest: &'p Lead,
    fastest: &'p Lead,
    is_store_away: bool,
    /// By tier, and operation.
    picks: BTreeMap<String, &'p Pick>,
}

/// Rows times regions whose numbers are kept fresh one by one; of more, those of all regions alone.
const LIVE_REGIONS_MAX: usize = 200;

impl ModelPage {
    /// The numbers alone, for a page that is open.
    pub fn patch(&self) -> Patch<'_> {
        let rows = || self.rows.iter();
        let tiers = self.tiers.iter().flat_map(Tier::picks);
        let regions: usize = rows().map(|row| row.regions.len()).sum();
        let with_regions = regions <= LIVE_REGIONS_MAX;
        Patch {
            shape: self.shape(),
            cells: rows().flat_map(|row| row.cells(with_regions)).collect(),
            standings: rows().flat_map(|row| row.standings(with_regions)).collect(),
            strips: rows().map(Row::strips).collect(),
            cheapest: &self.cheapest,
            fastest: &self.fastest,
            is_store_away: self.is_store_away,
            picks: tiers.map(|(key, _, pick)| (key, pick)).collect(),
        }
    }
}

type Shown<'p> = (&'p str, Option<f64>, &'p str);

impl Row {
    fn cells(&self, with_regions: bool) -> impl Iterator<Item = (String, Shown<'_>)> {
        let tag = &self.tag;
        let own = self.numbers();
        let own = own.map(move |(metric, cell)| (format!("{tag} {}", metric.key()), cell));
        let others = self.others();
        let others = others.map(move |(key, _, cell)| (format!("{tag} {key}"), cell));
        let regions = self.regions.iter().filter(move |_| with_regions);
        let regions = regions.flat_map(move |region| {
            let numbers = region.numbers();
            numbers.map(move |(metric, cell)| {
                let key = format!("{tag} {} {}", metric.key(), region.name);
                (key, cell)
            })
        });
        let all = own.chain(others).chain(regions);
        all.map(|(key, cell)| (key, (cell.text.as_str(), cell.order, cell.note.as_str())))
    }

    fn standings(&self, with_regions: bool) -> impl Iterator<Item = (String, &Standing)> {
        let regions = self.regions.iter().filter(move |_| with_regions);
        let regions =
            regions.map(move |region| (format!("{} {}", self.tag, region.name), &region.standing));
        std::iter::once((self.tag.clone(), &self.standing)).chain(regions)
    }

    fn strips(&self) -> (&str, [String; 3]) {
        let strip = &self.strip;
        (&self.tag, [strip.good(), strip.bad(), strip.in_words()])
    }
}
