//! What every back end of [`Store`] must do.
//!
//! A back end implements [`Harness`] in its tests and instantiates the suite:
//!
//! ```ignore
//! sextant_testkit::store_contract!(SqliteHarness::new());
//! ```
//!
//! Each property is a function that takes a harness of its own, and becomes one `#[tokio::test]`.
//! Random ones run with seeds that are named when they fail: put those that ever did into
//! [`SEEDS`].
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a property that doesn't hold fails the test that runs it"
)]

pub mod attempts;
pub mod history;
pub mod incidents;
pub mod queries;
pub mod retention;
pub mod traffic;
pub mod uptime;
pub mod writing;

use std::sync::Arc;

use async_trait::async_trait;
use sextant_measure::id::{EndpointId, ModelId, ProviderId, Region, SeriesId};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Minute;
use sextant_store::{
    Limits, MinuteQuery, MinuteRange, MinuteRow, Rows, Store, WindowQuery, WindowRow, WindowScope,
};

/// How the suite gets at a back end.
#[async_trait]
pub trait Harness: Send + Sync {
    /// Opens the store, which is empty the first time, with these limits and the default
    /// retention. The one opened before has been dropped.
    async fn open(&self, limits: Limits) -> Arc<dyn Store>;

    /// How much longer than promised the store may keep a row, in minutes.
    fn retention_grace_minutes(&self) -> u32 {
        60
    }
}

/// Seeds that every run begins with; a fresh one follows.
pub const SEEDS: [u64; 4] = [1, 2, 3, 4];

/// Instantiates the contract suite for a back end, as one test a property. Takes an expression
/// that makes a fresh [`Harness`].
#[macro_export]
macro_rules! store_contract {
    ($harness:expr) => {
        $crate::store_contract! { @each $harness;
            writing::rows_are_read_as_they_were_written,
            writing::rows_survive_reopening,
            writing::writing_the_same_rows_again_changes_nothing,
            writing::the_highest_revision_stands_whatever_the_order,
            writing::an_equal_revision_replaces_nothing,
            writing::a_published_window_is_never_rewritten,
            writing::a_refused_write_changes_nothing,
            writing::a_write_over_the_bound_is_refused_with_both_figures,
            writing::concurrent_writes_all_stand,
            writing::rulings_are_found_by_model_and_time,
            queries::ranges_are_half_open,
            queries::an_empty_or_backward_range_has_no_rows,
            queries::an_unknown_model_has_no_rows,
            queries::minutes_are_found_by_endpoint_and_region,
            queries::windows_are_found_by_endpoint_and_scope,
            queries::rows_come_in_the_order_of_time_and_name,
            queries::a_query_over_the_bound_is_refused_with_both_figures,
            history::history_is_the_exact_merge_of_its_minutes,
            history::the_minutes_of_a_window_merge_to_what_it_said,
            history::a_history_over_its_bounds_is_refused_with_both_figures,
            uptime::buckets_are_the_sums_of_the_minutes_that_stand,
            uptime::long_windows_are_restored_as_if_never_lost,
            uptime::too_many_buckets_are_refused_with_both_figures,
            retention::what_is_too_old_is_deleted_and_the_rest_kept,
            retention::what_is_deleted_can_be_written_again,
            attempts::an_attempt_written_again_is_one_row_and_the_first_stands,
            attempts::attempts_are_found_by_endpoint_region_time_and_outcome,
            attempts::of_many_attempts_the_newest_are_answered,
            attempts::attempts_go_after_their_hours,
            incidents::of_an_incident_its_end_stands_whatever_the_order,
            incidents::incidents_are_found_by_the_time_they_were_open_and_by_model,
            incidents::of_many_incidents_the_newest_are_answered,
        }
    };
    (@each $harness:expr; $($module:ident :: $property:ident,)+) => {
        $(
            #[tokio::test]
            async fn $property() {
                let harness = $harness;
                $crate::store_contract::$module::$property(&harness).await;
            }
        )+
    };
}

/// The minute around which most of it happens; on no boundary of anything.
const START: Minute = Minute::from_index(29_000_003);

/// A minute so many after [`START`].
fn at(minutes: u32) -> Minute {
    START.plus(minutes)
}

/// From so many minutes after [`START`] up to but not including so many.
fn range(from: u32, to: u32) -> MinuteRange {
    MinuteRange::new(at(from), at(to))
}

/// All minutes there are.
fn always() -> MinuteRange {
    MinuteRange::new(Minute::from_index(0), Minute::from_index(u32::MAX))
}

fn model(name: &str) -> ModelId {
    ModelId::new(&format!("author/{name}")).unwrap()
}

fn endpoint(model_name: &str, provider: &str) -> EndpointId {
    EndpointId {
        model: model(model_name),
        provider: ProviderId::new(provider).unwrap(),
        quantization: Quantization::Fp8,
    }
}

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

fn series(model_name: &str, provider: &str, region_name: &str) -> SeriesId {
    SeriesId {
        endpoint: endpoint(model_name, provider),
        region: region(region_name),
    }
}

fn of_minutes(rows: impl IntoIterator<Item = MinuteRow>) -> Rows {
    Rows {
        minutes: rows.into_iter().collect(),
        ..Rows::default()
    }
}

fn of_windows(rows: impl IntoIterator<Item = WindowRow>) -> Rows {
    Rows {
        windows: rows.into_iter().collect(),
        ..Rows::default()
    }
}

/// A query for all minutes of a model.
fn all_minutes(model_name: &str) -> MinuteQuery {
    MinuteQuery {
        model: model(model_name),
        endpoint: None,
        region: None,
        range: always(),
    }
}

/// A query for all windows of a model.
fn all_windows(model_name: &str) -> WindowQuery {
    WindowQuery {
        model: model(model_name),
        endpoint: None,
        scope: WindowScope::All,
        range: always(),
    }
}

/// The seeds of this run.
fn seeds() -> impl Iterator<Item = u64> {
    SEEDS.into_iter().chain([rand::random()])
}
