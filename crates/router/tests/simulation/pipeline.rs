//! From an attempt that has ended to the board that a gateway holds, with the delays of the real
//! way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sextant_catalog::{EndpointFacts, Pricing};
use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region};
use sextant_measure::observation::Measurement;
use sextant_measure::time::Timestamp;
use sextant_measure::window::SlidingWindow;
use sextant_router::board::{Board, View};
use sextant_router::freshness::Ages;
use sextant_snapshot::routing::RoutingRow;
use sextant_snapshot::row::{AgentsSeen, EndpointRow, RegionFigures};

use super::provider::Provider;

/// From the end of an attempt until its owner has read it: batch, collector, log.
const READ_AFTER_US: i64 = 500_000;
/// From an owner's publication until the first gateway holds it.
const HELD_AFTER_US: i64 = 200_000;
/// From one gateway to the next.
const HELD_APART_US: i64 = 4_000;
/// Publications that some gateway may still hold.
const BOARDS_KEPT: usize = 4;

#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    endpoints: Vec<(EndpointId, SlidingWindow)>,
    facts: Vec<EndpointFacts>,
    /// Attempts that no owner has read yet, and when that will be.
    underway: VecDeque<(Timestamp, usize, Measurement)>,
    /// With the moment of their publication, newest last.
    boards: VecDeque<(Timestamp, Arc<Board>)>,
}

impl Pipeline {
    pub(crate) fn new(model: &ModelId, providers: &[Provider], at: Timestamp) -> Self {
        let ids = providers.iter().map(|provider| EndpointId {
            model: model.clone(),
            provider: ProviderId::new(provider.name).unwrap(),
            quantization: provider.quantization,
        });
        let ids: Vec<_> = ids.collect();
        let facts = ids.iter().zip(providers).map(|(id, provider)| {
            let (input, output) = provider.price;
            EndpointFacts {
                id: id.clone(),
                native: true,
                price: Some(Pricing {
                    input: input.parse().unwrap(),
                    output: output.parse().unwrap(),
                }),
                batch_price: None,
            }
        });
        let facts: Vec<_> = facts.collect();
        let nothing = Board::of([], &facts, [], Ages::default());
        let windows = ids.into_iter();
        Self {
            endpoints: windows
                .map(|id| (id, SlidingWindow::new(at.step())))
                .collect(),
            underway: VecDeque::new(),
            boards: VecDeque::from([(at, Arc::new(nothing))]),
            facts,
        }
    }

    /// An attempt has ended. Never earlier than the one before.
    pub(crate) fn report(&mut self, provider: usize, measurement: Measurement) {
        let read_at = measurement.completed_at.plus_micros(READ_AFTER_US);
        self.underway.push_back((read_at, provider, measurement));
    }

    /// What an owner does once a second.
    pub(crate) fn publish(&mut self, at: Timestamp) {
        while let Some((_, provider, measurement)) =
            self.underway.pop_front_if(|(read_at, ..)| *read_at <= at)
        {
            let (_, window) = &mut self.endpoints[provider];
            window.advance(at.step());
            window.file(&measurement);
        }
        let endpoints = self.endpoints.iter_mut();
        let rows: Vec<_> = endpoints.map(|(id, window)| row(id, window, at)).collect();
        // One of five is down at most, so that nobody suspects the observer.
        let board = Board::of(&rows, &self.facts, [], Ages::default());
        self.boards.push_back((at, Arc::new(board)));
        if self.boards.len() > BOARDS_KEPT {
            self.boards.pop_front();
        }
    }

    /// What a gateway holds.
    pub(crate) fn view(&self, gateway: i64, now: Timestamp) -> View<'_> {
        let published_by = now.plus_micros(-(HELD_AFTER_US + gateway * HELD_APART_US));
        let mut newest_first = self.boards.iter().rev();
        let held = newest_first.find(|(at, _)| *at <= published_by);
        let (at, board) = held.unwrap_or(&self.boards[0]);
        let unheard_us = u64::try_from(now.micros_since(*at)).unwrap();
        board.at(now, Duration::from_micros(unheard_us))
    }
}

fn row(id: &EndpointId, window: &mut SlidingWindow, at: Timestamp) -> RoutingRow {
    window.advance(at.step());
    let region = RegionFigures {
        region: Region::new("local").unwrap(),
        figures: window.figures(at),
    };
    let agents = AgentsSeen::default();
    let row = EndpointRow::new(id.clone(), at, agents, vec![region], None).unwrap();
    RoutingRow::from(&row)
}
