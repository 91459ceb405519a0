//! What every back end of [`EventLog`] must do.
//!
//! A back end implements [`Harness`] in its tests and instantiates the suite:
//!
//! ```ignore
//! sextant_testkit::eventlog_contract!(SqliteHarness::new());
//! ```
//!
//! Each property is a function that takes a harness of its own, and becomes one `#[tokio::test]`.
//! Nothing here asks for more than a log that many processes share can give.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a property that doesn't hold fails the test that runs it"
)]

pub mod appending;
pub mod compaction;
pub mod groups;
pub mod reading;
pub mod topics;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sextant_eventlog::{Cleanup, EventLog, Offset, ReadLimit, Record, StoredRecord, TopicSpec};

/// How the suite gets at a back end.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The log, opened at the first call.
    async fn open(&self) -> Arc<dyn EventLog>;

    /// Closes the log in good order and opens what it left.
    async fn reopen(&self) -> Arc<dyn EventLog>;

    /// The largest record that the log takes, in bytes.
    fn record_bytes_max(&self) -> usize;

    /// A topic's name that nothing else uses.
    fn topic(&self, name: &str) -> String {
        name.to_owned()
    }
}

/// Instantiates the contract suite for a back end, as one test a property. Takes an expression
/// that makes a fresh [`Harness`].
#[macro_export]
macro_rules! eventlog_contract {
    ($harness:expr) => {
        $crate::eventlog_contract! { @each $harness;
            appending::offsets_start_at_zero_and_have_no_gaps,
            appending::concurrent_appenders_get_distinct_offsets,
            appending::append_times_never_go_back,
            appending::a_record_over_the_bound_is_refused_with_its_size,
            appending::an_append_of_nothing_is_refused,
            appending::offsets_and_records_survive_reopening,
            reading::records_are_read_as_they_were_appended,
            reading::partitions_are_apart,
            reading::a_read_keeps_to_its_limits,
            reading::a_read_always_returns_something_if_there_is_something,
            reading::a_waiting_read_wakes_when_a_record_comes,
            reading::a_read_with_nothing_to_come_ends_with_its_wait,
            reading::an_offset_past_the_high_watermark_is_refused,
            reading::records_are_found_by_time,
            compaction::reading_from_the_start_yields_the_latest_record_of_each_key_in_order,
            compaction::a_tombstone_is_read_as_the_latest_of_its_key,
            compaction::compaction_leaves_offsets_as_they_are,
            compaction::a_record_without_a_key_is_refused,
            compaction::one_append_may_supersede_itself,
            groups::a_committed_position_survives_reopening,
            groups::the_last_commit_stands_even_if_it_goes_back,
            groups::groups_and_partitions_have_positions_of_their_own,
            groups::the_first_member_owns_all_partitions_and_the_next_one_follows,
            topics::a_topic_may_be_prepared_again,
            topics::a_setting_that_differs_is_refused_with_both_figures,
            topics::a_refused_preparation_creates_nothing,
            topics::an_unknown_topic_is_refused_everywhere,
            topics::an_unknown_partition_is_refused_everywhere,
        }
    };
    (@each $harness:expr; $($module:ident :: $property:ident,)+) => {
        $(
            #[tokio::test]
            async fn $property() {
                let harness = $harness;
                $crate::eventlog_contract::$module::$property(&harness).await;
            }
        )+
    };
}

/// More than any partition of these tests holds.
const ALL: ReadLimit = ReadLimit {
    records: 10_000,
    bytes: 64 << 20,
};

/// A topic that keeps records for longer than a test.
fn by_age(name: String, partitions: u32) -> TopicSpec {
    TopicSpec {
        name,
        partitions,
        cleanup: Cleanup::Delete {
            retention: Duration::from_hours(2),
        },
    }
}

/// A compacted topic that keeps tombstones for longer than a test.
fn compacted(name: String, partitions: u32) -> TopicSpec {
    let cleanup = Cleanup::Compact {
        tombstone_retention: Duration::from_hours(1),
    };
    TopicSpec {
        name,
        partitions,
        cleanup,
    }
}

/// An open log with that one topic.
async fn open_with(harness: &dyn Harness, spec: &TopicSpec) -> Arc<dyn EventLog> {
    let log = harness.open().await;
    log.prepare(std::slice::from_ref(spec)).await.unwrap();
    log
}

/// A record that says its number.
fn numbered(number: usize) -> Record {
    Record::new(format!("key {number}"), format!("value {number}"))
}

/// All records of a partition, read in as many calls as it takes.
async fn read_all(log: &dyn EventLog, topic: &str, partition: u32) -> Vec<StoredRecord> {
    let mut from = log.bounds(topic, partition).await.unwrap().earliest;
    let mut records = Vec::new();
    loop {
        let fetched = log
            .read(topic, partition, from, ALL, Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(fetched.corrupt, [], "no record is damaged");
        records.extend(fetched.records);
        if fetched.next >= fetched.high_watermark {
            return records;
        }
        assert!(
            fetched.next > from,
            "a read below the high watermark goes on"
        );
        from = fetched.next;
    }
}

fn offsets(records: &[StoredRecord]) -> Vec<Offset> {
    records.iter().map(|record| record.offset).collect()
}
