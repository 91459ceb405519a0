//! What was known at an earlier minute, as it was published then.

use sextant_catalog::EndpointFacts;
use sextant_measure::id::{EndpointId, ModelId};
use sextant_measure::time::Minute;
use sextant_router::board::Board;
use sextant_router::freshness::Ages;
use sextant_snapshot::gates::{Gate, GateKey};
use sextant_snapshot::routing::{RegionRouting, RoutingRow};
use sextant_snapshot::row::AgentsSeen;
use sextant_store::{MinuteRange, WindowQuery, WindowRow, WindowScope};

use crate::http::App;
use crate::http::problem::Problem;
use crate::seats::Caller;

/// The windows that ended at a minute, with prices and verdicts as they were.
pub(super) async fn board(
    app: &App,
    caller: Caller,
    model: &ModelId,
    ending: Minute,
) -> Result<Board, Problem> {
    let query = WindowQuery {
        model: model.clone(),
        endpoint: None,
        scope: WindowScope::All,
        range: MinuteRange::new(ending, ending.plus(1)),
    };
    let windows = app.stored(caller, app.store.windows(&query)).await?;
    Ok(board_of(&windows))
}

fn board_of(windows: &[WindowRow]) -> Board {
    let global = || windows.iter().filter(|window| window.region.is_none());
    let rows: Vec<_> = global().map(|window| row(window, windows)).collect();
    let facts: Vec<_> = global().map(facts).collect();
    let gates: Vec<_> = global().flat_map(gates).collect();
    Board::of(&rows, &facts, &gates, Ages::default())
}

fn row(window: &WindowRow, all: &[WindowRow]) -> RoutingRow {
    let of_endpoint = all.iter().filter(|one| one.endpoint == window.endpoint);
    let mut regions: Vec<_> = of_endpoint
        .filter_map(|one| {
            Some(RegionRouting {
                region: one.region.clone()?,
                figures: (&one.figures).into(),
            })
        })
        .collect();
    regions.sort_by(|one, other| one.region.cmp(&other.region));
    RoutingRow {
        id: window.endpoint.clone(),
        published_at: window.ending.start(),
        agents: AgentsSeen::default(),
        global: (&window.figures).into(),
        regions,
    }
}

fn facts(window: &WindowRow) -> EndpointFacts {
    EndpointFacts {
        id: window.endpoint.clone(),
        native: window.terms.native,
        price: window.terms.pricing,
        // Only the price of single requests is kept.
        batch_price: None,
    }
}

fn gates(window: &WindowRow) -> impl Iterator<Item = Gate> {
    let EndpointId {
        model,
        quantization,
        ..
    } = &window.endpoint;
    window
        .terms
        .verdicts
        .iter()
        .filter_map(|(operation, verdict)| {
            let key = GateKey {
                operation: operation.clone(),
                model: model.clone(),
                quantization: *quantization,
            };
            // Who gave it is not kept with it, and nobody sees it here.
            let author = "unknown".to_owned();
            Gate::new(key, *verdict, author, window.ending.start()).ok()
        })
}
