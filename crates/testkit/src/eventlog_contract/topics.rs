//! What preparing topics promises, and what happens without.

use std::time::Duration;

use sextant_eventlog::{Cleanup, EventLog, LogError, Offset, Position, TopicSpec};

use super::{ALL, Harness, by_age, compacted, numbered, open_with, read_all};

/// Every start of a process prepares its topics; what stands in them stays.
pub async fn a_topic_may_be_prepared_again(harness: &dyn Harness) {
    let specs = [
        by_age(harness.topic("again-by-age"), 2),
        compacted(harness.topic("again-by-key"), 3),
    ];
    let log = harness.open().await;
    log.prepare(&specs).await.unwrap();
    for spec in &specs {
        log.append(&spec.name, 1, vec![numbered(1)]).await.unwrap();
    }
    log.prepare(&specs).await.unwrap();
    drop(log);
    let log = harness.reopen().await;
    log.prepare(&specs).await.unwrap();
    for spec in &specs {
        assert_eq!(read_all(&*log, &spec.name, 1).await.len(), 1);
    }
}

/// A topic that isn't what a process needs is refused by name, setting and figures.
pub async fn a_setting_that_differs_is_refused_with_both_figures(harness: &dyn Harness) {
    let topic = harness.topic("settled");
    let found = by_age(topic.clone(), 4);
    let log = open_with(harness, &found).await;
    let differing = [
        (
            TopicSpec {
                partitions: 8,
                ..found.clone()
            },
            "partitions",
            "8",
            "4",
        ),
        (
            TopicSpec {
                cleanup: Cleanup::Delete {
                    retention: Duration::from_hours(3),
                },
                ..found.clone()
            },
            "retention",
            "10800",
            "7200",
        ),
        (compacted(topic.clone(), 4), "cleanup", "compact", "delete"),
    ];
    for (spec, setting, wanted, found) in differing {
        let refusal = log.prepare(&[spec]).await.unwrap_err();
        let LogError::SettingsDiffer {
            topic: refused,
            setting: differing,
            wanted: asked_for,
            found: there,
        } = &refusal
        else {
            panic!("{refusal}");
        };
        // The back end has names and units of its own, which begin or end like these.
        assert!(refused.ends_with(&topic), "{refusal}");
        assert!(differing.starts_with(setting), "{refusal}");
        assert!(asked_for.starts_with(wanted), "{refusal}");
        assert!(there.starts_with(found), "{refusal}");
    }
}

/// Either all topics are as they should be, or none is made.
pub async fn a_refused_preparation_creates_nothing(harness: &dyn Harness) {
    let found = by_age(harness.topic("first"), 1);
    let fresh = by_age(harness.topic("second"), 1);
    let log = open_with(harness, &found).await;
    let differing = TopicSpec {
        partitions: 2,
        ..found
    };
    assert!(log.prepare(&[fresh.clone(), differing]).await.is_err());
    let unknown = LogError::UnknownTopic {
        topic: fresh.name.clone(),
    };
    assert_eq!(log.bounds(&fresh.name, 0).await, Err(unknown));
}

/// A topic that nobody prepared isn't made by using it.
pub async fn an_unknown_topic_is_refused_everywhere(harness: &dyn Harness) {
    let topic = harness.topic("nowhere");
    let log = harness.open().await;
    let unknown = LogError::UnknownTopic {
        topic: topic.clone(),
    };
    for refusal in use_everywhere(&*log, &topic, 0).await {
        assert_eq!(refusal, unknown);
    }
    assert_eq!(log.join("readers", &topic).await.err(), Some(unknown));
}

/// A partition past the last one isn't made by using it.
pub async fn an_unknown_partition_is_refused_everywhere(harness: &dyn Harness) {
    let topic = harness.topic("narrow");
    let log = open_with(harness, &by_age(topic.clone(), 2)).await;
    let unknown = LogError::UnknownPartition {
        topic: topic.clone(),
        partition: 2,
        partitions: 2,
    };
    for refusal in use_everywhere(&*log, &topic, 2).await {
        assert_eq!(refusal, unknown);
    }
}

/// Why each call that names a partition is refused.
async fn use_everywhere(log: &dyn EventLog, topic: &str, partition: u32) -> [LogError; 6] {
    let position = Position {
        offset: Offset(0),
        time_us: 0,
    };
    let wait = Duration::ZERO;
    [
        log.append(topic, partition, vec![numbered(0)])
            .await
            .unwrap_err(),
        log.read(topic, partition, Offset(0), ALL, wait)
            .await
            .unwrap_err(),
        log.bounds(topic, partition).await.unwrap_err(),
        log.offset_at(topic, partition, 0).await.unwrap_err(),
        log.commit("readers", topic, partition, position)
            .await
            .unwrap_err(),
        log.committed("readers", topic, partition)
            .await
            .unwrap_err(),
    ]
}
